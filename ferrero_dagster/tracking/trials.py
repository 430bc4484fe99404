"""Tries that are undone: whether the tables take the rows that we shall write, with our own functions and long values.

What the DAM's people write is not known beforehand; a status or name of theirs may still be refused at run time. The
ids are another process's never, so that no two tries wait for each other. Numbers of sequences stay used.
"""

import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import psycopg2
from psycopg2.errors import ObjectNotInPrerequisiteState, ReadOnlySqlTransaction

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.domain.errors import RefusedByDatabase
from ferrero_dagster.domain.files import Arrival, Campaign, DamAsset, Digest, MasterDetails
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.tracking import campaigns, masters, steps, transfers
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.refusals import place_of, reason_of, table_of

_ID = DamId(secrets.token_hex(20))
_FILE_ID = BoxId(str(10**12 + secrets.randbelow(10**12)))
_NAME = "It's a trial of a long name, " * 8
_FINAL = "KSUR1_DE_fr-CAN_It's a trial of 25 lett_KVIS_001MST_120S_1920x1080.mpeg4"
_DIGEST = Digest(size_bytes=2**40, sha1_hex="f" * 40, md5_hex="f" * 32)
_ASSET = DamAsset(id=_ID, original_id=_ID, version="1", name=_NAME, size_bytes=2**40, raw={"name": _NAME})
_NARROW = """
SELECT attname AS name FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND atttypmod = %s + 4 AND atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
"""
_REMEDIES = {
    "22001": "widen it (ALTER TABLE … ALTER COLUMN … TYPE text)",
    "22P02": "let its type take that (ALTER TYPE … ADD VALUE, or TYPE text)",
    "23502": "give the column a default",
    "23503": "drop the foreign key, or let it take that",
    "23514": "let the constraint take that",
    "55000": "make its key NOT DEFERRABLE",
    "42501": "GRANT SELECT, INSERT, UPDATE, DELETE on the table, and USAGE on its sequence, to our role, and let its "
    "policies take our rows",
}


