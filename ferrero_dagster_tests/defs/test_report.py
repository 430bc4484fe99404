"""The daily report in Dagster: one tick per day, also when the clocks change; made again, nothing new is mailed."""

import re
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.schedules import schedule_execution_time_iterator
from dagster_shared.error import SerializableErrorInfo

import ferrero_dagster
from ferrero_dagster.definitions import definitions
from ferrero_dagster.defs.looks import sensor_looks
from ferrero_dagster.defs.report import (
    build_daily_report,
    build_daily_report_job,
    build_daily_report_schedule,
)
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster_tests.fix_dagster import resources

ROME = "Europe/Rome"
SEVEN = time(7)
SCHEDULE = build_daily_report_schedule(time_zone=ROME, cut_off=SEVEN, default_status=dg.DefaultScheduleStatus.STOPPED)


@dg.sensor(name="a1_campaigns", job_name="daily_report", default_status=dg.DefaultSensorStatus.STOPPED)
def a_sensor():
    return dg.SkipReason("nothing")


ASSET = build_daily_report(counted_from=(), time_zone=ROME, cut_off=SEVEN, watched=[a_sensor])
DEFS = dg.Definitions(
    assets=[ASSET],
    jobs=[build_daily_report_job()],
    schedules=[SCHEDULE],
    sensors=[a_sensor],
    resources=resources(),
)


@pytest.fixture
def instance(database_url, monkeypatch):
    monkeypatch.setenv("FERRERO_DATABASE_URL", database_url)
    with dg.instance_for_test() as instance:
        yield instance


def make(instance: dg.DagsterInstance, day: str, *, resend: bool = False):
    config = dg.RunConfig({"reports__daily_report": {"config": {"resend": resend}}})
    result = dg.materialize([ASSET], partition_key=day, instance=instance, resources=resources(), run_config=config)
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


def evaluated(instance: dg.DagsterInstance, tick: datetime, schedule: dg.ScheduleDefinition = SCHEDULE):
    repository = DEFS.get_repository_def()
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=tick, repository_def=repository)
    with context:
        return schedule.evaluate_tick(context)


@pytest.mark.parametrize("begin", [local(2026, 3, 28), local(2026, 10, 24), local(2026, 12, 30)])
def test_every_day_is_asked_for_at_seven_and_every_hour_after(begin):
    found = ticks(begin, 4, str(SCHEDULE.cron_schedule))
    assert {later - tick for tick, later in pairwise(tick.timestamp() for tick in found)} == {3600}
    with dg.instance_for_test() as instance:
        requests = [evaluated(instance, tick).run_requests for tick in found]
    asked = [(tick.astimezone(ZoneInfo(ROME)), request) for tick, [request] in zip(found, requests, strict=True)]
    for tick, request in asked:
        day = f"{tick.date() - timedelta(days=1 if tick.hour >= 7 else 2):%Y-%m-%d}"
        assert (request.partition_key, request.run_key) == (day, day)


@pytest.mark.parametrize(
    ("cut_off", "tick", "day"),
    [
        (time(19), "2026-11-20T18:00", "2026-11-19"),
        (time(19), "2026-11-20T19:00", "2026-11-20"),
        (time(0), "2026-11-20T00:00", "2026-11-19"),
        (time(12), "2026-11-20T12:00", "2026-11-20"),
        (time(11, 59), "2026-11-20T11:59", "2026-11-19"),
        (time(2, 30), "2026-03-29T03:30", "2026-03-28"),
    ],
)
def test_the_schedule_asks_at_the_cut_off_for_the_day_that_is_just_over(cut_off, tick, day):
    schedule = build_daily_report_schedule(
        time_zone=ROME, cut_off=cut_off, default_status=dg.DefaultScheduleStatus.STOPPED
    )
    moment = datetime.fromisoformat(tick).replace(tzinfo=ZoneInfo(ROME))
    assert moment in ticks(moment, 1, str(schedule.cron_schedule))
    with dg.instance_for_test() as instance:
        assert [one.partition_key for one in evaluated(instance, moment, schedule).run_requests or []] == [day]


