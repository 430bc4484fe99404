from datetime import datetime, timedelta, timezone

import pytest

from ferrero_dagster.messages.facts import WorkflowError, fact_from_json
from ferrero_dagster.operations.run_failures import FailedRun, tell_failed_run
from ferrero_dagster.tracking import outages
from ferrero_dagster_tests.operations.stuck import rows

NOW = datetime.now(timezone.utc)


def run(message="Run worker 4711 died.", **changes):
    shared = {"run_id": "1", "job": "a1_to_a2", "kind": "KeyError", "began_at": NOW, "ended_at": NOW}
    return FailedRun(message=message, **{**shared, **changes})


def told(database, which):
    return database.transact(tell_failed_run, which)


def test_one_mail_per_cause_and_day_however_many_runs_and_ids(database):
    assert told(database, run("Run worker 4711 of 0b5c9d6e-6c2f-4a53 died."))
    assert not told(database, run("Run worker 12 of deadbeef1234 died.", run_id="2"))
    assert told(database, run("Run worker 12 of deadbeef1234 died.", ended_at=NOW + timedelta(days=1)))
    assert told(database, run("Another reason."))
    assert told(database, run(job="b1_to_b2"))
    assert told(database, run(kind="ValueError"))


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("a1_to_a2", "the sensor tries again by itself"),
        ("a2_to_a3", "the sensor tries again by itself"),
        ("daily_report", "the schedule makes yesterday's report again within the hour"),
        ("check_connections", "start it again once the cause is gone"),
    ],
)
def test_who_reads_of_a_failed_run_learns_who_tries_again(database, job, words):
    told(database, run(job=job))
    [row] = rows(database, "SELECT fact FROM notifications")
    assert words in row["fact"]["what_to_do"]


def test_what_has_been_reported_already_is_not_mailed(database):
    assert not told(database, run(is_told=True))
    database.transact(outages.note_failure, "Box", "Box is unavailable (503).")
    during = NOW - timedelta(minutes=1)
    assert not told(database, run(system="Box", began_at=during))
    assert told(database, run(system="Box", began_at=NOW + timedelta(days=1)))
    assert told(database, run("DAM refused", system="DAM", began_at=during))


@pytest.mark.parametrize("secret", ["https://hook.make.com/s3cret", "postgresql://ferrero:s3cret@db/x"])
def test_addresses_in_foreign_error_texts_are_left_out(database, secret):
    told(database, run(f"Max retries exceeded with {secret}", details=(("Campaign", "<b>x</b>"),)))
    [row] = rows(database, "SELECT fact FROM notifications")
    fact = fact_from_json(row["fact"])
    assert isinstance(fact, WorkflowError)
    assert fact.explanation == "KeyError: Max retries exceeded with (address)"
    assert fact.run_id == "1"
    assert "s3cret" not in str(row)
