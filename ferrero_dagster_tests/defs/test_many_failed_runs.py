"""A night in which everything failed is looked at in one tick of `failed_runs`, not in one of every hundred."""

import time
from contextlib import closing

import dagster as dg
import psycopg2
import pytest

from ferrero_dagster_tests.fix_dagster import PARTITION, resources


def evaluated(cockpit, cursor):
    sensor = cockpit.repository.get_sensor_def("failed_runs")
    context = dg.build_sensor_context(
        instance=cockpit.instance,
        sensor_name="failed_runs",
        cursor=cursor,
        resources=resources(),
        repository_def=cockpit.repository,
    )
    return sensor.evaluate_tick(context)


@pytest.mark.fault(80)
def test_forty_runs_that_failed_in_one_night_are_looked_at_in_one_tick(cockpit):
    cursor = evaluated(cockpit, None).cursor
    job, key = cockpit.repository.get_job("a1_to_a2"), cockpit.key(cockpit.world.campaign())
    for _ in range(40):
        run = cockpit.instance.create_run_for_job(job, tags={PARTITION: key}, status=dg.DagsterRunStatus.STARTED)
        cockpit.instance.report_run_failed(run)
    assert len(evaluated(cockpit, cursor).dagster_run_reactions) == 40
    assert cockpit.world.templates() == ["workflow_error"], "one mail per cause"


@pytest.mark.fault(71)
def test_a_locked_outbox_does_not_keep_a_tick_longer_than_its_time(cockpit):
    cockpit.set_site(looks={"budget_s": 2}, database={"lock_timeout_s": {"tick": 1}})
    cursor = evaluated(cockpit, None).cursor
    job, key = cockpit.repository.get_job("a1_to_a2"), cockpit.key(cockpit.world.campaign())
    for _ in range(8):
        run = cockpit.instance.create_run_for_job(job, tags={PARTITION: key}, status=dg.DagsterRunStatus.STARTED)
        cockpit.instance.report_run_failed(run)
    with closing(psycopg2.connect(cockpit.world.database_url)) as somebody, somebody.cursor() as sql:
        sql.execute("LOCK TABLE notifications")
        began = time.monotonic()
        assert len(evaluated(cockpit, cursor).dagster_run_reactions) == 8
        assert time.monotonic() - began < 2 + 3
    assert cockpit.world.templates() == []
    assert len(evaluated(cockpit, cursor).dagster_run_reactions) == 8, "another tick has its own time"
    assert cockpit.world.templates() == ["workflow_error"]
