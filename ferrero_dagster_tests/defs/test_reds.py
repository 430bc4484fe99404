"""Every red in Dagster is told once, has an age, and ends when it is green again (issue 13, point 6)."""

import time

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from ferrero_dagster.config.site import load_site
from ferrero_dagster.defs.reds import Watch, find_reds
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.defs.test_report import add_tick, switched_on

NO_FOLDER = Fault(path="/2.0/folders/.*/items", status=404, body='{"type": "error", "code": "not_found"}', times=None)


def error(message, name="ValueError", cause=None):
    return SerializableErrorInfo(f"some.module.{name}: {message}\n", [], name, cause=cause)


def of_ours(message, name):
    """As a tick's error is when `as_failures` raised it."""
    return error("evaluation_fn", "SensorExecutionError", error(message, "Failure", error(message, name)))


TIMED_OUT = error(
    "Unable to reach the user code server for sensor a1_campaigns.",
    "DagsterUserCodeUnreachableError",
    error("<_MultiThreadedRendezvous of RPC ... details = 'Deadline Exceeded'>", "DagsterUserCodeUnreachableError"),
)


class Ticks:
    """A sensor or schedule that is switched on and ticks; seconds are counted back from now."""

    def __init__(self, cockpit, name="a1_campaigns", kind=InstigatorType.SENSOR):
        self.instance, self.state = cockpit.instance, switched_on(name, kind)
        self.instance.add_instigator_state(self.state)

    def tick(self, failure=None, *, ago_s=0.0):
        status = TickStatus.FAILURE if failure else TickStatus.SKIPPED
        add_tick(self.instance, self.state, status, time.time() - ago_s, failure)


def watched(cockpit, by="pending_notifications"):
    cockpit.preview(by)
    return [(red["what"], red["failures"]) for red in read_status(cockpit.world.database, load_site()).reds]


def later(cockpit, minutes):
    cockpit.world.sql(
        *(f"UPDATE reds SET {at} = {at} - interval '{minutes} min'" for at in ("began_at", "ended_at", "mailed_at"))
    )


@pytest.mark.fault(76)
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (error("Partition C1 does not exist", "DagsterUnknownPartitionError"), "Partition C1 does not exist"),
        (TIMED_OUT, "The tick took longer than Dagster waits for one, or the code server does not answer."),
        (of_ours("The DAM's answer is no list.", "UnexpectedAnswer"), "The DAM's answer is no list."),
    ],
    ids=["of Dagster", "timed out", "of ours"],
)
def test_a_tick_that_keeps_failing_in_any_way_is_mailed_once_and_ends_when_it_is_green(cockpit, failure, told):
    ticks = Ticks(cockpit)
    ticks.tick(failure, ago_s=400)
    ticks.tick(failure, ago_s=100)
    assert watched(cockpit) == [("Sensor a1_campaigns", 2)]
    ticks.tick(failure)
    assert watched(cockpit, "agency_files") == [("Sensor a1_campaigns", 3)]
    watched(cockpit)
    assert cockpit.subjects() == ["❌ Red in Dagster: Sensor a1_campaigns"]
    assert told in cockpit.mailbox.messages()[0].text
    ticks.tick()
    assert watched(cockpit) == []
    for minutes in (30, 120):
        later(cockpit, minutes)
        ticks.tick(failure)
        assert watched(cockpit)[0][0] == "Sensor a1_campaigns"
        ticks.tick()
        watched(cockpit)
    assert len(cockpit.subjects()) == 1, "what flickers is not mailed anew within the day"


@pytest.mark.fault(76)
def test_what_does_not_heal_is_mailed_at_once_and_once_for_all_that_it_stops(cockpit):
    for name in ("a1_campaigns", "a5_campaigns", "b1_campaigns"):
        Ticks(cockpit, name).tick(of_ours("Not set in the environment: FERRERO_DAM_URL.", "ConfigurationError"))
    assert len(watched(cockpit)) == 3
    watched(cockpit)
    assert cockpit.subjects() == ["❌ Red in Dagster: Sensor a1_campaigns, Sensor a5_campaigns, Sensor b1_campaigns"]


@pytest.mark.fault(76)
def test_one_failed_tick_is_listed_and_not_mailed_and_what_is_switched_off_is_no_trouble(cockpit):
    ticks = Ticks(cockpit)
    ticks.tick(TIMED_OUT)
    assert watched(cockpit) == [("Sensor a1_campaigns", 1)]
    assert cockpit.subjects() == []
    cockpit.instance.update_instigator_state(ticks.state.with_status(type(ticks.state.status).STOPPED))
    assert watched(cockpit) == []


@pytest.mark.fault(76)
def test_a_sensor_that_is_on_and_does_not_look_a_dead_daemon_and_a_failed_check_are_red(cockpit):
    Ticks(cockpit, "failed_runs").tick(ago_s=3600)
    cockpit.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "SCHEDULER", None, []))
    check = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["reports", "daily_report"]),
        check_name="report_was_sent",
        passed=False,
        description="No report was made for yesterday.",
    )
    cockpit.instance.report_runless_asset_event(check)
    found = find_reds(cockpit.instance, Watch.of(cockpit.repository))
    assert {red.name for red in found} == {"Sensor failed_runs", "Daemon SCHEDULER", "Check report_was_sent"}
    watched(cockpit)
    assert cockpit.subjects() == ["❌ Red in Dagster: Check report_was_sent"]
    later(cockpit, 4)
    watched(cockpit)
    assert len(cockpit.subjects()) == 3


@pytest.mark.fault(76)
@pytest.mark.parametrize("passed", [False, True])
def test_while_a_run_has_only_planned_a_check_its_last_end_counts(cockpit, passed):
    check = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["reports", "daily_report"]), check_name="report_was_sent", passed=passed
    )
    cockpit.instance.report_runless_asset_event(check)
    cockpit.instance.create_run_for_job(cockpit.repository.get_job("daily_report"))
    found = find_reds(cockpit.instance, Watch.of(cockpit.repository))
    assert [red.name for red in found] == ([] if passed else ["Check report_was_sent"])


@pytest.mark.fault(76)
def test_secrets_in_errors_of_others_are_not_told(cockpit):
    Ticks(cockpit).tick(error("cannot connect to postgresql://ferrero:s3cret@db/x"))
    watched(cockpit)
    assert "s3cret" not in str(cockpit.world.sql("SELECT message, cause FROM reds"))


@pytest.mark.fault(76)
def test_an_agencys_folder_that_box_does_not_show_is_mailed_once_stops_no_other_route_and_heals(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.box.board.add(NO_FOLDER)
    for _ in range(3):
        cockpit.preview("agency_files")
    cockpit.preview("pending_notifications")
    assert cockpit.subjects() == ["❌ Box folder agency_uploads cannot be used: the administrator must act"]
    [request] = cockpit.preview("a1_campaigns").run_requests
    assert request.partition_key == cockpit.key(campaign_id)
    cockpit.world.box.board.clear()
    cockpit.preview("agency_files")
    assert read_status(cockpit.world.database, load_site()).outages == []


@pytest.mark.fault(76)
def test_the_hourly_housekeeping_watches_too(cockpit):
    ticks = Ticks(cockpit, "pending_notifications")
    ticks.tick(of_ours("A fault of ours.", "ConfigurationError"))
    cockpit.repository.get_job("reconcile").execute_in_process(instance=cockpit.instance)
    [(fact,)] = cockpit.world.sql("SELECT fact->>'headline' FROM notifications WHERE fact->>'kind' = 'workflow_error'")
    assert fact == "Red in Dagster: Sensor pending_notifications"
