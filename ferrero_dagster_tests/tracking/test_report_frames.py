"""The daily report against PostgreSQL: a known day equals a table written by hand."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.report import Balance, CampaignLine, Integrity, Report, ReportDay
from ferrero_dagster.operations.daily_report import DailyReporting
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.tracking import cron_database as cron

DAY = ReportDay(date=date(2026, 3, 29), zone=ZoneInfo("Europe/Rome"))  # 23 hours: 28 March 23:00 to 29 March 22:00 UTC
MORNING_AFTER = datetime(2026, 3, 30, 5, tzinfo=timezone.utc)

#: Columns: route, campaign, source, state, created, moved, set aside, updated (all UTC), bytes, hash.
TRANSFERS = """
a1_to_a2  c1  m1  moved      03-28T10:00  03-28T22:59  -            03-28T22:59  100  given     the day before
a1_to_a2  c1  m2  moved      03-28T10:00  03-28T23:00  -            03-28T23:00  200  given     moved, first moment
a1_to_a2  c1  m3  moved      03-29T20:00  03-29T21:59  -            03-29T21:59  300  computed  moved, last moment
a1_to_a2  c1  m4  moved      03-29T20:00  03-29T22:00  -            03-29T22:00  400  given     retrying: the next day
a1_to_a2  c1  m5  pending    03-27T20:00  -            -            03-30T08:00  -    -         retrying
a1_to_a2  c1  m6  pending    03-29T22:00  -            -            03-30T08:00  -    -         not yet there
a1_to_a2  c2  m7  withdrawn  03-27T20:00  -            -            03-28T20:00  -    -         gone before
b1_to_b2  c2  m8  withdrawn  03-27T20:00  -            -            03-29T12:00  -    -         withdrawn
b1_to_b2  c2  m9  withdrawn  03-27T20:00  -            -            03-29T22:00  -    -         retrying: gone later
a1_to_a2  c3  x1  moved      03-29T12:00  -            -            03-29T12:00  -    -         undated
a1_to_a2  c3  x2  moved      03-27T12:00  -            -            03-27T12:00  -    -         undated, long known
a1_to_a2  c3  x3  moved      03-30T09:00  03-29T09:00  -            03-30T09:00  -    -         moved by cron
a2_to_a3  c1  f1  moved      03-29T08:00  03-29T08:30  -            03-29T08:30  50   given     moved
a2_to_a3  c1  f2  set_aside  03-20T08:00  -            03-21T08:00  03-21T08:00  -    -         set aside
a2_to_a3  c1  f3  set_aside  03-20T08:00  -            03-29T22:00  03-29T22:00  -    -         retrying then
a2_to_a3  c1  f4  moved      03-20T08:00  03-30T08:00  03-21T08:00  03-30T08:00  50   given     set aside then
"""

#: Columns: file, state, seen, refused, gone.
AGENCY_FILES = """
r1  refused  03-27T08:00  03-27T08:01  -            refused, 2 days
r2  refused  03-29T22:00  03-29T22:01  -            not yet there
r3  gone     03-27T08:00  03-27T08:01  03-29T12:00  withdrawn
r4  gone     03-27T08:00  03-27T08:01  03-29T22:30  refused: renamed the next day
r5  gone     03-27T08:00  03-27T08:01  03-28T12:00  gone before
f2  ready    03-20T08:00  -            -            it has a transfer
n1  ready    03-29T21:00  -            -            retrying: no run yet
n2  settling 03-29T21:00  -            -            not eligible yet
"""


def rows(table: str, columns: int) -> list[list[str | None]]:
    lines = (line.split() for line in table.strip().splitlines())
    return [[None if word == "-" else word for word in line[:columns]] for line in lines]


def at(moment: str | None) -> str | None:
    return f"2026-{moment}Z" if moment else None


@pytest.fixture
def known_day(database: Database) -> Database:
    def work(cursor):
        for number, (route, campaign, source, state, *moments, size, source_hash) in enumerate(rows(TRANSFERS, 10)):
            created, moved, aside, updated = map(at, moments)
            times = (created, created, moved, aside, updated)
            cursor.execute(
                """
                INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,
                    created_at, first_seen_at, moved_at, set_aside_at, updated_at, size_bytes, source_hash)
                VALUES (%s, %s, %s, '1', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                (route, campaign, source, source, f"T{number:05}", state, *times, size, source_hash),
            )
        for file_id, state, seen, refused, gone in rows(AGENCY_FILES, 5):
            cursor.execute(
                """
                INSERT INTO agency_files (route, file_id, etag, name, size_bytes, sha1_hex, state, campaign_id,
                                          first_seen_at, refused_at, gone_at)
                VALUES ('a2_to_a3', %s, '1', %s, 1, '', %s, 'c1', %s, %s, %s)
                """,
                (file_id, f"{file_id}.mp4", state, at(seen), at(refused), at(gone)),
            )
        cursor.execute(
            """
            INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, status, status_since,
                                         a1_retry_count, a1_error_count, a1_permanently_failed, a1_failure_reason)
            VALUES ('c1', 'C1', 'One', 'A2', '2026-03-27T08:00Z', 0, 0, FALSE, NULL),
                   ('c4', 'C4', 'Given up', 'A1', NULL, 3, 3, TRUE, 'No folder'),
                   ('c5', 'C5', 'Nearly', 'A1', NULL, 2, 2, FALSE, 'No folder'),
                   ('c6', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL),
                   ('c7', 'C7', 'Done', 'A3', NULL, 0, 0, FALSE, NULL),
                   ('c8', 'C8', 'Late', 'A2', '2026-02-26T22:00Z', 0, 0, FALSE, NULL),
                   ('c9', 'C9', 'Late the day after', 'A2', '2026-02-27T22:00Z', 0, 0, FALSE, NULL);
            INSERT INTO outages (system, message, began_at, ended_at)
            VALUES ('Box', 'Box is out', '2026-03-29T20:00Z', '2026-03-30T01:00Z'),
                   ('DAM', 'DAM was out', '2026-03-29T20:00Z', '2026-03-29T21:00Z');
            INSERT INTO notifications (dedupe_key, channel, template, fact, message_id, state, last_error, created_at)
            VALUES ('k', 'mail', 'a1_to_a2_complete', '{}', 'k', 'set_aside', 'no such user', '2026-03-29T20:00Z');
            INSERT INTO master_assets (tracking_id, campaign_id, status, created_at, updated_at)
            VALUES ('CRON01', 'c1', 'active', NULL, NULL);
            INSERT INTO master_assets (tracking_id, campaign_id, opentext_id, original_id, status, updated_at)
            SELECT tracking_id, campaign_id, source_id, source_id, 'active', moved_at FROM transfers
            WHERE state = 'moved' AND route <> 'a2_to_a3';
            INSERT INTO derivative_assets (tracking_id, status, created_at) VALUES ('CRON01', 'active', NULL);
            INSERT INTO derivative_assets (tracking_id, status, created_at, transfer_id)
            SELECT tracking_id, 'active', moved_at, id FROM transfers WHERE state = 'moved' AND route = 'a2_to_a3'
            """
        )

    database.transact(work)
    return database


