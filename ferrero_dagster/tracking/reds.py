"""`reds`: what is or was red in Dagster since when, one row per thing and cause."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.domain.reds import Red
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownRed:
    """Something that is red at present."""

    id: int
    name: str
    cause: str
    message: str
    times: int
    began_at: datetime
    last_at: datetime
    lasted_s: float
    heals: bool
    #: Whether people heard of the cause while it lasts, or within the last day.
    is_told: bool


def keep(cursor: Cursor, seen: Collection[Red]) -> list[KnownRed]:
    """Write down all that is red now and end the rest; what was green for less than an hour goes on. Idempotent."""
    # One after the other: several sensors watch at once.
    cursor.execute("LOCK TABLE reds IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("DELETE FROM reds WHERE ended_at < now() - interval '30 days'")
    for red in seen:
        cursor.execute(
            """
            INSERT INTO reds AS known (name, cause, message, times, began_at, last_at, heals)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (name, cause) DO UPDATE SET
                times = CASE WHEN known.ended_at < now() - interval '1 hour' THEN excluded.times
                             ELSE greatest(excluded.times, known.times + (excluded.last_at > known.last_at)::int) END,
                began_at = CASE WHEN known.ended_at < now() - interval '1 hour' THEN excluded.began_at
                                ELSE known.began_at END,
                message = excluded.message, last_at = excluded.last_at, heals = excluded.heals, ended_at = NULL
            """,
            (red.name, red.cause, red.message, red.times, red.began_at, red.last_at, red.heals),
        )
    cursor.execute(
        "UPDATE reds SET ended_at = now() WHERE ended_at IS NULL AND name || ': ' || cause <> ALL(%s)",
        ([f"{red.name}: {red.cause}" for red in seen],),
    )
    return open_reds(cursor)


def note_told(cursor: Cursor, cause: str) -> None:
    """People heard of this cause."""
    cursor.execute("UPDATE reds SET mailed_at = now() WHERE cause = %s AND ended_at IS NULL", (cause,))


def open_reds(cursor: Cursor) -> list[KnownRed]:
    """What is red, the oldest first."""
    cursor.execute(
        """
        SELECT id, name, cause, message, times, began_at, last_at, heals,
               extract(epoch FROM now() - began_at)::float8 AS lasted_s,
               EXISTS (SELECT FROM reds told WHERE told.cause = red.cause
                       AND (told.mailed_at > now() - interval '1 day'
                            OR (told.ended_at IS NULL AND told.mailed_at >= told.began_at))) AS is_told
        FROM reds red WHERE ended_at IS NULL ORDER BY began_at, id
        """
    )
    return [KnownRed(**row) for row in cursor.fetchall()]
