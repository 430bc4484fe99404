"""Campaigns over their time: those that still are what we know of them, the worst first."""

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.tracking.ageing import overdue_campaigns
from ferrero_dagster_tests.tracking.cron_database import run_sql

MAX_DAYS = {"A1": 2.0, "A2": 30.0, "A5": None}


def add(database_url, campaign_id, status, days, seen_days_ago="0"):
    values = f"'{campaign_id}', {status}, now() - {days} * interval '1 day', now() - {seen_days_ago} * interval '1 day'"
    run_sql(database_url, f"INSERT INTO campaign_status (campaign_id, status, status_since, seen_at) VALUES ({values})")


def overdue(database):
    found = database.transact(overdue_campaigns, MAX_DAYS, ["A1", "A5"])
    return [(campaign.campaign_id, round(campaign.days, 1), campaign.max_days) for campaign in found]


def test_campaigns_over_their_time_are_told_the_worst_first(database, database_url):
    add(database_url, "late", "'A1'", 3)
    add(database_url, "later", "'A2'", 90)
    add(database_url, "in time", "'A1'", 1.9)
    add(database_url, "without limit", "'A3'", 900)
    add(database_url, "limit switched off", "'A5'", 900)
    assert overdue(database) == [("later", 90.0, 30.0), ("late", 3.0, 2.0)]


@pytest.mark.parametrize(("status", "seen_days_ago", "is_told"), [("'A1'", 2, False), ("'A2'", 2, True)])
def test_a_campaign_that_its_sensor_finds_no_more_was_deleted_or_moved_on(
    database, database_url, status, seen_days_ago, is_told
):
    add(database_url, "deleted", status, 90, seen_days_ago)
    assert bool(overdue(database)) == is_told


def test_what_the_cron_scripts_left_without_a_time_or_a_status_is_not_overdue(database, database_url):
    add(database_url, "no time", "'A2'", "NULL")
    add(database_url, "no status", "NULL", 900)
    assert overdue(database) == []


def test_a_site_changes_the_days_of_one_status_and_switches_off_another(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text("campaigns: {max_days_in_status: {A2: 45, A5: null, A6: 0.5}}")
    assert load_site(path).campaigns.max_days_in_status == {"A1": 2, "A2": 45, "A5": None, "B1": 2, "A6": 0.5}


@pytest.mark.parametrize("days", ["0", "-1", ".inf", ".nan", "soon"])
def test_days_that_are_none_are_refused_with_the_status(tmp_path, days):
    path = tmp_path / "site.yaml"
    path.write_text(f"campaigns: {{max_days_in_status: {{A2: {days}}}}}")
    with pytest.raises(ConfigurationError, match=r"campaigns\.max_days_in_status\.A2: expected "):
        load_site(path)
