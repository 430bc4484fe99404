import time
from typing import Any

import dagster as dg
import pytest

from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.config.site import load_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.failed_runs import build_failed_runs, failed_run
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.housekeeping import build_reconcile, build_reconcile_schedule
from ferrero_dagster.defs.operations import build_operations
from ferrero_dagster.defs.report_check import report_was_sent
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.defs.status import STATUS, build_status
from ferrero_dagster.domain.errors import CampaignError, FerreroError, IntegrityError, PermanentError, SystemUnavailable
from ferrero_dagster.tracking import outages
from ferrero_dagster.tracking.campaigns import partition_keys
from ferrero_dagster_tests.fix_dagster import resources
from ferrero_dagster_tests.operations.stuck import campaign, failed, master, message, patience, rows, set_aside_file
from ferrero_dagster_tests.tracking.cron_database import run_sql

JOBS = {job.name: job for job in build_operations()}


class Tracking(TrackingResource):
    """The settings of a test instead of the environment's."""

    database_url: str
    release_after_days: float | None = None

    @property
    def connections(self):
        site = load_site()
        patience = {"release_failed_after_days": self.release_after_days, "digest_weekday": "monday"}
        site = site.model_copy(update={"campaigns": site.campaigns.model_copy(update=patience)})
        return Connections(load_settings(database_url=self.database_url), site)


@pytest.fixture
def instance():
    with dg.instance_for_test() as instance:
        yield instance


def resources_of(database_url, **options):
    tracking = Tracking(reads=[], database_name="", database_url=database_url, **options)
    return resources() | {"tracking": tracking}


def run(job, database_url, instance, form=None, **options):
    return job.execute_in_process(
        run_config={"ops": {job.nodes[0].name: {"config": form}}} if form else None,
        resources=resources_of(database_url, **options),
        instance=instance,
        raise_on_error=False,
    )


def output(result):
    [event] = [event for event in result.all_events if event.is_successful_output]
    return {
        name: [record.data for record in value.records] if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in event.step_output_data.metadata.items()
    }


def why(result):
    [event] = result.filter_events(lambda event: event.is_step_failure)
    return event.step_failure_data.user_failure_data.description


def test_the_form_opens_filled_in_for_a_dry_run_and_says_what_to_write():
    for name in (
        "reset_campaign_retries",
        "release_set_aside_files",
        "redeliver_files",
        "withdraw_masters",
        "advance_campaigns",
        "resend_notifications",
    ):
        [form] = (JOBS[name].run_config or {})["ops"].values()
        assert (form["config"]["dry_run"], form["config"]["done_by"]) == (True, "")
        schema: Any = JOBS[name].nodes[0].definition.config_schema
        assert all(field.description for field in schema.config_type.fields.values())
    assert JOBS["check_connections"].run_config == {"ops": {}}


def test_a_reset_shows_first_and_does_it_when_told_so(database, database_url, instance):
    failed(database, campaign())
    job, form = JOBS["reset_campaign_retries"], {"campaigns": ["C000000078"], "done_by": "Maria"}
    shown = output(run(job, database_url, instance, form))
    assert shown["result"] == "1 would be changed; this was a dry run."
    assert "permanently failed" in shown["changes"][0]["before"]
    assert patience(database, campaign()).permanently_failed
    assert output(run(job, database_url, instance, {**form, "dry_run": False}))["result"] == "1 changed."
    assert not patience(database, campaign()).permanently_failed


def test_files_and_messages_get_their_second_chance(database, database_url, instance):
    set_aside_file(database, "AAAAAA")
    message(database, "one")
    form = {"everything": True, "done_by": "Maria", "dry_run": False}
    for name in ("release_set_aside_files", "resend_notifications"):
        assert output(run(JOBS[name], database_url, instance, form))["result"] == "1 changed."
    assert [r["run_id"] is not None for r in rows(database, "SELECT run_id FROM operations")] == [True, True]


