"""How Dagster's tables grow while nothing happens."""

import json
from datetime import datetime, timedelta, timezone

import dagster as dg
import psycopg2
import pytest
from dagster._core.test_utils import instance_for_test

from ferrero_dagster_tests.fix_world import A1, A2, ROUTES
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

#: Queue and launcher, who have no part in these tests, write at most so many events of a run.
LAUNCHED = 6


@pytest.fixture
def agency(cockpit):
    agency = Agency(cockpit.world)
    agency.campaign("AAA001")
    return agency


@pytest.fixture
def idle(cockpit, agency, empty_database_url):
    """A cockpit without work, whose Dagster writes to a PostgreSQL of its own; and how many events are there."""
    storage = {"postgres": {"postgres_url": empty_database_url.replace("://", "+psycopg2://")}}
    with (
        instance_for_test(overrides={"storage": storage}) as cockpit.instance,
        psycopg2.connect(empty_database_url) as connection,
        connection.cursor() as cursor,
    ):

        def count():
            cursor.execute("SELECT count(*) FROM event_logs")
            return next(cursor)[0]

        def later():
            an_hour_later(cockpit)
            with psycopg2.connect(empty_database_url) as own, own.cursor() as ours:
                ours.execute("UPDATE runs SET create_timestamp = create_timestamp - interval '1 hour'")

        cockpit.launch(A1.name, cockpit.world.campaign())
        cockpit.later = later
        yield cockpit, count


def events_of(cockpit, sensor):
    """What a tick of the daemon stores beside itself."""
    return len(cockpit.tick(sensor).asset_events)


def an_hour_later(cockpit):
    for sensor, cursor in cockpit.cursors.items():
        told = json.loads(cursor)
        cockpit.cursors[sensor] = json.dumps(told | {"shown_at": told["shown_at"] - 3600})


def test_ticks_write_events_only_where_something_has_changed_and_once_an_hour(cockpit, agency):
    agency.deliver("wrong.png")
    ticks = [A1.sensor, A2.sensor]
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A2.sensor) == 2, "it has settled, and is refused"
    assert [events_of(cockpit, sensor) for sensor in ticks * 3] == [0] * 6
    cockpit.world.campaign({}, name="New")
    agency.deliver(final_name("AAA001"))
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A1.sensor) == 0
    an_hour_later(cockpit)
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A1.sensor) == 0


def test_the_check_tells_of_refused_files_also_where_a_look_has_listed_nothing(cockpit, agency):
    agency.deliver("wrong.png")
    for _ in range(2):
        cockpit.tick(A2.sensor)
    an_hour_later(cockpit)
    observation, check = cockpit.tick(A2.sensor).asset_events
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.passed, observation.metadata["refused"].value) == (False, 1)


def run(cockpit, job, **options):
    assert cockpit.repository.get_job(job).execute_in_process(instance=cockpit.instance, **options).success


def an_hour(cockpit):
    """What sensors and housekeeping write in it."""
    cockpit.later()
    for route in ROUTES:
        for event in cockpit.tick(route.sensor).asset_events:
            cockpit.instance.report_runless_asset_event(event)
    run(cockpit, "reconcile")


def a_days_jobs(cockpit):
    run(cockpit, "daily_report", partition_key=f"{datetime.now(timezone.utc) - timedelta(days=2):%Y-%m-%d}")
    run(cockpit, "audit")


def growth(cockpit, count, work):
    before = count()
    work(cockpit)
    return count() - before


def test_an_idle_day_leaves_at_most_three_hundred_events(idle):
    cockpit, count = idle
    # The first hour tells some things once, and its housekeeping stays.
    for _ in range(2):
        an_hour(cockpit)
    hourly, daily = growth(cockpit, count, an_hour), growth(cockpit, count, a_days_jobs)
    assert hourly == 7
    assert 24 * hourly + daily + 2 * LAUNCHED <= 300


def test_housekeeping_that_warned_of_something_stays(idle, monkeypatch):
    cockpit, _ = idle
    an_hour(cockpit)
    with monkeypatch.context() as wrong:
        wrong.setenv("FERRERO_DAM_CA_BUNDLE", "/nowhere")
        run(cockpit, "reconcile")
    for _ in range(2):
        cockpit.later()
        run(cockpit, "reconcile")
    runs = cockpit.instance.get_run_ids(dg.RunsFilter(job_name="reconcile"))
    said = [" ".join(log.message for log in cockpit.instance.all_logs(run_id)) for run_id in runs]
    # The idle one between them is gone; the first may have told that the day's report is late, from seven on.
    assert ["could not be read again" in one for one in said[:2]] == [False, True]
