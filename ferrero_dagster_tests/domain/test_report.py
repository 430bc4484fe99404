"""The daily report from frames: days that are 23 or 25 hours long, sums that add up, gaps that are said."""

from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ferrero_dagster.domain.report import DIRECTIONS, Report, ReportDay
from ferrero_dagster.domain.report_sections import ReportFrames, SensorLook, build_report

ROME = ZoneInfo("Europe/Rome")
DAY = ReportDay(date=date(2026, 11, 20), zone=ROME)
SEVEN = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
COLUMNS = {
    "flows": "direction campaign_id eligible moved retrying set_aside withdrawn refused undated size_bytes "
    "with_source_hash with_own_hash",
    "campaigns": "campaign_id number name status status_since files_in_box files_in_dam",
    "failing": "campaign_id number name files runs reason since",
    "unbegun": "campaign_id number name since",
    "differences": "direction finding files example",
    "troubled": "campaign_id number name status attempts errors last_attempt_at permanently_failed reason since",
    "ready": "campaign_id",
    "overdue": "campaign_id number name status since days max_days",
    "retry_status": "status no_issues attempt_1 attempt_2 permanently_failed",
    "refused": "file_id name reason since total",
    "set_aside": "direction source_id name reason since total",
    "undeliverable": "id template reason since total",
    "outages": "system message since",
    "reds": "name message since",
    "findings": "kind name detail thing thing_id since total",
    "finding_counts": "found gone",
    "trend": "days_ago direction moved median_s p95_s",
    "moved_files": "moved_at direction campaign_number campaign_name tracking_id file arrived_as size_bytes",
    "reported": "date",
    "unsent": "day last_error",
}


def frames(**rows: list[tuple[Any, ...]]) -> ReportFrames:
    return ReportFrames(**{n: pd.DataFrame(rows.get(n, []), columns=names.split()) for n, names in COLUMNS.items()})


def report(
    known: ReportFrames, *, day: ReportDay = DAY, as_of: datetime = SEVEN, sensors: list[SensorLook] | None = None
) -> Report:
    return build_report(known, day=day, as_of=as_of, sensors=sensors or [], polls_before_warning=20)


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 12, 31), 24), (date(2028, 2, 29), 24)],
)
def test_a_day_is_as_long_as_the_clock_makes_it(day, hours):
    report_day = ReportDay(date=day, zone=ROME)
    assert report_day.ends_at - report_day.begins_at == timedelta(hours=hours)
    assert report_day.ends_at == ReportDay(date=day + timedelta(days=1), zone=ROME).begins_at


@pytest.mark.fault(54)
@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.sampled_from(["Europe/Rome", "America/Sao_Paulo", "Asia/Beirut"])
)
def test_days_follow_each_other_without_gap_or_overlap(day, zone):
    report_day = ReportDay(date=day, zone=ZoneInfo(zone))
    assert report_day.before(1).ends_at == report_day.begins_at < report_day.ends_at


@pytest.mark.fault(54)
@given(
    st.integers(0, 6 * 365 * 24 * 60).map(
        lambda minutes: datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    ),
    st.sampled_from(
        [
            "Europe/Rome",
            "America/Sao_Paulo",
            "Asia/Beirut",
            "Australia/Lord_Howe",
            "America/New_York",
            "Africa/Casablanca",
            "Pacific/Chatham",
            "Asia/Kathmandu",
            "UTC",
        ]
    ),
    st.times().map(lambda cut_off: cut_off.replace(second=0, microsecond=0)),
)
@example(datetime(2026, 3, 29, 1, tzinfo=timezone.utc), "Europe/Rome", time(2, 30))
@example(datetime(2026, 10, 25, 1, tzinfo=timezone.utc), "Europe/Rome", time(2, 30))
@example(datetime(2026, 3, 28, 22, tzinfo=timezone.utc), "Asia/Beirut", time(0, 15))
def test_every_moment_is_in_one_day_whatever_the_cut_off(moment, zone, cut_off):
    zone = ZoneInfo(zone)
    last = ReportDay.last_over(moment, zone, cut_off)
    day = last.before(-1)
    assert day.begins_at == last.ends_at <= moment < day.ends_at == day.before(-1).begins_at
    assert timedelta(hours=22) <= day.ends_at - day.begins_at <= timedelta(hours=26)
    middle = (day.begins_at + (day.ends_at - day.begins_at) / 2).astimezone(zone)
    assert abs(datetime.combine(day.date, time(12)) - middle.replace(tzinfo=None)) <= timedelta(hours=13)
    # The clock says the cut-off, or what it says in place of an hour that it skips.
    begins = day.begins_at.astimezone(zone)
    is_skipped = (
        datetime.combine(begins.date(), cut_off, zone).astimezone(timezone.utc).astimezone(zone).time() != cut_off
    )
    assert begins.time() == cut_off or is_skipped


