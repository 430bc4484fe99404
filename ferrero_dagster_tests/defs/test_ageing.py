"""The checks in Dagster that tell of campaigns over their time and of a report that was not sent."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.defs.ageing import build_ageing_checks
from ferrero_dagster.defs.report import DAILY_REPORT
from ferrero_dagster.defs.report_check import report_was_sent
from ferrero_dagster.operations.report_delivery import judge_delivery, report_day_due
from ferrero_dagster.tracking.daily_reports import ReportDelivery
from ferrero_dagster_tests.fix_dagster import resources
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking.cron_database import run_sql

SITE = load_site()
ROME = ZoneInfo("Europe/Rome")
DAY = date(2026, 11, 20)
CHECKS = [report_was_sent, *build_ageing_checks(ROUTES.masters)]


@pytest.fixture
def evaluate(database_url, monkeypatch):
    """Runs all checks; the evaluation of each by the last part of its asset."""
    monkeypatch.setenv("FERRERO_DATABASE_URL", database_url)

    def run():
        with dg.instance_for_test() as instance:
            result = dg.materialize(
                [*CHECKS, *(dg.AssetSpec(key) for check in CHECKS for key in {k.asset_key for k in check.check_keys})],
                selection=dg.AssetSelection.checks(*(key for check in CHECKS for key in check.check_keys)),
                instance=instance,
                resources=resources(),
            )
        return {found.asset_key.path[-1]: found for found in result.get_asset_check_evaluations()}

    return run


def test_each_campaign_is_told_at_the_asset_it_comes_from(evaluate, database_url):
    run_sql(
        database_url,
        """
        INSERT INTO campaign_status (campaign_id, campaign_name, campaign_type, status, status_since, seen_at)
        SELECT id, name, type, status, now() - 40 * interval '1 day', now()
        FROM (VALUES ('c1', 'Local | one', 'Local Adaptation', 'A2'), ('c2', 'Global', 'Global comm', 'B1'),
                     ('c3', NULL, NULL, 'B1'), ('c4', NULL, NULL, 'A2')) AS c (id, name, type, status)
        """,
    )
    found = evaluate()
    tables = {name: found[name].metadata["campaigns"].value for name in ("local_campaigns", "global_campaigns")}
    assert [(found[name].passed, found[name].metadata["overdue campaigns"].value) for name in tables] == [
        (False, 2)
    ] * 2
    assert "| A2 | 40.0 | 30 |" in tables["local_campaigns"]
    assert "Local \\| one" in tables["local_campaigns"]
    assert "Global" in tables["global_campaigns"]
    assert found["local_campaigns"].severity is dg.AssetCheckSeverity.WARN


def test_a_database_that_is_in_use_since_today_misses_no_report_of_yesterday(evaluate):
    report = evaluate()["daily_report"]
    assert report.passed
    assert "No report is due yet" in report.metadata["result"].value


def test_without_campaigns_nobody_is_late_and_without_a_report_silence_is_told(evaluate, database_url):
    run_sql(database_url, "UPDATE installations SET installed_at = now() - interval '3 days'")
    found = evaluate()
    assert {name: evaluation.passed for name, evaluation in found.items()} == {
        "local_campaigns": True,
        "global_campaigns": True,
        DAILY_REPORT.path[-1]: False,
    }
    assert "No report was made for " in found["daily_report"].metadata["result"].value


def write_mail(database_url, key, state):
    run_sql(
        database_url,
        f"""
        INSERT INTO notifications (dedupe_key, channel, template, fact, message_id, state)
        VALUES ('{key}', 'mail', 'daily_report', '{{}}', '{key}', '{state}')
        """,
    )


def write_report(database_url, day, state, *, made_hours_ago=0):
    run_sql(
        database_url,
        f"INSERT INTO daily_reports VALUES ('{day}', now() - interval '{made_hours_ago} hours', '{{}}')",
    )
    write_mail(database_url, f"daily_report:{day}", state)


def test_a_report_that_was_made_and_mailed_passes(evaluate, database_url):
    day = report_day_due(datetime.now(ROME), SITE).date
    write_report(database_url, day, "sent")
    assert evaluate()["daily_report"].passed


@pytest.mark.parametrize(
    ("now", "days_ago"),
    [("2026-11-21T06:59", 2), ("2026-11-21T07:00", 1), ("2026-10-25T23:59", 1), ("2026-03-29T03:00", 2)],
)
def test_the_report_of_yesterday_is_due_at_seven(now, days_ago):
    moment = datetime.fromisoformat(now).replace(tzinfo=ROME)
    assert report_day_due(moment, SITE).date == moment.date() - timedelta(days=days_ago)


@pytest.mark.parametrize(
    ("state", "is_fresh", "passed", "sentence"),
    [
        ("waiting", True, True, "waits: no answer"),
        ("waiting", False, False, "waits: no answer"),
        ("set_aside", True, False, "could not be delivered: no answer"),
        (None, True, False, "was never written."),
        ("sent", False, True, "was sent."),
    ],
)
def test_a_mail_may_take_an_hour(state, is_fresh, passed, sentence):
    last_error = "no answer" if state else None
    delivery = ReportDelivery(mail_state=state, last_error=last_error, is_fresh=is_fresh)
    assert judge_delivery(DAY, delivery) == (passed, f"The mail of the report for 2026-11-20 {sentence}")


def test_a_report_that_was_resent_has_been_sent(evaluate, database_url):
    due = report_day_due(datetime.now(ROME), SITE).date
    write_report(database_url, due, "set_aside")
    assert not evaluate()["daily_report"].passed
    write_mail(database_url, f"daily_report:{due}:again", "sent")
    assert evaluate()["daily_report"].passed


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("made_hours_ago", "states", "passed"),
    [
        (49, ["sent"], True),
        (49, ["waiting"], False),
        (49, ["set_aside"], False),
        (49, ["set_aside", "sent"], True),
        (8 * 24, ["waiting"], True),
    ],
)
def test_an_earlier_report_that_has_not_left_is_not_forgotten(evaluate, database_url, made_hours_ago, states, passed):
    due = report_day_due(datetime.now(ROME), SITE).date
    earlier = due - timedelta(days=2)
    write_report(database_url, due, "sent")
    write_report(database_url, earlier, states[0], made_hours_ago=made_hours_ago)
    for number, state in enumerate(states[1:]):
        write_mail(database_url, f"daily_report:{earlier}:{number}", state)
    found = evaluate()["daily_report"]
    assert found.passed is passed
    assert (f"The mail of the report for {earlier} " in found.metadata["result"].value) is not passed
