"""Days from cut-off to cut-off: each file is in one report, also around a change of the setting and of the clocks."""

from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.report import Report, ReportDay
from ferrero_dagster.operations.daily_report import DailyReporting

ROME = ZoneInfo("Europe/Rome")
FIRST = date(2026, 3, 27)  # two days before the clocks go forward
SITE = load_site()
SEVEN, EVENING, MIDNIGHT, NOON, SKIPPED = time(7), time(19), time(0), time(12), time(2, 30)


def moved_every_half_hour(database):
    """Files that arrived from 25 March to 5 April, one each half hour and a minute."""
    database.transact(
        lambda cursor: cursor.execute(
            """
            INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, target_name, tracking_id,
                                   state, size_bytes, source_hash, first_seen_at, moved_at)
            SELECT 'a1_to_a2', 'c1', 'm' || n, '1', 'a', 'b', lpad(n::text, 6, '0'), 'moved', 1, 'given', moment, moment
            FROM generate_series(0, 540) AS n, LATERAL (
                SELECT '2026-03-25T00:00Z'::timestamptz + n * interval '30 minutes' AS moment) AS at
            """
        )
    )


def made(database, days: list[ReportDay], *, order: list[int] | None = None) -> list[Report]:
    """The reports of these days, each made when it is over, in this order."""
    reporting = DailyReporting(database=database, site=SITE, sensors=[], run_id="run")
    reports = {n: reporting.make(days[n], now=days[n].ends_at).report for n in order or range(len(days))}
    return [reports[n] for n in range(len(days))]


def days_of(*cut_offs: time) -> list[ReportDay]:
    return [ReportDay(date=FIRST + timedelta(days=n), zone=ROME, cut_off=cut_off) for n, cut_off in enumerate(cut_offs)]


def files_between(begins: datetime, ends: datetime) -> int:
    start = datetime(2026, 3, 25, tzinfo=timezone.utc)
    return sum(begins <= start + n * timedelta(minutes=30) < ends for n in range(541))


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    ("cut_offs", "order"),
    [
        ([SEVEN] * 5, None),
        ([EVENING] * 5, None),
        ([SKIPPED] * 5, None),
        ([SEVEN, SEVEN, EVENING, EVENING, EVENING], None),
        ([EVENING, EVENING, SEVEN, SEVEN, SEVEN], None),
        ([MIDNIGHT, NOON, SEVEN, EVENING, MIDNIGHT], None),
        ([SEVEN, EVENING, EVENING, EVENING, SEVEN], [0, 2, 4, 3, 1]),
        ([EVENING, SEVEN, SEVEN, EVENING, SEVEN], [4, 2, 0, 1, 3]),
    ],
)
def test_each_file_is_in_one_report_whenever_the_cut_off_was_changed_and_reports_are_made(database, cut_offs, order):
    moved_every_half_hour(database)
    reports = made(database, days_of(*cut_offs), order=order)
    assert all(one.ends_at == other.begins_at for one, other in pairwise(reports))
    first, last = reports[0].begins_at, reports[-1].ends_at
    assert first
    assert last
    assert sum(report.moved for report in reports) == files_between(first, last)
    for report in reports:
        balance = report.balances[0]
        assert balance.eligible == balance.moved + balance.retrying + balance.set_aside + balance.withdrawn
        assert report.trend[-2].moved == report.moved == len(report.moved_files)


def test_a_report_from_before_there_were_cut_offs_was_of_the_calendars_day(database):
    moved_every_half_hour(database)
    [old] = made(database, days_of(MIDNIGHT))
    without = "report - 'begins_at' - 'ends_at'"
    database.transact(lambda cursor: cursor.execute(f"UPDATE daily_reports SET report = {without}"))
    [_, first] = days_of(SEVEN, SEVEN)
    [report] = made(database, [first])
    assert report.begins_at == old.ends_at == datetime(2026, 3, 28, tzinfo=ROME)
    assert report.ends_at == datetime(2026, 3, 29, 7, tzinfo=ROME)


def test_a_report_made_again_tells_of_what_it_told_before_whatever_the_cut_off_is_now(database):
    moved_every_half_hour(database)
    [first] = made(database, days_of(SEVEN))
    [again] = made(database, days_of(EVENING))
    assert again == first


def test_the_days_of_the_trend_never_overlap_after_a_change(database):
    moved_every_half_hour(database)
    made(database, days_of(EVENING))
    [_, day] = days_of(SEVEN, SEVEN)
    [report] = made(database, [day])
    begins = day.before(13).begins_at
    assert report.ends_at
    assert sum(point.moved for point in report.trend) == files_between(begins, report.ends_at)


@pytest.mark.parametrize(
    ("written", "cut_off"), [("19:00", EVENING), ('"19:30"', time(19, 30)), ("7:05", time(7, 5)), ("00:00", MIDNIGHT)]
)
def test_the_cut_off_is_read_as_people_write_it(tmp_path, written, cut_off):
    path = tmp_path / "site.yaml"
    path.write_text(f"report: {{cut_off: {written}}}\n")
    assert load_site(path).report.cut_off == cut_off


@pytest.mark.parametrize("written", ["19", "24:00", "7 am", "null", "07:00:30", "true", "-7:00"])
def test_a_cut_off_that_is_no_time_of_day_is_refused_in_one_sentence(tmp_path, written):
    path = tmp_path / "site.yaml"
    path.write_text(f"report: {{cut_off: {written}}}\n")
    with pytest.raises(ConfigurationError, match=r"report\.cut_off: expected a time of day such as 07:00 or 19:30"):
        load_site(path)