@pytest.mark.parametrize("cut_off", [time(7), time(19), time(0), time(23, 59), time(2, 30)])
@pytest.mark.parametrize("now", ["2026-11-20T06:30", "2026-11-20T18:59", "2026-11-20T19:00", "2026-11-20T23:59"])
def test_there_is_a_partition_for_each_day_that_has_begun_and_for_no_other(cut_off, now):
    zone, moment = ZoneInfo(ROME), datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(ROME))
    asset = build_daily_report(counted_from=(), time_zone=ROME, cut_off=cut_off, watched=[])
    assert asset.partitions_def
    latest = ReportDay.last_over(moment, zone, cut_off).before(-1)
    assert latest.begins_at <= moment < latest.ends_at
    assert asset.partitions_def.get_partition_keys(current_time=moment)[-1] == f"{latest.date}"


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("status", "is_made_again"),
    [("FAILURE", True), ("SUCCESS", False), ("STARTED", False), ("CANCELED", False)],
)
def test_a_report_whose_run_failed_is_made_again_by_itself(status, is_made_again):
    with dg.instance_for_test() as instance:
        job = DEFS.resolve_job_def("daily_report")
        run = instance.create_run_for_job(
            job, tags={"dagster/partition": "2026-03-27"}, status=dg.DagsterRunStatus(status)
        )
        tick = evaluated(instance, datetime(2026, 3, 28, 8, tzinfo=ZoneInfo(ROME)))
    keys = [request.run_key for request in tick.run_requests or []]
    assert keys == ([f"2026-03-27:after:{run.run_id}"] if is_made_again else [])


def test_a_look_at_a_day_that_is_not_over_does_not_stand_for_its_report():
    tomorrow = date.fromisoformat(day(0)) + timedelta(days=1)
    tick = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 7, tzinfo=ZoneInfo(ROME))
    with dg.instance_for_test() as instance:
        instance.create_run_for_job(
            DEFS.resolve_job_def("daily_report"), tags={"dagster/partition": day(0)}, status=dg.DagsterRunStatus.SUCCESS
        )
        assert [request.partition_key for request in evaluated(instance, tick).run_requests or []] == [day(0)]


@pytest.mark.fault(54)
@pytest.mark.parametrize("day", [local(2026, 3, 29), local(2026, 10, 25)])
def test_an_hour_that_is_skipped_or_comes_twice_has_one_tick(day):
    assert len(ticks(day, 1, "30 2 * * *")) == 1


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-12-31"])
def test_a_partition_is_the_day_that_the_report_counts(day):
    assert isinstance(ASSET.partitions_def, dg.DailyPartitionsDefinition)
    window = ASSET.partitions_def.time_window_for_partition_key(day)
    report_day = ReportDay(date=date.fromisoformat(day), zone=ZoneInfo(ROME), cut_off=SEVEN)
    assert (window.start, window.end) == (report_day.begins_at, report_day.ends_at)


def test_a_report_that_is_an_hour_late_shows_as_stale():
    [spec] = ASSET.specs
    assert spec.freshness_policy == dg.FreshnessPolicy.cron(
        deadline_cron="0 8 * * *", lower_bound_delta=timedelta(hours=1), timezone=ROME
    )
    settings = yaml.safe_load((Path(ferrero_dagster.__file__).parents[1] / "dagster.yaml").read_text())
    assert settings.get("freshness", {}).get("enabled", True), "Dagster's daemon judges freshness unless told not to"


def day(ago: int) -> str:
    """The day that is not over, and those before it."""
    return f"{ReportDay.last_over(datetime.now(timezone.utc), ZoneInfo(ROME), SEVEN).before(ago - 1).date}"


def test_a_run_shows_the_report_and_a_second_one_the_same(instance):
    yesterday = day(1)
    first, second = dict(make(instance, yesterday)), dict(make(instance, yesterday))
    assert first.pop("mail").text == "A mail was written."
    assert second.pop("mail").text.startswith("No mail: this report was made before")
    assert first == second
    assert first["verdict"].text == "No file moved, nothing waits for you, but see the gaps"
    assert "| DAM → Box | 0 | 0 |" in first["reconciliation"].md_str


def test_a_run_shows_the_tables_of_the_mail(instance, database):
    def work(cursor):
        cursor.execute(
            """
            INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, target_name, tracking_id,
                                   state, size_bytes, source_hash, moved_at)
            VALUES ('a1_to_a2', 'c1', 'm1', '1', 'a|b.mp4', 'a|b_ABC123.mp4', 'ABC123', 'moved', 77, 'given', now());
            INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, status, a1_retry_count)
            VALUES ('c1', 'C1', '<One>', 'A1', 2)
            """
        )

    database.transact(work)
    shown = make(instance, day(0))
    assert "| A1 | 0 | 0 | 1 | 0 |" in shown["current retry status"].md_str
    assert "| &lt;One&gt; | C1 | A1 | 2 |  | No assets yet |" in shown["tried or looked at twice and more"].md_str
    assert "| DAM → Box | 1 | 77 | 1 | 0 | 0 |" in shown["integrity of the moved files"].md_str
    assert f"{datetime.now(ZoneInfo(ROME)):%Y-%m-%d} " in shown["moved files"].md_str
    assert "| DAM → Box | C1 | ABC123 | a\\|b\\.mp4 | a\\|b\\_ABC123\\.mp4 | 77 |" in shown["moved files"].md_str