#: Where, why, and what to do about it.
_Refused = tuple[str, str, str]
_OTHERWISE = (
    "what we wrote reads otherwise, or not at all",
    "change the trigger, type or policy that alters or hides our rows",
)


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is written, in words, and the writing, which looks at what became of it."""

    what: str
    write: Callable[[Cursor], _Refused | None]


@contextmanager
def undone(cursor: Cursor) -> Iterator[None]:
    """What is done inside is taken back, with its locks."""
    cursor.execute("SAVEPOINT trials")
    yield
    cursor.execute("ROLLBACK TO SAVEPOINT trials")


def refused_rows(cursor: Cursor, routes: Collection[MastersRoute], ways_back: Collection[FinalsRoute]) -> list[str]:
    """A sentence with the remedy for each kind of row that the tables do not take; all that is tried is undone."""
    found: dict[_Refused, list[str]] = {}
    with undone(cursor):
        for trial in _trials(routes, ways_back):
            if refused := _tried(cursor, trial):
                found.setdefault(refused, []).append(trial.what)
    return [
        f"{place} does not take {', '.join(whats)}: {reason}; {remedy}."
        for (place, reason, remedy), whats in found.items()
    ]


def _tried(cursor: Cursor, trial: _Trial) -> _Refused | None:
    cursor.execute("SAVEPOINT trial")
    try:
        refused = trial.write(cursor)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg2.Error as error:
        is_late_key = isinstance(error, ObjectNotInPrerequisiteState)
        is_out = isinstance(error, psycopg2.OperationalError | ReadOnlySqlTransaction) and not is_late_key
        if error.pgcode is None or is_out:
            raise  # PostgreSQL is out, or a standby, or somebody holds a lock
        # Before another statement is the cursor's.
        place, table = place_of(error), table_of(error)
        cursor.execute("ROLLBACK TO SAVEPOINT trial")
        remedy = _REMEDIES.get(error.pgcode, "let it take that from our role")
        return _columns(cursor, error, table) or place, reason_of(error), remedy
    cursor.execute("RELEASE SAVEPOINT trial")
    return refused


def _columns(cursor: Cursor, error: psycopg2.Error, table: str) -> str:
    """Of a text that is too long PostgreSQL tells no column: those of that width."""
    width = re.search(r"\((\d+)\)", reason_of(error))
    if error.pgcode != "22001" or not width:
        return ""
    cursor.execute(_NARROW, (table, int(width[1])))
    return " or ".join(f"{table}.{row['name']}" for row in cursor.fetchall())


def _trials(routes: Collection[MastersRoute], ways_back: Collection[FinalsRoute]) -> Iterator[_Trial]:
    changes = [change for route in ways_back for change in route.changes]
    statuses = [status for route in routes for status in (route.status_before, route.status_after)]
    statuses += [status for change in changes for status in (change.before, change.after)]
    for status in dict.fromkeys([*statuses, campaigns.GONE]):
        yield _Trial(f"the status {status}", partial(_note, status=status))
    for route in routes:
        yield _Trial(f"what {route.name} counts", partial(_count, prefix=route.column_prefix))
    for route in list(routes)[:1]:
        yield _Trial("a master", partial(_add_master, route=route))
        yield _Trial("a final", partial(_add_final, route=route, etag="1"))
        yield _Trial("a final in place of another", partial(_add_final, route=route, etag="2"))
        yield _Trial(f"a master that is {' or '.join(masters.WITHDRAWN)}", partial(_withdraw, route=route))


def _note(cursor: Cursor, status: str) -> _Refused | None:
    campaigns.note_seen(
        cursor, Campaign(id=_ID, number="C000000000", name=_NAME, status=status, type="Local Adaptation")
    )
    [known] = campaigns.known(cursor, [_ID])
    return None if known.status == status else ("campaign_status.status", *_OTHERWISE)


def _count(cursor: Cursor, prefix: str) -> None:
    campaigns.count_poll(cursor, prefix, _ID, error=_NAME)
    campaigns.mark_permanently_failed(cursor, prefix, _ID)
    campaigns.reset(cursor, prefix, [_ID])


def _add_master(cursor: Cursor, route: MastersRoute) -> _Refused | None:
    steps.intend(cursor, route, _ID, [_ASSET], finals_folder_id=_ID)
    for transfer in transfers.of_campaign(cursor, route.name, _ID).values():
        details = MasterDetails(finals_folder_id=_ID, description=_NAME, extracted_fields={}, full_metadata="{}")
        arrival = Arrival(
            target_id=_FILE_ID, target_name=_NAME, digest=_DIGEST, source_hash="given", run_id="", adopted=False
        )
        recorded = steps.RecordedMaster(transfer=transfer, arrival=arrival, details=details)
        if refused := _unkept("master_assets", partial(steps.record_masters, cursor, [recorded])):
            return refused
    return None


def _add_final(cursor: Cursor, route: MastersRoute, etag: str) -> _Refused | None:
    for transfer in transfers.of_campaign(cursor, route.name, _ID).values():
        way, listed = f"{route.name} back", {(_FILE_ID, etag): (_FINAL, transfer.tracking_id)}
        [final] = transfers.claim(cursor, way, _ID, listed).values()
        arrival = Arrival(
            target_id=_ID, target_name=_FINAL, digest=_DIGEST, source_hash="given", run_id="", adopted=True
        )
        if refused := _unkept("derivative_assets", partial(steps.record_finals, cursor, [(final.transfer, arrival)])):
            return refused
    return None


def _unkept(table: str, write: Callable[[], object]) -> _Refused | None:
    try:
        write()
    except RefusedByDatabase:
        return (table, *_OTHERWISE)
    return None


def _withdraw(cursor: Cursor, route: MastersRoute) -> _Refused | None:
    ids = [transfer.tracking_id for transfer in transfers.of_campaign(cursor, route.name, _ID).values()]
    for tracking_id in ids:
        masters.withdraw_master(cursor, tracking_id)
    return ("master_assets.status", *_OTHERWISE) if masters.active_masters(cursor, ids) else None