def test_nothing_at_all_is_a_report_too():
    quiet = report(frames())
    assert quiet.verdict == "All is well: no file moved, nothing waits for you"
    assert (quiet.needs, quiet.campaigns, quiet.gaps, len(quiet.trend)) == ((), (), (), 28)


def test_a_day_that_is_not_over_says_so():
    assert report(frames(), as_of=DAY.ends_at - timedelta(seconds=1)).verdict.startswith("So far: ")


counts = st.integers(0, 10**6)
#: Eligible are the parts together, as SQL counts them; no file is verified that has not moved.
FLOWS = st.lists(
    st.tuples(
        st.sampled_from(DIRECTIONS), st.none() | st.text(max_size=3), st.lists(counts, min_size=6, max_size=6)
    ).map(lambda row: (*row[:2], sum(row[2]), *row[2], 0, 0, 0)),
    max_size=6,
)


@given(FLOWS)
def test_the_reconciliation_adds_up_or_says_why(rows):
    known = report(frames(flows=rows))
    for balance in known.balances:
        parts = balance.moved + balance.retrying + balance.set_aside + balance.withdrawn + balance.refused
        assert (balance.eligible == parts) or balance.remark
        assert balance.eligible == sum(row[2] for row in rows if row[0] == balance.direction)


def test_moved_files_that_differ_from_their_proof_are_told_with_what_to_do():
    known = report(
        frames(
            differences=[
                ("DAM → Box", "unproven", 1, "hero.mp4"),
                ("DAM → Box", "unmoved", 2, "{key}.tif"),
                ("Box → DAM", "unproven", 3, "final.mp4"),
            ]
        )
    )
    boxes, finals = known.balances
    assert boxes.differences == (
        "1 file was counted as moved, but not proven in master_assets, such as hero.mp4: look for it in Box, and "
        "restore its row from a backup of the database.",
        "2 files were proven in master_assets, but not counted as moved, such as {key}.tif: look for it in Box, and "
        "run its campaign again, which adopts what is there.",
    )
    assert finals.differences == (
        "3 files were counted as moved, but not proven in derivative_assets, such as final.mp4: look for it in the "
        "DAM, and restore its row from a backup of the database.",
    )
    assert len(known.remarks) == 3
    assert known.verdict == "No file moved, nothing waits for you, but the counts do not add up"


def test_rows_of_the_cron_scripts_without_a_time_are_named():
    known = report(frames(flows=[("DAM → Box", "c1", 5, 2, 1, 0, 0, 0, 2, 10, 1, 1)]))
    assert known.remarks == ("DAM → Box: 2 files were moved by cron scripts that left no time, so in no day's count.",)
    assert known.verdict == "2 files moved, nothing waits for you, but the counts do not add up"


def test_only_genuine_errors_and_long_waits_of_campaigns_need_somebody():
    since = datetime(2026, 11, 17, 12, tzinfo=timezone.utc)
    troubled = [
        ("c1", "C1", "Given up", "A1", 3, 3, None, True, "No folder", since),
        ("c2", "C2", "Nearly", "A1", 2, 2, None, False, "No folder", None),
        ("c3", "C3", "Empty for long", "A1", 20, 0, None, False, None, since),
        ("c4", None, None, "B1", 5, 0, None, False, None, since),
    ]
    known = report(frames(troubled=troubled))
    assert [(need.what, need.why, need.days) for need in known.needs] == [
        ("C1 Given up", "Permanently failed: No folder", 3),
        ("C2 Nearly", "Near failure, 2 of 2 looks failed: No folder", None),
        ("C3 Empty for long", "In A1 without assets, looked at 20 times", 3),
    ]
    assert (known.needs[0].about, known.needs[0].id, known.needs[1].job) == ("campaign", "c1", None)
    assert [row.name for row in known.near_failure] == ["Nearly", "Empty for long", "Campaign c4"]