def make(
    database: Database,
    day: ReportDay = DAY,
    run_id: str = "run",
    *,
    now: datetime = MORNING_AFTER,
    resend: bool = False,
):
    reporting = DailyReporting(database=database, site=load_site(), sensors=[], run_id=run_id)
    return reporting.make(day, now=now, resend=resend)


def query(database: Database, statement: str):
    def work(cursor):
        cursor.execute(statement)
        return [tuple(row.values()) for row in cursor.fetchall()]

    return database.transact(work)


def test_a_known_day_equals_the_table_written_by_hand(known_day):
    report = make(known_day).report
    undated = "1 file was moved by cron scripts that left no time, so in no day's count."
    assert report.balances == (
        Balance(
            direction="DAM → Box", eligible=8, moved=3, retrying=3, set_aside=0, withdrawn=1, refused=0, remark=undated
        ),
        Balance(direction="Box → DAM", eligible=8, moved=1, retrying=2, set_aside=2, withdrawn=1, refused=2),
    )
    assert report.integrity == (
        Integrity(direction="DAM → Box", files=3, size_bytes=500, with_source_hash=1, with_own_hash=1, unverified=1),
        Integrity(direction="Box → DAM", files=1, size_bytes=50, with_source_hash=1, with_own_hash=0, unverified=0),
    )
    assert [(need.what, need.why, need.days) for need in report.needs] == [
        ("C4 Given up", "Permanently failed: No folder", None),
        ("C5 Nearly", "Near failure, 2 of 2 looks failed: No folder", None),
        ("C8 Late", "Overdue: in A2 for 31.0 days, at most 30 are expected", 31),
        ("r1.mp4", "Refused: no reason was noted", 2),
        ("r4.mp4", "Refused: no reason was noted", 2),
        ("f2", "Set aside: no reason was noted", 8),
        ("f4", "Set aside: no reason was noted", 8),
        ("Message 1, a1_to_a2_complete", "It could not be delivered: no such user", 0),
        ("Box cannot be used", "Box is out", 0),
    ]
    assert [file.file for file in report.moved_files] == ["m2", "f1", "x3", "m3"]


def test_campaigns_are_shown_with_what_the_cron_scripts_moved_and_even_when_deleted(known_day):
    lines = {line.number or line.name: line for line in make(known_day).report.campaigns}
    assert set(lines) == {"C1", "Campaign c2", "Campaign c3", "C4", "C5", "C8", "C9"}
    assert lines["C1"] == CampaignLine(
        number="C1", name="One", status="A2", days=2, files_in_box=4, files_in_dam=2, pending=6, campaign_id="c1"
    )
    assert (lines["Campaign c3"].files_in_box, lines["Campaign c3"].days) == (3, None)


