"""Days that do not add up, that failed, or that are long past, made by SQL: the report says so and does not guess."""

from datetime import timedelta

import pytest

from ferrero_dagster_tests.tracking.test_report_frames import DAY, MORNING_AFTER, make, query

#: `route`, `source`, `tracking ID`, `state` and `moved_at` of one file of campaign c1 that was seen at 20:00 UTC.
TRANSFER = """
INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state, first_seen_at,
                       created_at, moved_at, updated_at, attempts, last_error)
VALUES ('{route}', 'c1', '{source}', '1', '{source}.mp4', '{tracking_id}', '{state}', '2026-03-29T20:00Z',
        '2026-03-29T20:30Z', {moved}, '2026-03-29T21:00Z', {attempts}, {error}); SELECT 1
"""
ROUND = """
INSERT INTO campaign_rounds (route, campaign_id, round, opened_at, failed_attempts, last_failed_at, closed_at)
VALUES ('a1_to_a2', 'c1', 1, '2026-03-29T19:00Z', {failed}, {last}, {closed}); SELECT 1
"""
CAMPAIGN = """
INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, status, seen_at)
VALUES ('c1', 'C1', 'One', 'A1', '{seen}'); SELECT 1
"""
NINE_PM = "'2026-03-29T21:00Z'"


def transfer(database, source, tracking_id="ABC123", *, route="a1_to_a2", moved="NULL", attempts=0, error="NULL"):
    state = "pending" if moved == "NULL" else "moved"
    values = {"route": route, "source": source, "tracking_id": tracking_id, "state": state}
    query(database, TRANSFER.format(**values, moved=moved, attempts=attempts, error=error))


def open_round(database, *, failed=0, last="NULL", closed="NULL", seen="2026-03-29T21:30Z"):
    query(database, CAMPAIGN.format(seen=seen))
    query(database, ROUND.format(failed=failed, last=last, closed=closed))


def insert(database, statement):
    query(database, f"{statement}; SELECT 1")


# --- the two records -------------------------------------------------------------------------------------------------


def test_a_master_that_counts_as_moved_without_its_row_is_a_difference(database):
    transfer(database, "m1", "AAAAA1", moved=NINE_PM)
    transfer(database, "m2", "AAAAA2", moved=NINE_PM)
    transfer(database, "m3", "AAAAA3", moved="'2026-03-28T21:00Z'")
    insert(database, "INSERT INTO pending_masters (tracking_id, opentext_id) VALUES ('AAAAA2', 'm2')")
    report = make(database).report
    assert [remark.partition(":")[0] for remark in report.remarks] == ["DAM → Box"]
    assert "2 files were counted as moved, but not proven in master_assets, such as m1.mp4" in report.remarks[0]
    assert report.verdict == "2 files moved, nothing waits for you, but the counts do not add up"


def test_a_proven_master_whose_transfer_is_not_moved_is_a_difference(database):
    transfer(database, "m1", "AAAAA1")
    insert(
        database,
        "INSERT INTO master_assets (tracking_id, opentext_id, original_id, asset_name, status, updated_at)"
        " VALUES ('AAAAA1', 'm1', 'm1', 'm1.mp4', 'active', '2026-03-29T21:00Z'::timestamptz),"
        " ('LOST01', 'm2', 'm2', 'm2.mp4', 'active', '2026-03-29T21:00Z'::timestamptz),"
        " ('LATER1', 'm3', 'm3', 'm3.mp4', 'active', '2026-03-30T21:00Z'::timestamptz),"
        " ('CRON01', 'm4', NULL, NULL, 'active', '2026-03-29T21:00Z'::timestamptz)",
    )
    assert make(database).report.remarks == (
        "DAM → Box: 2 files were proven in master_assets, but not counted as moved, such as m1.mp4: look for it in "
        "Box, and run its campaign again, which adopts what is there.",
    )


