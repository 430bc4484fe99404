"""`agency_looks`: since which position of Box's events the agency's folder is as `agency_files` says.

Losing a row costs one listing.
"""

from dataclasses import dataclass

from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class LastLook:
    """How far the looks of a route have come."""

    #: None where Box tells us no events.
    position: str | None
    rules: str
    #: Since the last whole listing; None where one is to be made.
    since_listed_s: float | None


def last_look(cursor: Cursor, route: str) -> LastLook | None:
    """What the last looks of the route have left; None before the first."""
    cursor.execute(
        """
        SELECT position, rules, extract(epoch FROM now() - listed_at)::float8 AS since_listed_s
        FROM agency_looks WHERE route = %s
        """,
        (route,),
    )
    row = cursor.fetchone()
    return LastLook(**row) if row else None


def begin_listing(cursor: Cursor, route: str, position: str | None, rules: str) -> None:
    """A whole listing is to be made; it holds all that happened before the position."""
    cursor.execute(
        """
        INSERT INTO agency_looks (route, position, rules) VALUES (%s, %s, %s)
        ON CONFLICT (route) DO UPDATE SET position = excluded.position, rules = excluded.rules, listed_at = NULL
        """,
        (route, position, rules),
    )


def end_listing(cursor: Cursor, route: str, position: str | None) -> None:
    """It was made and written down, unless another look has begun a later one meanwhile."""
    cursor.execute(
        "UPDATE agency_looks SET listed_at = now() WHERE route = %s AND position IS NOT DISTINCT FROM %s",
        (route, position),
    )


def advance(cursor: Cursor, route: str, position: str, *, before: str) -> None:
    """Nothing that happened between the two positions concerns the folder."""
    cursor.execute(
        "UPDATE agency_looks SET position = %s WHERE route = %s AND position = %s AND listed_at IS NOT NULL",
        (position, route, before),
    )
