"""Sets a campaign's status, once, after proof, and never over a person's change (SPEC 3.5, 4.7)."""

from dataclasses import dataclass
from typing import Protocol

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import StatusChange
from ferrero_dagster.domain.errors import NotInDam, StatusChanged
from ferrero_dagster.tracking import rounds
from ferrero_dagster.tracking.database import Database, HeldLock


class Opened(Protocol):
    """What a status is set with."""

    @property
    def dam(self) -> Otmm:
        """The DAM."""

    @property
    def database(self) -> Database:
        """Where it is remembered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Advance:
    """How it went: set, unless a person had `chosen` another status; `notes` are sentences for people."""

    chosen: str | None = None
    notes: tuple[str, ...] = ()


def advance(
    systems: Opened, lock: HeldLock, change: StatusChange, current: rounds.Round, *, done_by: str | None = None
) -> Advance:
    """Set the status after, in place of the status before; `done_by` is the person who asked for it.

    The intent is written first: a round that began to advance is found again even if we die before we can say so. A
    campaign that the DAM does not show us any more after that counts as advanced (contract otmm.md 7.3).

    Raises:
        NotInDam: the campaign is gone, and nobody had begun to advance it.
    """
    lock.confirm()
    systems.database.transact(rounds.begin_advance, current.id, status=change.before, done_by=done_by)
    try:
        is_shown = systems.dam.set_status(current.campaign_id, change.after, expected=change.before)
    except StatusChanged as error:
        _close(systems, current)
        return Advance(chosen=error.found or "nothing")
    except NotInDam:
        if not current.advancing:
            _close(systems, current)
            raise
        is_shown = False
    return Advance() if is_shown else Advance(notes=(_out_of_sight(change.after),))


def _close(systems: Opened, current: rounds.Round) -> None:
    systems.database.transact(rounds.close, current.id, "overtaken")


def _out_of_sight(status: str) -> str:
    return (
        f"The DAM does not show us the campaign any more since we set its status to {status}, which could not be read "
        f"back: if nobody deleted it, look in the DAM whether it is in {status}."
    )
