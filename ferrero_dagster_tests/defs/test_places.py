"""How many campaigns a route has under way, in Dagster's queue and at work, and what the queue leaves for people."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from ferrero_dagster.defs.health import troubles_in_dagster
from ferrero_dagster.defs.internals import IMPLICIT_JOB
from ferrero_dagster.defs.reds import Watch
from ferrero_dagster_tests.fix_dagster import PARTITION
from ferrero_dagster_tests.fix_world import A1, A5

WAITS = "waits until another campaign of its route has ended"
Status = dg.DagsterRunStatus
#: A run that waits in the queue says where its code is.
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("ferrero_dagster"), "__repository__")


def begun(cockpit, campaign_id, status, *, route=A1):
    """A run of the route's job that is in this state."""
    return cockpit.instance.create_run_for_job(
        cockpit.repository.get_job(route.name),
        tags={PARTITION: cockpit.key(campaign_id), "ferrero/route": route.name},
        status=status,
        remote_job_origin=RemoteJobOrigin(REPOSITORY, route.name),
    )


def pressed(cockpit, campaign_id):
    """A run of the asset's button, which has no tag of a route yet."""
    return cockpit.instance.create_run_for_job(
        cockpit.repository.get_job(IMPLICIT_JOB),
        tags={PARTITION: cockpit.key(campaign_id)},
        asset_selection=frozenset({dg.AssetKey(A1.asset)}),
        status=Status.QUEUED,
        remote_job_origin=RemoteJobOrigin(REPOSITORY, IMPLICIT_JOB),
    )


def starts(result):
    return [request.partition_key for request in result.run_requests or []]


@pytest.fixture
def five(cockpit):
    """Ids of campaigns that are ready, at a site that has three of a route under way."""
    cockpit.set_site(campaigns={"per_tick": 3})
    return [cockpit.world.campaign(name=name) for name in "ABCDE"]


def test_a_tick_fills_up_what_waits_in_the_queue_and_what_works_to_as_many_as_the_site_allows(cockpit, five):
    queued, started = begun(cockpit, five[0], Status.QUEUED), begun(cockpit, five[1], Status.STARTED)
    tick = cockpit.preview("a1_campaigns")
    assert starts(tick) == [cockpit.key(five[2])]
    pressed(cockpit, five[2])
    assert cockpit.preview("a1_campaigns").skip_reason.skip_message.count(WAITS) == 2
    for run in (queued, started):
        cockpit.instance.report_run_canceled(run)
    assert starts(cockpit.preview("a1_campaigns")) == [cockpit.key(id_) for id_ in five[:2]]


def test_a_campaign_whose_run_is_gone_while_its_process_works_takes_a_place_and_other_routes_take_none(cockpit, five):
    begun(cockpit, cockpit.world.campaign(route=A5, name="F"), Status.QUEUED, route=A5)
    cockpit.preview("a1_campaigns")  # since then all are known
    with cockpit.world.database.lock(f"a1_to_a2:{five[0]}"):
        assert starts(cockpit.preview("a1_campaigns")) == [cockpit.key(id_) for id_ in five[1:3]]


def test_twenty_campaigns_are_in_the_queue_after_one_look(cockpit):
    ids = [cockpit.world.campaign({"a.png": b"a"}, name=f"{number:02}") for number in range(22)]
    assert starts(cockpit.preview("a1_campaigns")) == [cockpit.key(id_) for id_ in ids[:20]]


def test_people_s_jobs_find_a_place_however_many_campaigns_wait_in_the_queue(cockpit):
    limits = yaml.safe_load(Path("dagster.yaml").read_text())["concurrency"]["runs"]
    [all_routes] = [
        one for one in limits["tag_concurrency_limits"] if one["key"] == "ferrero/route" and "value" not in one
    ]
    assert all_routes["limit"] < limits["max_concurrent_runs"]
    ahead = {job.name for job in cockpit.repository.get_all_jobs() if int(job.tags.get("dagster/priority", 0)) > 0}
    assert {"advance_campaigns", "reset_campaign_retries", "check_connections", "reconcile"} <= ahead
    assert not ahead & {route.name for route in cockpit.world.systems.site.routes}


def test_a_long_wait_in_the_queue_is_trouble_only_while_nothing_works(cockpit, five):
    begun(cockpit, five[0], Status.QUEUED)
    at_work = begun(cockpit, five[1], Status.STARTED)
    assert not stuck(cockpit)
    cockpit.instance.report_run_canceled(at_work)
    assert stuck(cockpit)


def stuck(cockpit):
    troubles = troubles_in_dagster(cockpit.instance, Watch(ticking=[], checks=[]), timedelta(0))
    return [line for line in troubles if "1 run has not begun" in line]