def test_a_campaign_over_its_time_needs_somebody_once_even_when_it_is_in_other_trouble():
    since = datetime(2026, 11, 15, 23, tzinfo=timezone.utc)
    known = report(
        frames(
            troubled=[
                ("c1", "C1", "Given up", "A1", 3, 3, None, True, "No folder", None),
                ("c2", "C2", "Empty", "A1", 2, 0, None, False, None, None),
            ],
            overdue=[
                ("c1", "C1", "Given up", "A1", since, 5.0, 2.0),
                ("c2", "C2", "Empty", "A1", since, 4.96, 2.5),
                ("c3", None, None, "A2", since, 45.31, 30.0),
            ],
        )
    )
    assert [(need.what, need.why, need.days) for need in known.needs] == [
        ("C1 Given up", "Permanently failed: No folder; in A1 for 5.0 days, at most 2 are expected", 5),
        ("C2 Empty", "Overdue: in A1 for 5.0 days, at most 2.5 are expected", 5),
        ("Campaign c3", "Overdue: in A2 for 45.3 days, at most 30 are expected", 5),
    ]
    assert (known.needs_total, known.needs[2].id) == (3, "c3")


def test_files_that_keep_failing_need_somebody_once_per_campaign_and_nothing_is_well():
    since = datetime(2026, 11, 17, 12, tzinfo=timezone.utc)
    known = report(
        frames(
            failing=[
                ("c1", "C1", "Known trouble", 1, 1, "a.mp4 is empty", since),
                ("c2", "C2", "Failing", 3, 4, "b.mp4 is empty", since),
                ("c3", None, None, 0, 1, None, since),
                ("c4", "C4", "Late", 1, 0, "Box refuses d.mp4.", since),
            ],
            troubled=[("c1", "C1", "Known trouble", "A1", 3, 3, None, True, "No folder", None)],
            overdue=[("c4", "C4", "Late", "A1", since, 4.0, 2.0)],
        )
    )
    assert [(need.what, need.why, need.days) for need in known.needs] == [
        ("C1 Known trouble", "Permanently failed: No folder", None),
        ("C2 Failing", "3 files keep failing, first: b.mp4 is empty", 3),
        ("Campaign c3", "1 run ended without moving everything", 3),
        ("C4 Late", "1 file keeps failing: Box refuses d.mp4; in A1 for 4.0 days, at most 2 are expected", 3),
    ]
    assert known.needs[1].id == "c2"
    assert known.verdict == "4 things need you"


def test_what_asks_for_a_job_names_it_and_what_it_is_about():
    since = datetime(2026, 11, 17, tzinfo=timezone.utc)
    known = report(
        frames(
            troubled=[("c1", "C1", "Given up", "A1", 3, 3, None, True, "No folder", since)],
            set_aside=[
                ("Box → DAM", "77", "a.mp4", "too slow", since, 2),
                ("DAM → Box", "a1", "b.mp4", "too slow", since, 2),
            ],
            undeliverable=[(4711, "a1_to_a2_complete", "no such user", since, 1)],
            outages=[("Box", "Box answers 503", since)],
            reds=[("Sensor agency_files", "The tick failed.", since)],
        )
    )
    assert [(need.about, need.id, need.job) for need in known.needs] == [
        ("campaign", "c1", "reset_campaign_retries"),
        ("box_file", "77", "release_set_aside_files"),
        ("asset", "a1", "release_set_aside_files"),
        ("message", "4711", "resend_notifications"),
        ("system", "Box", None),
        ("system", "Sensor agency_files", None),
    ]


def test_a_campaign_that_waits_for_its_run_is_a_gap():
    since = datetime(2026, 11, 20, 10, 5, tzinfo=timezone.utc)
    assert report(frames(unbegun=[("c1", "C1", "Found", since)])).gaps == (
        "C1 Found: a sensor found its files at 2026-11-20 11:05 CET, but no run has begun, so they are in no count; "
        "see whether runs wait in Dagster's queue.",
    )


