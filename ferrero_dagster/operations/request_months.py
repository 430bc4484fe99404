"""What was asked of Box and the DAM this month: a table for people, and one mail when most of a licence is used."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.report import RequestLine
from ferrero_dagster.domain.request_month import MonthSoFar
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outbox, request_counts
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.request_counts import MonthCount

_LICENSED = "Box"


def request_lines(cursor: Cursor, site: Site, last_day: date) -> tuple[RequestLine, ...]:
    """By service all requests of the month until and with this day, then each kind, the most frequent first."""
    counts = request_counts.month_counts(cursor, last_day)
    lines: list[RequestLine] = []
    for service, kinds in groupby(counts, key=lambda count: count.service):
        rows = list(kinds)
        licensed = site.box.calls_per_month if service == _LICENSED else None
        lines += [_line(service, "all", rows, last_day, licensed)]
        lines += [_line(service, row.kind, [row], last_day, None) for row in rows if row.calls or row.size_bytes]
    return tuple(lines)


def _line(service: str, kind: str, rows: Sequence[MonthCount], last_day: date, licensed: int | None) -> RequestLine:
    so_far = MonthSoFar(
        calls=sum(row.calls for row in rows),
        week_calls=sum(row.week_calls for row in rows),
        last_day=last_day,
        counted_since=min(row.counted_since for row in rows),
    )
    return RequestLine(
        service=service,
        kind=kind,
        calls=so_far.calls,
        size_bytes=sum(row.size_bytes for row in rows),
        forecast=so_far.forecast,
        licensed=licensed,
    )


def request_rows(cursor: Cursor, site: Site, now: datetime) -> list[dict[str, Any]]:
    """The same as of now, for the status."""
    return [line.model_dump() for line in request_lines(cursor, site, now.astimezone(site.zone).date())]


def warn_of_month(cursor: Cursor, site: Site, now: datetime) -> bool:
    """Write one mail a month when the site's share of the licence is used; True when it was written now."""
    licensed, today = site.box.calls_per_month, now.astimezone(site.zone).date()
    lines = request_lines(cursor, site, today) if licensed else ()
    line = next((line for line in lines if line.licensed), None)
    if line is None or line.calls < site.box.month_warning_share * (line.licensed or 0):
        return False
    return outbox.add(cursor, _fact(line, site, today), f"box calls:{today:%Y-%m}")


def _fact(line: RequestLine, site: Site, today: date) -> WorkflowError:
    brake = site.box.month_brake_share
    return WorkflowError(
        headline=f"{line.used_percent} % of the Box calls that are licensed for {today:%B %Y} are used",
        explanation=(
            f"{line.calls:,} of {line.licensed:,} calls were made until {today:%A} {today.day} {today:%B}. If it goes "
            f"on as in the last seven days it will be {line.forecast:,} at the end of the month. Calls of other "
            "programs with the same licence are not among them."
        ),
        what_to_do=(
            "Have more calls licensed by Box and set box.calls_per_month in the site configuration, or let sensors "
            "look less often (FERRERO_AGENCY_POLL_SECONDS). "
            + (
                f"From {brake:.0%} on only what people start asks Box, all else waits for the next month."
                if brake < 1
                else "Nothing is slowed down meanwhile: box.month_brake_share is 1."
            )
        ),
        details=(("Calls so far", f"{line.calls:,}"), ("Forecast", f"{line.forecast:,}")),
    )
