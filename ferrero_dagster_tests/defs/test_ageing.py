"""The checks in Dagster that tell of campaigns over their time and of a report that was not sent."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from ferrero_dagster.defs.ageing import build_ageing_checks
from ferrero_dagster.defs.report import DAILY_REPORT
from ferrero_dagster.defs.report_check import day_due, report_was_sent, sent_check
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.routes import ROUTES
from ferrero_dagster.tracking.daily_reports import ReportDelivery
from ferrero_dagster_tests.tracking.cron_database import run_sql

ROME = ZoneInfo("Europe/Rome")
DAY = date(2026, 11, 20)
CHECKS = [report_was_sent, *build_ageing_checks(ROUTES)]


@pytest.fixture
def evaluate(database_url, monkeypatch):
    """Runs all checks; the evaluation of each by the last part of its asset."""
    monkeypatch.setenv("FERRERO_DATABASE_URL", database_url)

    def run():
        with dg.instance_for_test() as instance:
            result = dg.materialize(
                [*CHECKS, *(dg.AssetSpec(key) for check in CHECKS for key in {k.asset_key for k in check.check_keys})],
                selection=dg.AssetSelection.checks(*(key for check in CHECKS for key in check.check_keys)),
                instance=instance, resources={"ferrero": FerreroResource()},
            )  # fmt: skip
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


def test_without_campaigns_nobody_is_late_and_without_a_report_silence_is_told(evaluate):
    found = evaluate()
    assert {name: evaluation.passed for name, evaluation in found.items()} == {
        "local_campaigns": True, "global_campaigns": True, DAILY_REPORT.path[-1]: False,
    }  # fmt: skip
    assert "No report was made for " in found["daily_report"].metadata["result"].value


def test_a_report_that_was_made_and_mailed_passes(evaluate, database_url):
    day = day_due(datetime.now(ROME))
    run_sql(
        database_url,
        f"""
        INSERT INTO daily_reports (day, report) VALUES ('{day}', '{{}}');
        INSERT INTO notifications (dedupe_key, channel, template, fact, message_id, state)
        VALUES ('daily_report:{day}', 'mail', 'daily_report', '{{}}', 'm', 'sent')
        """,
    )
    assert evaluate()["daily_report"].passed


@pytest.mark.parametrize(
    ("now", "days_ago"),
    [("2026-11-21T06:59", 2), ("2026-11-21T07:00", 1), ("2026-10-25T23:59", 1), ("2026-03-29T03:00", 2)],
)
def test_the_report_of_yesterday_is_due_at_seven(now, days_ago):
    moment = datetime.fromisoformat(now).replace(tzinfo=ROME)
    assert day_due(moment) == moment.date() - timedelta(days=days_ago)


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
    result = sent_check(DAY, ReportDelivery(mail_state=state, last_error=last_error, is_fresh=is_fresh))
    assert (result.passed, result.metadata["result"].value) == (
        passed,
        f"The mail of the report for 2026-11-20 {sentence}",
    )