def test_a_day_long_past_is_never_all_well_and_says_what_it_leaves_out():
    day_after = DAY.before(-1)
    latest, past = (report(frames(), as_of=day_after.ends_at - timedelta(seconds=s)) for s in (1, 0))
    assert (latest.verdict, latest.notes) == ("All is well: no file moved, nothing waits for you", ())
    assert past.verdict == "No file moved, nothing waited for you as far as is known"
    assert past.notes == (
        "The day is long past: campaigns in trouble or over their time, their status, retry counters and undeliverable "
        "messages are known of the present only, and left out.",
    )


def test_a_list_of_moved_files_that_is_cut_says_so():
    flows = [("DAM → Box", "c1", 5001, 5001, 0, 0, 0, 0, 0, 10, 5001, 0)]
    assert report(frames(flows=flows)).notes == ("The list of moved files holds the first 0 of 5,001.",)


def test_more_than_is_listed_is_counted():
    since = datetime(2026, 11, 17, tzinfo=timezone.utc)
    known = report(frames(refused=[("77", "a.mp4", "No tracking ID", since, 900)]))
    assert (known.verdict, len(known.needs)) == ("900 things need you", 1)
    assert (known.needs[0].about, known.needs[0].id) == ("box_file", "77")


@pytest.mark.fault(56)
def test_a_missing_report_is_a_gap_but_not_before_the_first():
    reported = [(date(2026, 11, day),) for day in (15, 16, 17, 19)]
    assert report(frames(reported=reported)).gaps == ("No report was made for 2026-11-18.",)
    assert report(frames(reported=reported)).verdict == "No file moved, nothing waits for you, but see the gaps"


def test_a_report_whose_mail_has_not_left_is_a_gap_of_later_ones():
    unsent = [(date(2026, 11, 18), "no such user"), (date(2026, 11, 19), None), (date(2026, 11, 20), None)]
    assert report(frames(unsent=unsent)).gaps == (
        "The mail of the report for 2026-11-18 has not left: no such user",
        "The mail of the report for 2026-11-19 has not left.",
    )


@pytest.mark.fault(56)
def test_sensors_that_do_not_look_are_a_gap_of_recent_days_only():
    looks = [
        SensorLook(name="a1", is_running=True, interval_s=180, last_look_at=SEVEN - timedelta(hours=2)),
        SensorLook(name="a5", is_running=True, interval_s=180, last_look_at=SEVEN - timedelta(minutes=5)),
        SensorLook(name="b1", is_running=False, interval_s=180, last_look_at=None),
        SensorLook(name="mail", is_running=True, interval_s=30, last_look_at=None),
    ]
    assert report(frames(), sensors=looks).gaps == (
        "Sensor a1 has not looked since 2026-11-21 05:00 CET.",
        "Sensor b1 is switched off.",
        "Sensor mail has never looked.",
    )
    assert report(frames(), as_of=SEVEN + timedelta(days=9), sensors=looks).gaps == ()


def test_schedules_that_do_not_run_are_a_gap_but_not_for_resting_at_night():
    def look(name: str, hours: float | None, *, is_running: bool = True) -> SensorLook:
        at = None if hours is None else SEVEN - timedelta(hours=hours)
        return SensorLook(name=name, kind="Schedule", is_running=is_running, interval_s=3600, last_look_at=at)

    looks = [look("day", 9), look("hour", 11), look("off", 1, is_running=False), look("new", None)]
    assert report(frames(), sensors=looks).gaps == (
        "Schedule hour has not run since 2026-11-20 20:00 CET.",
        "Schedule off is switched off.",
        "Schedule new has never run.",
    )


def test_missing_values_of_every_kind_are_nothing():
    campaigns = [("c1", None, float("nan"), None, pd.NaT, 1, 0), ("c2", "C2", "Two", "A2", SEVEN, 2, 0)]
    first, second = report(frames(campaigns=campaigns)).campaigns
    assert (first.number, first.name, first.status, first.days) == (None, "Campaign c1", None, None)
    assert (second.name, second.days) == ("Two", 0)


def test_what_is_stored_is_read_back_the_same():
    known = report(frames(troubled=[("c1", "C\0", "\u202ename", "A1", 3, 3, SEVEN, True, None, SEVEN)]))
    assert Report.model_validate(known.model_dump(mode="json")) == known
    assert known.needs[0].what == "C\ufffd \ufffdname"