def test_a_master_is_withdrawn(database, database_url, instance):
    master(database, "AAAAAA")
    form = {"tracking_ids": ["AAAAAA"], "done_by": "Maria", "dry_run": False}
    assert output(run(JOBS["withdraw_masters"], database_url, instance, form))["result"] == "1 changed."
    assert rows(database, "SELECT status FROM master_assets") == [{"status": "withdrawn"}]


def test_bad_input_makes_the_run_red_with_one_sentence_and_no_mail(database, database_url, instance):
    job = JOBS["reset_campaign_retries"]
    result = run(job, database_url, instance, {"campaigns": ["C9"], "done_by": "Maria"})
    assert why(result) == "No campaign is known by the id, number or name 'C9'. Nothing was changed."
    assert why(run(job, database_url, instance)) == (
        "done_by is empty; write your name there, it is recorded with what you do."
    )
    assert failed_run(instance, result.run_id).is_told


def test_check_connections_is_red_with_a_table_where_something_cannot_be_used(database_url, instance):
    result = run(JOBS["check_connections"], database_url, instance)
    [event] = result.filter_events(lambda event: event.is_step_failure)
    told = event.step_failure_data.user_failure_data
    assert told.description == "Cannot be used as they are: DAM, Box, SMTP."
    table = told.metadata["checks"].records
    assert {record.data["system"] for record in table} >= {"PostgreSQL", "DAM", "Box", "SMTP", "Make.com"}


def failing_job(error, **metadata):
    @dg.op(name="move")
    def move():
        if metadata:
            raise dg.Failure("2 of 3 files failed.", metadata=metadata)
        if isinstance(error, FerreroError):
            with as_failures():
                raise error
        raise error

    @dg.job(name="a1_to_a2")
    def job():
        move()

    return job


def tick(instance, database_url, run_id):
    """What the daemon does with a run that has failed."""
    sensor = build_failed_runs(default_status=dg.DefaultSensorStatus.STOPPED)
    [record] = [
        e for e in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE) if e.dagster_event is not None
    ]
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_runs",
        dagster_event=record.dagster_event,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(run_id),
        resources=resources_of(database_url),
    ).for_run_failure()
    sensor(context)


def mails(database):
    return [row["fact"] for row in rows(database, "SELECT fact FROM notifications ORDER BY id")]


@pytest.mark.parametrize(
    ("error", "explanation"),
    [
        (KeyError("asset_list"), "KeyError: 'asset_list'"),
        (PermanentError("The DAM answered 418.", code="DAM answered 418"), "DAM answered 418: The DAM answered 418."),
        (IntegrityError("Bytes differ.", code="checksum mismatch"), "checksum mismatch: Bytes differ."),
        (SystemUnavailable("Box", "Box is out."), "Box unavailable: Box is out."),
    ],
)
def test_a_run_that_failed_without_a_word_is_mailed_once_per_cause(
    database, database_url, instance, error, explanation
):
    for _ in range(3):
        result = failing_job(error).execute_in_process(instance=instance, raise_on_error=False)
        tick(instance, database_url, result.run_id)
    [fact] = mails(database)
    assert (fact["headline"], fact["explanation"]) == ("A run of a1_to_a2 failed", explanation)


def test_strikes_partly_moved_campaigns_and_outages_are_not_mailed_twice(database, database_url, instance):
    out = SystemUnavailable("Box", "Box is out.")
    jobs = [failing_job(CampaignError("no folder")), failing_job(None, failed=2, reported=True), failing_job(out)]
    for job in jobs:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        database.transact(outages.note_failure, "Box", "Box is out.")
        tick(instance, database_url, result.run_id)
    assert mails(database) == []


def test_the_sensor_survives_a_database_that_is_out_and_reconcile_reports_what_it_missed(
    database, database_url, instance
):
    result = failing_job(KeyError("x")).execute_in_process(instance=instance, raise_on_error=False)
    tick(instance, "postgresql://nobody@127.0.0.1:1/none", result.run_id)
    done = output(run(build_reconcile(), database_url, instance))["done"]
    assert "failed run reported" in [row["what"] for row in done]
    assert "KeyError: 'x'" in [fact.get("explanation") for fact in mails(database)]