def test_the_monitoring_queries_of_the_seeds_say_the_same(known_day):
    report = make(known_day).report
    [dashboard], alert = query(known_day, cron.DASHBOARD), query(known_day, cron.ALERT)
    assert tuple(report.retry_status[0].model_dump().values()) == ("A1", *dashboard) == ("A1", 0, 0, 1, 1)
    assert [(row.number, row.name, row.attempts, row.last_attempt_at) for row in report.near_failure] == alert


def test_trend_and_latency_are_those_of_local_days(known_day):
    trend = make(known_day).report.trend
    assert [(p.date.day, p.moved) for p in trend if p.direction == "DAM → Box"][-2:] == [(28, 1), (29, 3)]
    final = trend[-1]
    assert (final.direction, final.moved, final.median_s, final.p95_s) == ("Box → DAM", 1, 1800.0, 1800.0)
    assert trend[-2].median_s == pytest.approx((46800 + 7140) / 2)  # m2 and m3; what cron moved took no known time


def test_a_day_long_past_leaves_out_what_is_known_of_the_present_only(known_day):
    report = make(known_day, now=DAY.before(-2).begins_at).report
    assert (report.is_latest, report.retry_status, report.near_failure) == (False, (), ())
    assert [need.what for need in report.needs] == ["r1.mp4", "r4.mp4", "f2", "f4", "Box cannot be used"]
    assert {line.name: (line.status, line.days) for line in report.campaigns} == {
        "One": (None, None),
        "Campaign c2": (None, None),
        "Campaign c3": (None, None),
    }
    assert [balance.eligible for balance in report.balances] == [8, 8]


def test_trouble_that_began_after_the_day_is_not_told_of_it(known_day):
    query(
        known_day,
        "UPDATE campaign_status SET a1_stuck_since = '2026-03-29T22:00Z' WHERE campaign_id = 'c4';"
        "UPDATE campaign_status SET a1_stuck_since = '2026-03-29T21:59Z' WHERE campaign_id = 'c5' RETURNING 1",
    )
    assert [need.what for need in make(known_day).report.needs][:2] == ["C5 Nearly", "C8 Late"]


def test_all_numbers_of_a_report_are_of_one_moment(known_day, database_url):
    with ThreadPoolExecutor(1) as pool, closing(psycopg2.connect(database_url)) as rival, rival.cursor() as cursor:
        # The outages are counted after the balances, and before the trend.
        cursor.execute("LOCK TABLE outages")
        making = pool.submit(make, known_day)
        while not query(known_day, "SELECT 1 FROM pg_locks WHERE relation = 'outages'::regclass AND NOT granted"):
            pass
        cursor.execute("UPDATE transfers SET moved_at = moved_at - interval '1 min' WHERE source_name = 'm4'")
        rival.commit()
        report = making.result().report
    assert [point.moved for point in report.trend[-2:]] == [balance.moved for balance in report.balances] == [3, 1]


def test_a_day_that_is_over_is_kept_and_mailed_once(known_day):
    first = make(known_day)
    query(known_day, "UPDATE campaign_status SET a1_retry_count = 0; DELETE FROM transfers; SELECT 1")
    again = make(known_day, run_id="second")
    assert (first.is_mailed, again.is_mailed) == (True, False)
    assert again.report.model_dump_json() == first.report.model_dump_json()
    assert make(known_day, run_id="third", resend=True).is_mailed
    keys = query(known_day, "SELECT dedupe_key FROM notifications WHERE template = 'daily_report' ORDER BY id")
    assert keys == [("daily_report:2026-03-29",), ("daily_report:2026-03-29:third",)]


@pytest.mark.fault(56)
def test_the_next_report_tells_that_the_mail_of_one_has_not_left(database):
    make(database, DAY.before(1))
    gap = "The mail of the report for 2026-03-28 has not left."
    assert gap not in make(database).report.gaps, "it was written just now"
    query(database, "UPDATE daily_reports SET made_at = now() - interval '2 hours' RETURNING 1")
    assert gap in make(database, DAY.before(-1)).report.gaps
    query(database, "UPDATE notifications SET state = 'sent' RETURNING 1")
    assert gap not in make(database, DAY.before(-2)).report.gaps


def test_a_day_that_is_not_over_is_neither_kept_nor_mailed(database):
    made = make(database, now=DAY.ends_at - timedelta(seconds=1), resend=True)
    assert (made.report.is_over, made.is_mailed) == (False, False)
    assert query(database, "SELECT FROM daily_reports UNION ALL SELECT FROM notifications") == []


def test_an_empty_database_gives_a_report(database):
    assert make(database).report.verdict == "All is well: no file moved, nothing waits for you"
    stored = query(database, "SELECT report FROM daily_reports")[0][0]
    assert Report.model_validate(stored).day == DAY.date
