from datetime import datetime, timezone

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.messages.facts import StuckDigest, fact_from_json
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.operations.stuck_digest import write_digest
from ferrero_dagster.tracking import outages, overview
from ferrero_dagster_tests.operations.stuck import campaign, failed, message, rows, seen, set_aside_file, waiting
from ferrero_dagster_tests.tracking.cron_database import run_sql

SITE = load_site()


def test_the_status_says_of_every_campaign_where_it_stands_and_when_it_goes_on(database):
    failed(database, campaign("a", "C1", "given up"))
    failed(database, campaign("b", "C2", "once"), strikes=1)
    waiting(database, campaign("c", "C3", "empty"), polls=7)
    seen(database, campaign("d", "C4", "new"), campaign("e", "C5", "elsewhere", "A3"), campaign("f", "C6", "running"))
    with database.lock(f"a1_to_a2:{'f' * 40}"):
        found = read_status(database, SITE).campaigns
    states = {row["number"]: (row["state"], row["polls"], row["errors"]) for row in found}
    assert states == {
        "C1": ("permanently failed", 3, 3),
        "C2": ("retrying", 1, 1),
        "C3": ("waiting for assets", 7, 0),
        "C4": ("waiting for the sensor", 0, 0),
        "C6": ("moving", 0, 0),
    }
    next_in_s = {row["number"]: row["next_attempt_in_s"] for row in found}
    assert 170 < next_in_s.pop("C2") <= 180
    assert next_in_s == {"C1": None, "C3": 0, "C4": 0, "C6": None}


@pytest.mark.parametrize("at", ["NULL", "now() + interval '1 hour'"], ids=["unknown", "in the future"])
def test_a_failure_without_a_usable_time_makes_the_status_wait_no_longer_than_the_sensor(database, database_url, at):
    failed(database, campaign(), strikes=1)
    run_sql(database_url, f"UPDATE campaign_status SET a1_last_retry_at = {at}, a1_last_error_at = {at}")
    run_sql(database_url, f"UPDATE campaign_rounds SET last_failed_at = {at}")
    [row] = read_status(database, SITE).campaigns
    assert row["next_attempt_in_s"] == 0


def test_the_status_lists_set_aside_files_messages_and_outages(database):
    set_aside_file(database, "AAAAAA")
    message(database, "one")
    database.transact(outages.note_failure, "DAM", "The DAM is unavailable (503).")
    found = read_status(database, SITE)
    assert (found.set_aside_files[0]["tracking_id"], found.messages[0]["state"]) == ("AAAAAA", "set_aside")
    assert (found.outages[0]["system"], found.refused_files) == ("DAM", [])


def test_a_lock_is_seen_without_being_touched(database):
    def is_locked():
        return database.transact(overview.is_locked, "route:campaign")

    assert not is_locked()
    with database.lock("route:campaign") as held:
        assert held
        assert is_locked()
    assert not is_locked()


def digest(database, now, **campaigns):
    site = SITE.model_copy(update={"campaigns": SITE.campaigns.model_copy(update=campaigns)})
    return database.transact(write_digest, site, now)


def test_the_digest_lists_stuck_campaigns_once_per_iso_week(database):
    failed(database, campaign("a", "C1", "given up"))
    waiting(database, campaign("b", "C2", "long empty"), polls=20)
    waiting(database, campaign("c", "C3", "just made"), polls=2)
    sunday = datetime(2027, 1, 3, 22, 30, tzinfo=timezone.utc)  # in Rome still week 53 of 2026
    monday = datetime(2027, 1, 4, 6, 30, tzinfo=timezone.utc)
    assert digest(database, sunday) == 2
    assert digest(database, sunday) is None
    assert digest(database, monday.replace(hour=5)) is None
    assert digest(database, monday) == 2
    [first, _] = rows(database, "SELECT template, fact FROM notifications ORDER BY id")
    fact = fact_from_json(first["fact"])
    assert isinstance(fact, StuckDigest)
    assert first["template"] == "stuck_campaigns"
    assert [(c.campaign.number, c.permanently_failed, c.attempts) for c in fact.campaigns] == [
        ("C1", True, 3),
        ("C2", False, 20),
    ]


@pytest.mark.parametrize(("weekday", "number"), [(None, None), ("wednesday", 0), ("friday", None)])
def test_the_digest_comes_from_its_weekday_on_or_never_and_when_nothing_is_stuck_too(database, weekday, number):
    thursday = datetime(2026, 4, 30, 1, tzinfo=timezone.utc)
    assert digest(database, thursday, digest_weekday=weekday) == number
