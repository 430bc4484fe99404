"""The daily report in Dagster: one tick per day, also when the clocks change; made again, nothing new is mailed."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._utils.schedules import schedule_execution_time_iterator
from dagster_shared.error import SerializableErrorInfo

import ferrero_dagster
from ferrero_dagster.defs.report import (
    build_daily_report,
    build_daily_report_job,
    build_daily_report_schedule,
    sensor_looks,
)
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.domain.report import ReportDay

ROME = "Europe/Rome"
SCHEDULE = build_daily_report_schedule(time_zone=ROME, default_status=dg.DefaultScheduleStatus.STOPPED)


@dg.sensor(name="a1_campaigns", job_name="daily_report", default_status=dg.DefaultSensorStatus.STOPPED)
def a_sensor():
    return dg.SkipReason("nothing")


ASSET = build_daily_report(time_zone=ROME, sensors=[a_sensor])
DEFS = dg.Definitions(
    assets=[ASSET],
    jobs=[build_daily_report_job()],
    schedules=[SCHEDULE],
    sensors=[a_sensor],
    resources={"ferrero": FerreroResource()},
)


@pytest.fixture
def instance(database_url, monkeypatch):
    monkeypatch.setenv("FERRERO_DATABASE_URL", database_url)
    with dg.instance_for_test() as instance:
        yield instance


def make(instance: dg.DagsterInstance, day: str, *, resend: bool = False):
    config = dg.RunConfig({"reports__daily_report": {"config": {"resend": resend}}})
    result = dg.materialize(
        [ASSET], partition_key=day, instance=instance, resources={"ferrero": FerreroResource()}, run_config=config
    )
    [event] = result.asset_materializations_for_node("reports__daily_report")
    return event.metadata


def local(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(ROME))


def ticks(begin: datetime, days: int, cron: str) -> list[datetime]:
    """When Dagster ticks in that many days."""
    ends = begin + timedelta(days=days)
    return list(
        takewhile(
            lambda tick: tick < ends, schedule_execution_time_iterator(begin.timestamp(), cron, ROME, ascending=True)
        )
    )


def requests_of(tick: datetime) -> Sequence[dg.RunRequest]:
    repository = DEFS.get_repository_def()
    with dg.build_schedule_context(scheduled_execution_time=tick, repository_def=repository) as context:
        return SCHEDULE.evaluate_tick(context).run_requests or ()


@pytest.mark.parametrize("begin", [local(2026, 3, 28), local(2026, 10, 24), local(2026, 12, 30)])
def test_every_day_has_one_tick_at_seven_for_the_day_before(begin):
    found = ticks(begin, 4, str(SCHEDULE.cron_schedule))
    assert [(tick.hour, tick.day) for tick in found] == [(7, (begin + timedelta(days=n)).day) for n in range(4)]
    requests = [(request.partition_key, request.run_key) for tick in found for request in requests_of(tick)]
    assert requests == [(f"{begin + timedelta(days=n - 1):%Y-%m-%d}",) * 2 for n in range(4)]


@pytest.mark.parametrize("day", [local(2026, 3, 29), local(2026, 10, 25)])
def test_an_hour_that_is_skipped_or_comes_twice_has_one_tick(day):
    assert len(ticks(day, 1, "30 2 * * *")) == 1


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-12-31"])
def test_a_partition_is_the_day_that_the_report_counts(day):
    assert isinstance(ASSET.partitions_def, dg.DailyPartitionsDefinition)
    window = ASSET.partitions_def.time_window_for_partition_key(day)
    report_day = ReportDay(date=datetime.fromisoformat(day).date(), zone=ZoneInfo(ROME))
    assert (window.start, window.end) == (report_day.begins_at, report_day.ends_at)


def test_a_report_that_is_an_hour_late_shows_as_stale():
    [spec] = ASSET.specs
    assert spec.freshness_policy == dg.FreshnessPolicy.cron(
        deadline_cron="0 8 * * *", lower_bound_delta=timedelta(hours=1), timezone=ROME
    )
    settings = yaml.safe_load((Path(ferrero_dagster.__file__).parents[1] / "dagster.yaml").read_text())
    assert settings.get("freshness", {}).get("enabled", True), "Dagster's daemon judges freshness unless told not to"


def test_a_run_shows_the_report_and_a_second_one_the_same(instance):
    first, second = make(instance, "2026-10-25"), make(instance, "2026-10-25")
    assert first == second
    assert first["verdict"].text == "All is well: no file moved, nothing waits for you"
    assert "| DAM → Box | 0 | 0 |" in first["reconciliation"].md_str


def test_mails_are_written_once_unless_asked_for(instance, database):
    make(instance, "2026-10-25")
    make(instance, "2026-10-25")
    assert mails(database) == 1
    make(instance, "2026-10-25", resend=True)
    assert mails(database) == 2


def mails(database) -> int:
    def work(cursor):
        cursor.execute("SELECT count(*) AS n FROM notifications WHERE template = 'daily_report'")
        return int(cursor.fetchone()["n"])

    return int(database.transact(work))


def test_today_can_be_looked_at_and_is_not_kept(instance, database):
    today = f"{datetime.now(ZoneInfo(ROME)):%Y-%m-%d}"
    metadata = make(instance, today)
    assert metadata["verdict"].text.startswith("So far: ")
    assert "Sensor a1\\_campaigns is switched off\\." in metadata["gaps"].md_str
    assert mails(database) == 0


def test_a_sensor_that_was_never_switched_on_is_off():
    with dg.instance_for_test() as instance:
        [look] = sensor_looks(instance, [a_sensor])
    assert (look.name, look.is_running, look.last_look_at) == ("a1_campaigns", False, None)


def test_a_look_that_failed_is_no_look():
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("ferrero_dagster"), "repository")
    state = InstigatorState(
        RemoteInstigatorOrigin(repository, "a1_campaigns"), InstigatorType.SENSOR, InstigatorStatus.RUNNING
    )
    with dg.instance_for_test() as instance:
        instance.add_instigator_state(state)
        error = SerializableErrorInfo("the DAM is out", [], None)
        for status, timestamp, why in [(TickStatus.SKIPPED, 1000.0, None), (TickStatus.FAILURE, 2000.0, error)]:
            tick = TickData(
                state.instigator_origin_id, "a1_campaigns", state.instigator_type, status, timestamp,
                selector_id=state.selector_id, error=why,
            )  # fmt: skip
            instance.create_tick(tick)
        [look] = sensor_looks(instance, [a_sensor])
    assert (look.is_running, look.last_look_at) == (True, datetime.fromtimestamp(1000, timezone.utc))


def test_the_code_location_loads_with_the_report():
    dg.Definitions.validate_loadable(DEFS)
