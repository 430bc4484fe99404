"""What goes from Dagster's tables when it is old, and what stays (on its own PostgreSQL)."""

import dagster as dg
import psycopg2
import pytest
from dagster._core.test_utils import instance_for_test

from ferrero_dagster.config.site import load_site
from ferrero_dagster.defs.old_events import IDLE, forget_old

UPLOADS, STATUS = dg.AssetKey(["box", "agency_uploads"]), dg.AssetKey(["operations", "status"])
CHECK = dg.AssetCheckKey(UPLOADS, "all_accepted")
SITE = load_site().dagster


@pytest.fixture
def instance(empty_database_url):
    url = empty_database_url.replace("://", "+psycopg2://")
    with instance_for_test(overrides={"storage": {"postgres": {"postgres_url": url}}}) as instance:
        yield instance


def aged(url, days):
    """All that is in Dagster's tables is so old."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for statement in ("event_logs SET timestamp = timestamp", "runs SET create_timestamp = create_timestamp"):
            cursor.execute(f"UPDATE {statement} - interval '{days} days'")


def run_of(instance, job, status=dg.DagsterRunStatus.SUCCESS, tags=None):
    run = dg.DagsterRun(job_name=job, status=status, tags=tags)
    instance.add_run(run)
    return run.run_id


def write(instance):
    """What sensors and housekeeping write without a run, and what a person might."""
    check = dg.AssetCheckEvaluation(asset_key=UPLOADS, check_name=CHECK.name, passed=True)
    for event in (dg.AssetObservation(UPLOADS), check, *map(dg.AssetMaterialization, (STATUS, UPLOADS))):
        instance.report_runless_asset_event(event)


def counted(instance):
    kinds = (
        (instance.fetch_observations, UPLOADS),
        *((instance.fetch_materializations, key) for key in (STATUS, UPLOADS)),
    )
    return [len(fetch(key, limit=100).records) for fetch, key in kinds]


def test_old_events_without_a_run_go_but_for_the_latest_and_materializations_stay(instance, empty_database_url):
    for _ in range(5):
        write(instance)
    assert forget_old(instance, SITE, job="reconcile") == (0, 0)
    aged(empty_database_url, 100)
    assert forget_old(instance, SITE, job="reconcile") == (0, 12)
    assert counted(instance) == [1, 1, 5]
    [check] = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK]).values()
    assert check.evaluation.passed
    assert instance.get_latest_materialization_event(STATUS)
    write(instance)
    assert forget_old(instance, SITE, job="reconcile") == (0, 3)
    assert counted(instance) == [1, 1, 6]


def test_old_runs_of_the_housekeeping_go_and_all_others_stay(instance, empty_database_url):
    old, failed, other = (
        run_of(instance, "reconcile"),
        run_of(instance, "reconcile", dg.DagsterRunStatus.FAILURE),
        run_of(instance, "a1_to_a2"),
    )
    aged(empty_database_url, 8)
    new = run_of(instance, "reconcile")
    assert forget_old(instance, SITE, job="reconcile") == (1, 0)
    assert {run.run_id for run in instance.get_runs()} == {failed, other, new}
    assert old not in {run.run_id for run in instance.get_runs()}


def test_housekeeping_that_found_nothing_to_do_goes_half_an_hour_later(instance, empty_database_url):
    for _ in range(2):
        run_of(instance, "reconcile", tags=IDLE)
    assert forget_old(instance, SITE, job="reconcile") == (0, 0)
    aged(empty_database_url, 1)
    busy, other = run_of(instance, "reconcile"), run_of(instance, "a1_to_a2", tags=IDLE)
    failed = run_of(instance, "reconcile", dg.DagsterRunStatus.FAILURE, IDLE)
    assert forget_old(instance, SITE, job="reconcile") == (2, 0)
    assert {run.run_id for run in instance.get_runs()} == {busy, other, failed}


def test_a_site_may_keep_everything(instance, empty_database_url):
    for _ in range(2):
        run_of(instance, "reconcile", tags=IDLE)
    aged(empty_database_url, 1000)
    keeps = SITE.model_copy(update={"keep_reconcile_days": None, "keep_observations_days": None})
    assert forget_old(instance, keeps, job="reconcile") == (0, 0)