def started(instance, key, *, minutes_ago):
    """A run of this partition whose last event is so old."""
    tags = {"dagster/partition": key}
    run = instance.create_run_for_job(failing_job(None), tags=tags, status=dg.DagsterRunStatus.STARTED)
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="a1_to_a2", message="started")
    entry = dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run.run_id,
        job_name="a1_to_a2",
        timestamp=time.time() - 60 * minutes_ago,
        dagster_event=event,
    )
    instance.handle_new_event(entry)
    return run.run_id


@pytest.mark.fault(56)
def test_reconcile_ends_runs_that_are_silent_and_hold_no_lock_and_their_death_is_mailed(
    database, database_url, instance
):
    keys = database.transact(partition_keys, [campaign(digit) for digit in "abc"])
    dead, alive, young = (
        started(instance, keys[digit * 40], minutes_ago=minutes) for digit, minutes in (("a", 11), ("b", 11), ("c", 9))
    )
    with database.lock(f"a1_to_a2:{'b' * 40}"):
        done = output(run(build_reconcile(), database_url, instance))["done"]
    assert {"what": "dead run ended", "about": f"a1_to_a2 {dead}"} in done
    assert instance.get_run_by_id(dead).is_failure
    assert {instance.get_run_by_id(id_).status for id_ in (alive, young)} == {dg.DagsterRunStatus.STARTED}
    explanations = [fact["explanation"] for fact in mails(database) if fact["kind"] == "workflow_error"]
    gone = "Its process is gone: it has written nothing for 10 minutes, and nobody holds the lock of its campaign."
    assert explanations == [f"ended from outside: {gone}"]


def test_reconcile_releases_old_failures_only_where_the_site_says_so(database, database_url, instance):
    failed(database, campaign())
    failed(database, campaign("b", "C2", "fresh"))
    database.transact(
        lambda cursor: cursor.execute(
            "UPDATE campaign_status SET a1_last_retry_at = now() - interval '31 days' WHERE campaign_id = %s",
            ("a" * 40,),
        )
    )
    run(build_reconcile(), database_url, instance)
    assert patience(database, campaign()).permanently_failed
    done = output(run(build_reconcile(), database_url, instance, release_after_days=30))["done"]
    assert [row["what"] for row in done] == ["campaign released"]
    assert not patience(database, campaign()).permanently_failed
    assert patience(database, campaign("b")).permanently_failed
    assert rows(database, "SELECT done_by FROM operations") == [{"done_by": "reconcile"}]


def test_reconcile_brings_status_and_report_check_up_to_date(database, database_url, instance):
    run_sql(database_url, "UPDATE installations SET installed_at = now() - interval '3 days'")
    failed(database, campaign())
    run(build_reconcile(), database_url, instance)
    event = instance.get_latest_materialization_event(STATUS)
    shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (shown["number of campaigns"], shown["number of outages"], shown["outages"]) == (1, 0, "None.")
    assert "| permanently failed |" in shown["campaigns"]
    [check] = report_was_sent.check_keys
    [record] = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert not record.event.dagster_event.asset_check_evaluation_data.passed


def test_who_looks_at_the_status_sees_this_moment(database, database_url, instance):
    failed(database, campaign(name="A|B"))
    result = dg.materialize([build_status(())], instance=instance, resources=resources_of(database_url))
    [event] = result.asset_materializations_for_node("operations__status")
    assert "C000000078 A\\|B" in str(event.metadata["campaigns"].value)


def test_the_jobs_load_together_and_reconcile_runs_every_hour():
    reconcile = build_reconcile()
    schedule = build_reconcile_schedule(reconcile, default_status=dg.DefaultScheduleStatus.STOPPED)
    sensor = build_failed_runs(default_status=dg.DefaultSensorStatus.STOPPED)
    jobs = [*JOBS.values(), reconcile]
    dg.Definitions.validate_loadable(
        dg.Definitions(jobs=jobs, sensors=[sensor], schedules=[schedule], resources=resources())
    )
    assert (schedule.name, schedule.cron_schedule) == ("reconcile_schedule", "20 * * * *")
