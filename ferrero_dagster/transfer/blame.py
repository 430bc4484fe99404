"""Whose trouble is it that a system failed a file: the whole system's, or this file's own (SPEC 3.7, 4.5)?"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ferrero_dagster.domain.errors import (
    AccessRefused,
    AccountFull,
    Doubtful,
    FerreroError,
    OwnTrouble,
    SystemUnavailable,
)
from ferrero_dagster.tracking import transfers
from ferrero_dagster.transfer.systems import Systems


@contextmanager
def blamed(systems: Systems, transfer_id: int) -> Iterator[None]:
    """Raise an incident that is raised inside as `OwnTrouble`, counted, unless a whole system may be out.

    It is out where it does not answer an independent, cheap question either; where it fails several different files in
    a row, that is `Doubtful`.
    """
    began = time.monotonic()
    try:
        yield
    except (SystemUnavailable, AccessRefused) as error:
        ask = _questions(systems).get(error.system)
        if ask is None or isinstance(error, AccountFull) or not _is_answered(ask):
            raise
        own = OwnTrouble(error.system, str(error))
        if not systems.database.transact(
            transfers.judge_failure,
            transfer_id,
            error.system,
            message=str(own),
            code=error.code,
            own_code=own.code,
            tried_for_s=time.monotonic() - began,
        ):
            raise Doubtful(error) from None
        raise own from None


def _questions(systems: Systems) -> dict[str, Callable[[], None]]:
    return {"DAM": systems.dam.check, "Box": systems.box.check}


def _is_answered(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except FerreroError:
        return False
    return True
