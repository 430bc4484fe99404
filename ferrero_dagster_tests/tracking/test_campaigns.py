"""Polls and strikes are counted as the seeds say, a reset by SQL is a clean slate, a round and an outage open once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import campaigns, outages, rounds
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql

CAMPAIGN = Campaign(id=DamId("c1"), number="C000000078", name="Local adaptation", status="A1", type="Local Adaptation")


@pytest.fixture
def seen(database):
    database.transact(campaigns.note_seen, CAMPAIGN)
    return database


def count_poll(database, prefix="a1", **how):
    return database.transact(campaigns.count_poll, prefix, "c1", **how)


def patience(database, prefix="a1"):
    return database.transact(campaigns.patience, prefix, ["c1", "unknown"])["c1"]


def test_a_campaign_is_remembered_as_the_dam_shows_it_and_since_when_it_has_its_status(seen, database_url):
    read = "SELECT campaign_name, status, status_since FROM campaign_status"
    first = run_sql(database_url, read)[0][2]
    renamed = Campaign(id=DamId("c1"), number="C1", name="x\0" * 200, status="A1", type="")
    seen.transact(campaigns.note_seen, renamed)
    assert run_sql(database_url, read) == [("x\ufffd" * 200, "A1", first)]
    seen.transact(campaigns.note_status, "c1", "A2")
    assert run_sql(database_url, read)[0][1] == "A2"
    assert run_sql(database_url, read)[0][2] > first


def test_a_name_is_cut_where_the_cron_scripts_made_its_column_narrow(database, database_url):
    run_sql(database_url, "ALTER TABLE campaign_status ALTER COLUMN campaign_name TYPE VARCHAR(7)")
    database.transact(campaigns.note_seen, CAMPAIGN)
    assert run_sql(database_url, "SELECT campaign_name FROM campaign_status") == [("Local a",)]


def test_polls_and_strikes_are_counted_apart_and_each_route_for_itself(seen):
    for error in (None, "no folder", None):
        assert count_poll(seen, error=error)
    counted = patience(seen)
    assert (counted.retry_count, counted.error_count, counted.failure_reason) == (3, 1, "no folder")
    assert not counted.permanently_failed
    assert patience(seen, "b1") == campaigns.Patience()


def test_within_the_interval_a_poll_counts_once_however_many_look(seen, database_url):
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: count_poll(seen, min_interval_s=160), range(8))) == 1
    run_sql(database_url, "UPDATE campaign_status SET a1_last_retry_at = a1_last_retry_at - interval '161 s'")
    assert count_poll(seen, min_interval_s=160)
    run_sql(database_url, "UPDATE campaign_status SET a1_last_retry_at = now() + interval '1 hour'")
    assert count_poll(seen, min_interval_s=160), "a clock that was set back stops nothing"
    assert patience(seen).retry_count == 3


@pytest.mark.parametrize("reset", [cron.RESET_SINGLE, cron.RESET_ALL, cron.RESET_OF_TEST_RECIPE])
def test_a_reset_by_the_sql_of_the_seeds_is_a_clean_slate_and_begins_a_new_stuck_period(seen, database_url, reset):
    for _ in range(3):
        count_poll(seen, error="no folder")
    seen.transact(campaigns.mark_permanently_failed, "a1", "c1")
    before = patience(seen)
    assert (before.retry_count, before.error_count, before.permanently_failed) == (3, 3, True)
    run_sql(database_url, reset.replace("TEST_CAMPAIGN", CAMPAIGN.number), of="c1")
    clean = patience(seen)
    assert (clean.retry_count, clean.error_count, clean.permanently_failed, clean.stuck_since) == (0, 0, False, None)
    assert count_poll(seen, min_interval_s=160)
    after = patience(seen)
    assert (after.retry_count, after.error_count) == (1, 0)
    assert after.stuck_since > before.stuck_since


def test_our_reset_is_the_one_of_the_seeds(seen, database_url):
    count_poll(seen, error="no folder")
    seen.transact(campaigns.mark_permanently_failed, "a1", "c1")
    seen.transact(campaigns.reset, "a1", ["c1"])
    assert run_sql(database_url, cron.STATUS_CHECK, of="c1") == [
        ("C000000078", "Local adaptation", "A1", 0, None, False, None)
    ]
    assert patience(seen) == campaigns.Patience()


def test_what_the_cron_scripts_left_empty_counts_as_nothing_yet(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO campaign_status (campaign_id, a1_retry_count, a1_permanently_failed) VALUES ('c1', NULL, NULL)",
    )
    assert patience(database) == campaigns.Patience()
    assert count_poll(database, error="no folder", min_interval_s=160)
    assert (patience(database).retry_count, patience(database).error_count) == (1, 1)
    database.transact(campaigns.note_seen, CAMPAIGN)


def open_round(database):
    return database.transact(rounds.open_round, "a1_to_a2", "c1")


def test_a_campaign_has_one_open_round_and_the_next_number_after_it(database):
    with ThreadPoolExecutor(4) as pool:
        assert {opened.key for opened in pool.map(lambda _: open_round(database), range(8))} == {"a1_to_a2:c1:1"}
    first = open_round(database)
    for _ in range(2):
        database.transact(rounds.close, first.id, "advanced")
    assert open_round(database).key == "a1_to_a2:c1:2"


def test_failed_runs_are_counted_until_they_are_forgiven(database):
    opened = open_round(database)
    assert (opened.failed_attempts, opened.since_last_failure_s) == (0, None)
    database.transact(rounds.count_failed_run, opened.id)
    assert open_round(database).failed_attempts == 1
    assert open_round(database).since_last_failure_s < 60
    database.transact(rounds.forgive_failures, "a1_to_a2", ["c1"])
    assert open_round(database) == opened


def test_a_campaign_whose_status_was_being_set_is_listed_until_its_round_is_closed(database):
    def listed():
        return database.transact(rounds.unfinished_advances, "a1_to_a2")

    opened = open_round(database)
    assert (listed(), opened.advancing) == ([], False)
    database.transact(rounds.begin_advance, opened.id, status="A1", done_by=None)
    assert (listed(), open_round(database).advancing) == (["c1"], True)
    database.transact(rounds.close, opened.id, "advanced")
    assert listed() == []


def test_a_system_has_one_open_outage_and_a_new_one_after_it_was_back_for_an_hour(database, database_url):
    def fail(system="DAM"):
        return database.transact(outages.note_failure, system, "no answer")

    with ThreadPoolExecutor(4) as pool:
        noted = list(pool.map(lambda _: fail(), range(8)))
    assert {outage.id for outage in noted} == {noted[0].id}
    assert {outage.failures for outage in noted} == set(range(1, 9))
    fail("Box")
    for _ in range(2):
        database.transact(outages.note_success, "DAM")
    assert [outage.system for outage in database.transact(outages.open_outages)] == ["Box"]
    assert fail().id == noted[0].id
    database.transact(outages.note_success, "DAM")
    run_sql(database_url, "UPDATE outages SET ended_at = ended_at - interval '61 min' WHERE system = 'DAM'")
    assert fail().failures == 1
    assert fail().id != noted[0].id
