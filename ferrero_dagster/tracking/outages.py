"""`outages`: which system has been out since when; one open row per system."""

from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A system that cannot be used at present."""

    id: int
    system: str
    began_at: datetime
    failures: int
    since_last_failure_s: float
    message: str


_COLUMNS = """id, system, began_at, failures, message,
              extract(epoch FROM now() - last_failure_at)::float8 AS since_last_failure_s"""


def note_failure(cursor: Cursor, system: str, message: str) -> Outage:
    """Count one more failed use of the system and return its outage, opened if need be.

    An outage that ended within the last hour goes on: a system that comes and goes is out once, not every time.
    """
    cursor.execute(
        """
        UPDATE outages SET ended_at = NULL WHERE id = (
            SELECT id FROM outages WHERE system = %(system)s AND ended_at > now() - interval '1 hour'
              AND NOT EXISTS (SELECT FROM outages WHERE system = %(system)s AND ended_at IS NULL)
            ORDER BY id DESC LIMIT 1)
        """,
        {"system": system},
    )
    cursor.execute(
        f"""
        INSERT INTO outages AS known (system, message) VALUES (%s, %s)
        ON CONFLICT (system) WHERE ended_at IS NULL DO UPDATE
            SET failures = known.failures + 1, last_failure_at = now(), message = excluded.message
        RETURNING {_COLUMNS}
        """,
        (system, message),
    )
    return Outage(**cursor.fetchall()[0])


def note_success(cursor: Cursor, system: str) -> None:
    """The system answers: end its outage, if there is one."""
    cursor.execute("UPDATE outages SET ended_at = now() WHERE system = %s AND ended_at IS NULL", (system,))


def open_outages(cursor: Cursor) -> dict[str, Outage]:
    """The systems that are out, by name."""
    cursor.execute(f"SELECT {_COLUMNS} FROM outages WHERE ended_at IS NULL")
    return {row["system"]: Outage(**row) for row in cursor.fetchall()}