def test_mails_are_written_once_unless_asked_for(instance, database):
    yesterday = day(1)
    make(instance, yesterday)
    make(instance, yesterday)
    assert mails(database) == 1
    make(instance, yesterday, resend=True)
    assert mails(database) == 2


def test_a_day_long_past_is_mailed_only_if_asked_for(instance, database):
    past = make(instance, day(9))
    assert past["mail"].text.startswith("No mail: the day was over more than 7 days ago")
    assert "known of the present only" in past["notes"].md_str
    assert mails(database) == 0
    make(instance, day(9), resend=True)
    assert mails(database) == 1


def mails(database) -> int:
    def work(cursor):
        cursor.execute("SELECT count(*) AS n FROM notifications WHERE template = 'daily_report'")
        return int(cursor.fetchone()["n"])

    return int(database.transact(work))


def test_today_can_be_looked_at_and_is_not_kept(instance, database):
    metadata = make(instance, day(0))
    assert metadata["verdict"].text.startswith("So far: ")
    assert "Sensor a1\\_campaigns is switched off\\." in metadata["gaps"].md_str
    assert mails(database) == 0


def test_a_sensor_that_was_never_switched_on_is_off():
    with dg.instance_for_test() as instance:
        [look] = sensor_looks(instance, [a_sensor])
    assert (look.name, look.is_running, look.last_look_at) == ("a1_campaigns", False, None)


def test_the_report_names_every_sensor_and_schedule_that_is_switched_off(instance):
    repository = definitions().get_repository_def()
    result = repository.get_job("daily_report").execute_in_process(partition_key=day(0), instance=instance)
    [event] = result.asset_materializations_for_node("reports__daily_report")
    gaps = str(event.metadata["gaps"].value).replace("\\", "")
    assert {*re.findall(r"Sensor (\w+) is switched off", gaps)} == {one.name for one in repository.sensor_defs}
    assert {*re.findall(r"Schedule (\w+) is switched off", gaps)} == {one.name for one in repository.schedule_defs}


def test_a_schedule_that_was_just_switched_on_has_not_been_silent():
    state = switched_on(SCHEDULE.name, InstigatorType.SCHEDULE, ScheduleInstigatorData("0 * * * *", 1000.0))
    with dg.instance_for_test() as instance:
        instance.add_instigator_state(state)
        [first] = sensor_looks(instance, [SCHEDULE])
        add_tick(instance, state, TickStatus.SKIPPED, 500.0)
        [again] = sensor_looks(instance, [SCHEDULE])
    assert (first.kind, first.is_running) == ("Schedule", True)
    assert first.last_look_at == again.last_look_at == datetime.fromtimestamp(1000, timezone.utc)


def add_tick(instance, state, status: TickStatus, timestamp: float, error: SerializableErrorInfo | None = None):
    tick = TickData(
        state.instigator_origin_id,
        state.name,
        state.instigator_type,
        status,
        timestamp,
        selector_id=state.selector_id,
        error=error,
    )
    instance.create_tick(tick)


def switched_on(name: str, kind: InstigatorType, data: ScheduleInstigatorData | None = None) -> InstigatorState:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("ferrero_dagster"), "repository")
    return InstigatorState(RemoteInstigatorOrigin(repository, name), kind, InstigatorStatus.RUNNING, data)


def test_a_look_that_failed_is_no_look():
    state = switched_on("a1_campaigns", InstigatorType.SENSOR)
    with dg.instance_for_test() as instance:
        instance.add_instigator_state(state)
        error = SerializableErrorInfo("the DAM is out", [], None)
        add_tick(instance, state, TickStatus.SKIPPED, 1000.0)
        add_tick(instance, state, TickStatus.FAILURE, 2000.0, error)
        [look] = sensor_looks(instance, [a_sensor])
    assert (look.is_running, look.last_look_at) == (True, datetime.fromtimestamp(1000, timezone.utc))


def test_the_code_location_loads_with_the_report():
    dg.Definitions.validate_loadable(DEFS)
