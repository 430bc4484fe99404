"""`outages`: which system has been out since when; one open row per system and kind of trouble."""

from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A system that cannot be used at present, for one kind of reason."""

    id: int
    system: str
    began_at: datetime
    failures: int
    lasted_s: float
    since_last_failure_s: float
    message: str
    #: How long the system asked us to wait at the last failure, 0 where it did not.
    asked_pause_s: float
    #: Whether people were told, and have not been told otherwise since.
    mailed: bool


_COLUMNS = """id, system, began_at, failures, message, mailed, asked_pause_s,
              extract(epoch FROM last_failure_at - began_at)::float8 AS lasted_s,
              extract(epoch FROM now() - last_failure_at)::float8 AS since_last_failure_s"""


def note_failure(
    cursor: Cursor,
    system: str,
    message: str,
    *,
    kind: str = "",
    by_run: bool = False,
    resumes: bool = True,
    asked_pause_s: float = 0,
) -> Outage:
    """Count one more failed use of the system and return its outage of this kind, opened if need be.

    An outage that ended within the last hour goes on, if it `resumes`: a system that comes and goes is out once, not
    every time.
    """
    values = {
        "system": system,
        "kind": kind,
        "message": message,
        "by_run": by_run,
        "resumes": resumes,
        "asked": asked_pause_s,
    }
    cursor.execute(
        """
        UPDATE outages SET ended_at = NULL, by_run = FALSE WHERE id = (
            SELECT id FROM outages
            WHERE system = %(system)s AND kind = %(kind)s AND ended_at > now() - interval '1 hour'
              AND %(resumes)s
              AND NOT EXISTS (SELECT FROM outages WHERE system = %(system)s AND kind = %(kind)s AND ended_at IS NULL)
            ORDER BY id DESC LIMIT 1)
        """,
        values,
    )
    cursor.execute(
        f"""
        INSERT INTO outages AS known (system, kind, message, by_run, asked_pause_s)
        VALUES (%(system)s, %(kind)s, %(message)s, %(by_run)s, %(asked)s)
        ON CONFLICT (system, kind) WHERE ended_at IS NULL DO UPDATE
            SET failures = known.failures + 1, last_failure_at = now(), message = excluded.message,
                by_run = known.by_run OR excluded.by_run, asked_pause_s = excluded.asked_pause_s
        RETURNING {_COLUMNS}
        """,
        values,
    )
    return Outage(**cursor.fetchall()[0])


def note_mailed(cursor: Cursor, outage: Outage, *, heals: bool) -> None:
    """People were told of this outage; if it `heals` by itself, they take other trouble with the system for over."""
    cursor.execute(
        "UPDATE outages SET mailed = (id = %(id)s) WHERE id = %(id)s OR (system = %(system)s AND %(heals)s)",
        {"id": outage.id, "system": outage.system, "heals": heals},
    )


def note_success(cursor: Cursor, system: str) -> None:
    """The system answers: end its outages, if there are any."""
    cursor.execute("UPDATE outages SET ended_at = now() WHERE system = %s AND ended_at IS NULL", (system,))


def note_over(cursor: Cursor, system: str, *, kind: str) -> None:
    """This kind of trouble with the system is over, whatever else there may be."""
    cursor.execute(
        "UPDATE outages SET ended_at = now() WHERE system = %s AND kind = %s AND ended_at IS NULL", (system, kind)
    )


def note_look(cursor: Cursor, *systems: str) -> None:
    """A look at the systems succeeded: end their outages, but not what a run, which asks more of it, met of late."""
    cursor.execute(
        """
        UPDATE outages SET ended_at = now()
        WHERE system = ANY(%s) AND ended_at IS NULL AND NOT (by_run AND last_failure_at > now() - interval '2 hours')
        """,
        (list(systems),),
    )


def open_outages(cursor: Cursor) -> list[Outage]:
    """What is out, the oldest first."""
    cursor.execute(f"SELECT {_COLUMNS} FROM outages WHERE ended_at IS NULL ORDER BY began_at, id")
    return [Outage(**row) for row in cursor.fetchall()]


def was_told_of_late(cursor: Cursor, system: str, *, kind: str) -> bool:
    """Whether people were told of trouble of this kind that ended within the last hour."""
    cursor.execute(
        """
        SELECT FROM outages
        WHERE system = %s AND kind = %s AND mailed AND ended_at > now() - interval '1 hour' LIMIT 1
        """,
        (system, kind),
    )
    return cursor.rowcount > 0


def was_noted_since(cursor: Cursor, system: str, moment: datetime) -> bool:
    """Whether an outage of the system was written down after that moment."""
    cursor.execute("SELECT FROM outages WHERE system = %s AND last_failure_at >= %s LIMIT 1", (system, moment))
    return cursor.rowcount > 0
