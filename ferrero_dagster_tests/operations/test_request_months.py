"""The month's requests: counted by kind, told in report and status, one mail when most of a licence is used."""

from contextlib import closing
from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.allowance import MonthLimit, Priority, ServiceLimits
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.domain.request_month import MonthSoFar
from ferrero_dagster.operations.request_months import request_lines, warn_of_month
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.limiter import PATIENCE, SharedLimiter
from ferrero_dagster_tests.tracking.cron_database import run_sql

SITE = load_site()
LICENSED = SITE.model_copy(update={"box": SITE.box.model_copy(update={"calls_per_month": 1000})})
NOW = datetime(2026, 11, 10, 12, tzinfo=timezone.utc)


def counted(database_url, *rows):
    """Requests in the table: service, kind, day, calls and bytes."""
    values = ", ".join(f"('{service}', '{kind}', '{day}', {calls}, {size})" for service, kind, day, calls, size in rows)
    run_sql(database_url, f"INSERT INTO request_counts (service, kind, day, calls, size_bytes) VALUES {values}")


def opened(database_url, priority=Priority.REST, month=None):
    limits = ServiceLimits(service="Box", month=month)
    return closing(SharedLimiter(limits, Database(database_url, PATIENCE), priority=priority))


def test_requests_are_counted_by_kind_without_a_statement_for_each(database_url):
    with opened(database_url) as limiter:
        for _ in range(50):
            with limiter.turn("calls", patience_s=1):
                limiter.note("listings", size_bytes=3)
        limiter.note("downloads", calls=0, size_bytes=1000)
    with opened(database_url) as limiter:
        limiter.note("listings")
    rows = run_sql(database_url, "SELECT service, kind, calls, size_bytes FROM request_counts ORDER BY kind")
    assert rows == [("Box", "downloads", 0, 1000), ("Box", "listings", 51, 150)]


def test_what_is_counted_while_postgresql_is_out_is_told_later(database_url):
    with opened("postgresql://nobody@127.0.0.1:9/none") as limiter:
        with limiter.turn("calls", patience_s=1):
            limiter.note("listings")
        limiter._database, limiter._alone_until_s = Database(database_url, PATIENCE), 0
    assert run_sql(database_url, "SELECT calls FROM request_counts") == [(1,)]


def test_a_month_is_told_by_service_and_kind_with_a_forecast(database, database_url):
    counted(
        database_url,
        ("Box", "listings", "2026-10-31", 70, 0),
        ("Box", "listings", "2026-11-04", 140, 0),
        ("Box", "uploads", "2026-11-10", 70, 5_000_000_000),
        ("DAM", "reads", "2026-11-11", 9, 0),
    )
    lines = database.transact(request_lines, LICENSED, date(2026, 11, 10))
    assert [(line.label, line.calls, line.forecast, line.licensed) for line in lines] == [
        ("Box: all", 210, 210 + 30 * 20, 1000),
        ("Box: listings", 140, 140 + 20 * 20, None),
        ("Box: uploads", 70, 70 + 10 * 20, None),
    ]
    assert lines[2].figures == ("70", "270", "–", "5.00")


def test_the_status_tells_what_this_month_has_used(database, database_url):
    today = datetime.now(SITE.zone).date()
    counted(database_url, ("Box", "uploads", today, 7, 0))
    assert [(row["kind"], row["calls"]) for row in read_status(database, SITE).requests] == [("all", 7), ("uploads", 7)]


def test_one_mail_a_month_tells_that_most_of_the_licence_is_used(database, database_url):
    counted(database_url, ("Box", "uploads", "2026-11-03", 799, 0))
    assert not database.transact(warn_of_month, LICENSED, NOW)
    counted(database_url, ("Box", "listings", "2026-11-10", 1, 0))
    assert not database.transact(warn_of_month, SITE, NOW)
    assert [database.transact(warn_of_month, LICENSED, NOW) for _ in range(2)] == [True, False]
    [(fact,)] = run_sql(database_url, "SELECT fact FROM notifications")
    assert fact["headline"] == "80 % of the Box calls that are licensed for November 2026 are used"
    assert "800 of 1,000 calls" in fact["explanation"]


def test_what_is_left_of_a_licence_is_for_people(database_url):
    month, today = MonthLimit(calls=100, brake_share=0.9), datetime.now(timezone.utc).date()
    counted(database_url, ("Box", "uploads", today, 89, 0))
    with opened(database_url, month=month) as limiter, limiter.turn("calls", patience_s=1):
        limiter.note("listings")
    for priority in (Priority.REST, Priority.LOOK):
        with (
            opened(database_url, priority, month) as limiter,
            pytest.raises(SystemUnavailable, match="nearly used up"),
            limiter.turn("calls", patience_s=1),
        ):
            pass
    with opened(database_url, Priority.PEOPLE, month) as limiter, limiter.turn("calls", patience_s=1):
        pass


@given(st.integers(0, 1000), st.integers(0, 1000), st.dates(date(2026, 1, 1), date(2027, 12, 31)))
def test_a_forecast_is_never_less_than_what_was_asked_and_exact_on_the_last_day(calls, week_calls, day):
    so_far = MonthSoFar(calls=calls, week_calls=week_calls, last_day=day, counted_since=date(2025, 12, 1))
    assert so_far.forecast >= calls
    last = MonthSoFar(calls=calls, week_calls=week_calls, last_day=date(2026, 2, 28), counted_since=date(2026, 2, 1))
    assert last.forecast == calls
