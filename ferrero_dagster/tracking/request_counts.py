"""`request_counts`: how often each service was asked, by day and kind of request, and how many bytes that carried."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from psycopg2.extras import execute_values

from ferrero_dagster.tracking.database import Cursor

#: Of how many days before a moment the forecast takes the pace.
WEEK_DAYS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Requests of one kind."""

    kind: str
    calls: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthCount:
    """Requests of one kind from the first of a month on."""

    service: str
    kind: str
    calls: int
    size_bytes: int
    #: In the seven days that ended with the last one that counts.
    week_calls: int
    #: The first day that was ever counted.
    counted_since: date


def add(cursor: Cursor, service: str, zone: str, counted: Iterable[Counted]) -> None:
    """Count them on today's date in this time zone; not idempotent, what was counted twice counts twice."""
    cursor.execute("SELECT (now() AT TIME ZONE %s)::date AS day", (zone,))
    day = cursor.fetchall()[0]["day"]
    execute_values(
        cursor,
        """
        INSERT INTO request_counts AS known (service, kind, day, calls, size_bytes) VALUES %s
        ON CONFLICT (service, kind, day) DO UPDATE
        SET calls = known.calls + excluded.calls, size_bytes = known.size_bytes + excluded.size_bytes
        """,
        [(service, one.kind, day, one.calls, one.size_bytes) for one in counted],
    )


def calls_of_month(cursor: Cursor, service: str, zone: str) -> int:
    """All requests to the service since the month began in this time zone."""
    cursor.execute(
        """
        SELECT coalesce(sum(calls), 0) AS calls FROM request_counts
        WHERE service = %s AND day >= date_trunc('month', now() AT TIME ZONE %s)::date
        """,
        (service, zone),
    )
    return int(cursor.fetchall()[0]["calls"])


def month_counts(cursor: Cursor, last_day: date) -> list[MonthCount]:
    """What was asked from the first of the month until and with this day, the most calls first."""
    cursor.execute(
        """
        SELECT service, kind, counted_since,
            coalesce(sum(calls) FILTER (WHERE day >= date_trunc('month', %(day)s::date)), 0)::bigint AS calls,
            coalesce(sum(size_bytes) FILTER (WHERE day >= date_trunc('month', %(day)s::date)), 0)::bigint AS size_bytes,
            coalesce(sum(calls) FILTER (WHERE day > %(day)s::date - %(week)s), 0)::bigint AS week_calls
        FROM request_counts, (SELECT min(day) AS counted_since FROM request_counts) AS first
        WHERE day <= %(day)s AND day >= least(date_trunc('month', %(day)s::date), %(day)s::date - %(week)s)
        GROUP BY service, kind, counted_since ORDER BY service, calls DESC, kind
        """,
        {"day": last_day, "week": WEEK_DAYS},
    )
    return [MonthCount(**row) for row in cursor.fetchall()]


def forget_before_months(cursor: Cursor, months: int) -> None:
    """Forget what is older; the report looks at one month."""
    cursor.execute("DELETE FROM request_counts WHERE day < now() - %s * interval '1 month'", (months,))