def test_finals_and_their_rows_are_compared_both_ways(database):
    transfer(database, "f1", route="a2_to_a3", moved=NINE_PM)
    transfer(database, "f2", route="a2_to_a3")
    insert(
        database,
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, transfer_id, created_at)"
        " SELECT tracking_id, 'clean.mp4', id, '2026-03-29T21:00Z'::timestamptz FROM transfers WHERE source_id = 'f2'",
    )
    unproven, unmoved = make(database).report.remarks
    assert "1 file was counted as moved, but not proven in derivative_assets, such as f1.mp4" in unproven
    assert "1 file was proven in derivative_assets, but not counted as moved, such as clean.mp4" in unmoved


def test_a_rework_under_the_tracking_id_of_its_master_adds_up(database):
    transfer(database, "m1", "AAAAA1", moved=NINE_PM)
    transfer(database, "f1", "AAAAA1", route="a5_to_a6")
    insert(
        database,
        "INSERT INTO master_assets (tracking_id, opentext_id, original_id, status, updated_at)"
        " VALUES ('AAAAA1', 'm1', 'm1', 'active', '2026-03-29T21:00Z'::timestamptz)",
    )
    assert make(database).report.remarks == ()


def test_a_refused_file_that_is_renamed_counts_once(database):
    insert(
        database,
        "INSERT INTO agency_files (route, file_id, etag, name, size_bytes, sha1_hex, state, first_seen_at, refused_at,"
        " gone_at) VALUES"
        " ('a2_to_a3', '7', '0', 'wrong.mp4', 1, '', 'gone', '2026-03-28T08:00Z', '2026-03-28T08:00Z',"
        " '2026-03-29T08:00Z'),"
        " ('a2_to_a3', '7', '1', 'right.mp4', 1, '', 'ready', '2026-03-29T08:00Z', NULL, NULL),"
        " ('a2_to_a3', '8', '0', 'deleted.mp4', 1, '', 'gone', '2026-03-28T08:00Z', '2026-03-28T08:00Z',"
        " '2026-03-29T08:00Z')",
    )
    _, finals = make(database).report.balances
    assert (finals.eligible, finals.retrying, finals.withdrawn) == (2, 1, 1)
    _, before = make(database, DAY.before(1)).report.balances
    assert (before.eligible, before.refused, before.withdrawn) == (2, 2, 0)


def test_a_final_that_is_replaced_before_it_moved_counts_once(database):
    transfer(database, "7", route="a2_to_a3")
    insert(
        database,
        "UPDATE transfers SET state = 'withdrawn';"
        "INSERT INTO agency_files (route, file_id, etag, name, size_bytes, sha1_hex, state, first_seen_at, gone_at)"
        " VALUES ('a2_to_a3', '7', '1', 'a.mp4', 1, '', 'gone', '2026-03-29T20:00Z', '2026-03-29T21:00Z'),"
        " ('a2_to_a3', '7', '2', 'a.mp4', 2, '', 'ready', '2026-03-29T21:00Z', NULL)",
    )
    _, finals = make(database).report.balances
    assert (finals.eligible, finals.retrying, finals.withdrawn) == (1, 1, 0)


@pytest.mark.parametrize("state", ["pending", "set_aside"])
def test_a_final_that_is_refused_after_an_attempt_counts_and_is_told_once(database, state):
    transfer(database, "7", route="a2_to_a3", attempts=2, error="'out of time'")
    insert(
        database,
        f"UPDATE transfers SET state = '{state}', set_aside_at = {NINE_PM};"
        "INSERT INTO agency_files (route, file_id, etag, name, size_bytes, sha1_hex, state, reason, first_seen_at,"
        " refused_at)"
        " VALUES ('a2_to_a3', '7', '1', '7.mp4', 1, '', 'refused', 'Its master is withdrawn.', '2026-03-29T20:00Z',"
        f" {NINE_PM})",
    )
    report = make(database).report
    assert (report.balances[1].eligible, report.balances[1].refused) == (1, 1)
    assert [need.why for need in report.needs] == ["Refused: Its master is withdrawn."]


