"""The audit as operators meet it: job, schedule, checks, status page, report, command line."""

import json
from datetime import datetime, timezone
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster.config.site import load_site
from ferrero_dagster.defs.audit import AUDIT_CHECK, build_audit_checks
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.operations.daily_report import DailyReporting
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_dagster import resources
from ferrero_dagster_tests.operations.audited_world import MASTERS, Audited

SUMMER = datetime(2026, 7, 1, 0, 30, tzinfo=timezone.utc)


@pytest.fixture
def audited(cockpit):
    cockpit.set_site(audit={"calls_per_minute": 0})
    return Audited(cockpit.world)


@pytest.fixture
def lost(audited):
    """A campaign in Box, one of whose masters somebody has deleted there."""
    campaign_id = audited.delivered(*MASTERS[:2], finals=False)
    audited.box.delete(audited.files(campaign_id)[MASTERS[0]])
    return campaign_id


def launched(cockpit, campaign=""):
    config = {"ops": {"compare": {"config": {"campaign": campaign}}}}
    job = cockpit.repository.get_job("audit")
    return job.execute_in_process(run_config=config, instance=cockpit.instance, raise_on_error=False)


def evaluations(cockpit):
    """Each check's last word: whether it passed, and its table."""
    keys = [key for key in cockpit.repository.asset_graph.asset_check_keys if key.name == AUDIT_CHECK]
    found = {}
    for key in keys:
        [record] = cockpit.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        check = record.event.dagster_event.asset_check_evaluation_data
        found["/".join(key.asset_key.path)] = (check.passed, check.metadata["findings"].value)
    return found


def test_the_job_shows_what_it_found_on_the_asset_that_it_is_about(cockpit, lost):
    assert launched(cockpit).success
    found = evaluations(cockpit)
    assert [name for name, (passed, _) in found.items() if not passed] == ["box/local_masters"]
    assert set(found) > {"dam/final_assets", "tracking/master_assets", "tracking/derivative_assets"}
    _, table = found["box/local_masters"]
    assert "missing in Box" in table
    assert "was not in Box any more" in table
    assert "jobs/redeliver_files/playground" in table
    [asset] = cockpit.instance.fetch_materializations(dg.AssetKey(["operations", "status"]), limit=1).records
    assert asset.asset_materialization.metadata["number of findings of the audit"].value == 1


def test_what_needs_no_dam_is_found_although_it_refuses_our_log_in(cockpit, lost, monkeypatch):
    monkeypatch.setenv("FERRERO_DAM_PASSWORD", "wrong")
    assert launched(cockpit).success
    assert cockpit.world.sql("SELECT kind FROM audit_findings") == [("missing in Box",)]


def test_a_check_says_the_same_when_a_person_evaluates_it(cockpit, lost):
    launched(cockpit, campaign="Spring")
    checks = build_audit_checks(load_site().routes)
    results: list[Any] = [check(tracking=resources()["tracking"]) for check in checks]
    assert [result.passed for result in results] == [
        check.check_key.asset_key.path != ["box", "local_masters"] for check in checks
    ]


def test_findings_are_in_the_status_and_in_the_daily_report(cockpit, lost):
    launched(cockpit)
    world = cockpit.world
    [row] = read_status(world.database, load_site()).audit_findings
    assert (row["finding"], row["campaign"]) == ("missing in Box", "C000000001 Spring")
    site = world.systems.site
    now = datetime.now(timezone.utc)
    day = ReportDay(date=now.astimezone(site.zone).date(), zone=site.zone)
    made = DailyReporting(database=world.database, site=site, sensors=[], run_id="run").make(day, now=now)
    [need] = [need for need in made.report.needs if "audit" in need.why]
    assert "missing in Box" in need.why
    assert "Of the audit's findings 1 came on this day, and 0 are gone." in made.report.notes


def test_the_command_shows_findings_and_exits_1_while_there_are_some(cockpit, audited, lost):
    told = CliRunner().invoke(main, ["audit", "--json"], catch_exceptions=False)
    assert told.exit_code == 1
    shown = json.loads(told.stdout)
    assert (shown["open"], shown["new"], shown["finished"]) == (1, 1, True)
    assert shown["findings"][0]["finding"] == "missing in Box"
    cockpit.world.dam.store.set_status(lost, "A1")
    cockpit.world.run(lost)
    told = CliRunner().invoke(main, ["audit", "--campaign", "Spring"], catch_exceptions=False)
    assert (told.exit_code, "Nothing differs." in told.stdout, "1 gone" in told.stdout) == (0, True, True)
    told = CliRunner().invoke(main, ["audit", "--campaign", "nobody's"], catch_exceptions=False)
    assert (told.exit_code, "No campaign is known" in told.stderr) == (1, True)


def tick(cockpit, at):
    schedule = cockpit.repository.get_schedule_def("audit_schedule")
    context = dg.build_schedule_context(instance=cockpit.instance, scheduled_execution_time=at)
    return schedule.evaluate_tick(context)


def test_the_schedule_starts_it_once_a_night_and_again_within_the_hour_where_a_system_was_out(cockpit, lost):
    now = datetime.now(timezone.utc)
    assert len(tick(cockpit, now).run_requests) == 1
    cockpit.world.box.board.add(Fault(path="/items$", status=503, times=None))
    failed = launched(cockpit)
    assert not failed.success
    [request] = tick(cockpit, now).run_requests
    assert request.run_key.endswith(failed.run_id)
    cockpit.world.box.board.clear()
    assert launched(cockpit).success
    assert tick(cockpit, now).run_requests == []
    assert "was made" in tick(cockpit, now).skip_message


def test_the_schedule_looks_every_hour_at_the_minute_of_the_site(cockpit):
    schedule = cockpit.repository.get_schedule_def("audit_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 * * * *", "Europe/Rome")
    assert tick(cockpit, SUMMER).run_requests[0].run_key == "2026-07-01T00:30:00+00:00"


def test_a_run_whose_host_died_is_given_up_an_hour_after_its_time(cockpit):
    assert cockpit.repository.get_job("audit").tags["dagster/max_runtime"] == str(240 * 60 + 3600)