def test_a_list_that_is_cut_is_told(database):
    insert(
        database,
        "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,"
        " moved_at) SELECT 'a1_to_a2', 'c1', n, '1', 'a.mp4', 'ABC123', 'moved', '2026-03-29T20:00Z'"
        " FROM generate_series(1, 5001) AS n; UPDATE transfers SET first_seen_at = moved_at",
    )
    assert make(database).report.notes == ("The list of moved files holds the first 5,000 of 5,001.",)


# --- what keeps failing, what has not begun --------------------------------------------------------------------------


def test_files_that_keep_failing_need_somebody(database):
    open_round(database, failed=2, last="'2026-03-30T01:00Z'")
    transfer(database, "m1", attempts=2, error="'m1.mp4 is empty.'")
    transfer(database, "m2", attempts=1, error="'m2.mp4 is empty.'")
    transfer(database, "m3")
    report = make(database).report
    [need] = report.needs
    assert (need.what, need.why, need.id) == ("C1 One", "2 files keep failing, first: m1.mp4 is empty", "c1")
    assert (need.days, report.verdict) == (0, "1 thing needs you")


def test_a_run_that_failed_before_it_moved_anything_needs_somebody(database):
    open_round(database, failed=1, last=NINE_PM)
    assert [need.why for need in make(database).report.needs] == ["1 run ended without moving everything"]


def test_a_final_that_keeps_failing_needs_somebody(database):
    transfer(database, "f1", route="a2_to_a3", attempts=1, error="'The DAM refuses f1.mp4.'")
    assert [need.why for need in make(database).report.needs] == ["1 file keeps failing: The DAM refuses f1.mp4"]


@pytest.mark.parametrize(
    "round_",
    [
        {"failed": 1, "last": "'2026-03-30T01:00Z'"},
        {"failed": 3, "last": NINE_PM, "closed": "'2026-03-29T21:59Z'"},
        {"failed": 3, "last": NINE_PM, "seen": "2026-03-28T20:00Z"},
    ],
    ids=["first failed the next day", "closed", "in another status by now"],
)
def test_what_had_not_failed_or_is_over_needs_nobody(database, round_):
    open_round(database, **round_)
    assert make(database).report.needs == ()


def test_a_campaign_that_was_found_and_has_no_run_yet_is_a_gap_until_its_files_are_listed(database):
    open_round(database)
    today = DAY.ends_at - timedelta(minutes=1)
    [gap] = make(database, now=today).report.gaps
    assert gap.startswith("C1 One: a sensor found its files at 2026-03-29 21:00 CEST, but no run has begun")
    transfer(database, "m1")
    assert make(database, now=today).report.gaps == ()


# --- days long past --------------------------------------------------------------------------------------------------


def test_a_day_that_was_over_a_week_ago_is_kept_and_mailed_only_if_asked_for(database):
    week_later = DAY.ends_at + timedelta(days=7)
    made = make(database, now=week_later)
    assert not made.is_mailed
    assert "more than 7 days ago" in (made.not_mailed or "")
    assert make(database, DAY.before(-1), now=week_later).is_mailed
    assert make(database, now=week_later, resend=True).is_mailed
    assert make(database, DAY.before(1), now=week_later, resend=True).is_mailed
    keys = query(database, "SELECT dedupe_key FROM notifications ORDER BY id")
    assert keys == [("daily_report:2026-03-30",), ("daily_report:2026-03-29:run",), ("daily_report:2026-03-28",)]


def test_the_time_to_arrive_runs_from_first_sight(database):
    transfer(database, "m1", moved=NINE_PM)
    assert [point.median_s for point in make(database, now=MORNING_AFTER).report.trend if point.moved] == [3600.0]
