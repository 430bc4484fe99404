"""Runs whose process is gone, and what else people do to runs in Dagster: each ends as an operator expects."""

import time

import dagster as dg
import pytest
from dagster import AssetKey
from dagster import DagsterEventType as Event

from ferrero_dagster.defs.internals import IMPLICIT_JOB
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_dagster import PARTITION, metadata
from ferrero_dagster_tests.fix_world import A1, A2

#: An event after which a run is still as it was made.
NEVER_QUEUED = Event.LOGS_CAPTURED


def made(cockpit, campaign_id, *, minutes_ago=11, route=A1, event=Event.RUN_START, **tags):
    """A run of an asset's Materialize button whose last event is so old."""
    instance = cockpit.instance
    run = instance.create_run_for_job(
        cockpit.repository.get_job(IMPLICIT_JOB),
        tags={PARTITION: cockpit.key(campaign_id), **{name.replace("__", "/"): value for name, value in tags.items()}},
        asset_selection=frozenset({AssetKey(route.asset)}),
    )
    said(cockpit, run.run_id, minutes_ago=minutes_ago, event=event)
    return run.run_id


def said(cockpit, run_id, *, minutes_ago, event=Event.RUN_START):
    """An event of a run, so old by the clock of whoever wrote it."""
    last = dg.DagsterEvent(event.value, job_name=IMPLICIT_JOB, message="so it began")
    at = time.time() - 60 * minutes_ago
    entry = dg.EventLogEntry(None, 20, "", run_id, at, job_name=IMPLICIT_JOB, dagster_event=last)
    cockpit.instance.handle_new_event(entry)


def materialize(cockpit, route, campaign_id=None, *, instance=None, **options):
    """A run of the asset's button, to its end."""
    job = cockpit.repository.get_job(IMPLICIT_JOB)
    if campaign_id:
        cockpit.instance.add_dynamic_partitions("campaigns", [cockpit.key(campaign_id)])
        options["partition_key"] = cockpit.key(campaign_id)
    return job.execute_in_process(
        instance=cockpit.instance, asset_selection=[AssetKey(route.asset)], raise_on_error=False, **options
    )


@pytest.mark.fault(77)
@pytest.mark.parametrize("tags", [{}, {"dagster__backfill": "abc"}], ids=["materialize", "backfill"])
def test_a_run_of_an_assets_button_whose_process_is_gone_is_ended_and_its_campaign_starts_anew(cockpit, tags):
    dead, alive, young = (cockpit.world.campaign() for _ in range(3))
    runs = [made(cockpit, id_, minutes_ago=minutes, **tags) for id_, minutes in ((dead, 11), (alive, 11), (young, 9))]
    with cockpit.world.database.lock(f"a1_to_a2:{alive}"):
        [request] = cockpit.preview("a1_campaigns").run_requests
    assert request.partition_key == cockpit.key(dead)
    assert [cockpit.instance.get_run_by_id(run).is_finished for run in runs] == [True, False, False]


@pytest.mark.fault(77)
def test_a_run_whose_worker_has_a_clock_that_is_behind_is_not_taken_for_dead(cockpit):
    behind, dead = (cockpit.world.campaign(name=name) for name in "AB")
    runs = [made(cockpit, behind, minutes_ago=1, event=Event.PIPELINE_STARTING), made(cockpit, dead, minutes_ago=11)]
    said(cockpit, runs[0], minutes_ago=21)
    [request] = cockpit.preview("a1_campaigns").run_requests
    assert request.partition_key == cockpit.key(dead)
    assert [cockpit.instance.get_run_by_id(run).is_finished for run in runs] == [False, True]


@pytest.mark.fault(77)
def test_any_sensor_ends_a_dead_run_of_any_route_and_people_are_told_of_which(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.instance.add_run_tags(made(cockpit, campaign_id), {"ferrero/route": A1.name})
    made(cockpit, cockpit.world.campaign(name="Autumn"), route=A2)
    cockpit.preview("agency_files")
    cockpit.repository.get_job("reconcile").execute_in_process(instance=cockpit.instance)
    cockpit.preview("pending_notifications")
    assert {"❌ A run of a1_to_a2 failed", "❌ A run of dam/final_assets failed"} <= set(cockpit.subjects())
    mails = [mail.text for mail in cockpit.mailbox.messages()]
    assert any("C000000002 Autumn" in text and "nobody holds the lock of its campaign" in text for text in mails)


@pytest.mark.fault(77)
def test_a_run_that_never_got_into_the_queue_holds_its_campaign_for_ten_minutes_only(cockpit):
    campaign_id = cockpit.world.campaign()
    young = made(cockpit, campaign_id, event=NEVER_QUEUED, minutes_ago=9)
    assert "a run is under way" in cockpit.preview("a1_campaigns").skip_reason.skip_message
    cockpit.instance.delete_run(young)
    made(cockpit, campaign_id, event=NEVER_QUEUED)
    cockpit.tick()
    assert cockpit.world.dam.store.status(campaign_id) == "A2"


@pytest.mark.fault(77)
def test_a_run_from_the_button_keeps_the_sensor_from_starting_another_however_it_is_tagged(cockpit):
    campaign_id = cockpit.world.campaign()
    made(cockpit, campaign_id, minutes_ago=0, event=Event.PIPELINE_STARTING, dagster__backfill="abc")
    assert "a run is under way" in cockpit.preview("a1_campaigns").skip_reason.skip_message


@pytest.mark.fault(77)
def test_while_the_process_of_a_deleted_or_cancelled_run_still_works_no_other_is_started(cockpit):
    deleted, cancelled = cockpit.world.campaign(), cockpit.world.campaign()
    cockpit.instance.delete_run(made(cockpit, deleted))
    cockpit.instance.report_run_canceled(cockpit.instance.get_run_by_id(made(cockpit, cancelled)))
    lock = cockpit.world.database.lock
    cockpit.preview("a1_campaigns")  # since then both are known
    with lock(f"a1_to_a2:{deleted}"), lock(f"a1_to_a2:{cancelled}"):
        assert cockpit.preview("a1_campaigns").skip_reason.skip_message.count("a run is under way") == 2
    assert len(cockpit.preview("a1_campaigns").run_requests) == 2


def test_a_run_of_the_button_moves_the_campaign_and_carries_the_tags_of_its_route(cockpit):
    campaign_id = cockpit.world.campaign()
    result = materialize(cockpit, A1, campaign_id)
    assert (result.success, cockpit.world.dam.store.status(campaign_id)) == (True, "A2")
    tags = cockpit.instance.get_run_by_id(result.run_id).tags
    assert (tags["ferrero/route"], tags["ferrero/campaign_id"]) == (A1.name, campaign_id)


@pytest.mark.fault(77)
@pytest.mark.parametrize("asked", ["none", "range"])
def test_a_run_for_no_single_campaign_is_refused_in_one_sentence(cockpit, asked):
    first, last = (cockpit.key(cockpit.world.campaign(name=name)) for name in "AB")
    cockpit.instance.add_dynamic_partitions("campaigns", [first, last])
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    result = materialize(cockpit, A1, tags=tags if asked == "range" else {})
    assert not result.success
    assert metadata(result)["description"].startswith("This run is for no single campaign: choose one or more")


def test_of_campaigns_chosen_together_each_gets_a_run_of_its_own(cockpit):
    for route in (A1, A2):
        policy = cockpit.repository.asset_graph.get(AssetKey(route.asset)).backfill_policy
        assert policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


def test_a_failed_run_that_is_executed_again_moves_what_is_missing(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.dam.board.add(Fault(path="/contents$", status=400, times=1))
    failed = cockpit.launch("a1_to_a2", campaign_id)
    assert not failed.success
    again = dg.ReexecutionOptions.from_failure(failed.run_id, cockpit.instance)
    job, tags = dg.reconstructable(a1_to_a2), failed.dagster_run.tags
    with dg.execute_job(job, instance=cockpit.instance, reexecution_options=again, tags=tags) as result:
        assert result.success
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert cockpit.tick().run_requests == []


def a1_to_a2():
    """The job, as another process finds it."""
    from ferrero_dagster.definitions import definitions

    return definitions().resolve_job_def("a1_to_a2")


def test_wiping_an_asset_forgets_what_its_page_shows_and_nothing_else(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.launch("a1_to_a2", campaign_id)
    cockpit.instance.wipe_assets([AssetKey(A1.asset)])
    assert cockpit.tick().run_requests == []
    before = cockpit.world.files()
    result = materialize(cockpit, A1, campaign_id)
    assert (result.success, cockpit.world.files()) == (True, before)
    assert metadata(result)["result"].endswith("nothing to move.")
    cockpit.world.dam.store.set_status(campaign_id, "A1")
    assert materialize(cockpit, A1, campaign_id).success
    assert (cockpit.world.dam.store.status(campaign_id), cockpit.world.files()) == ("A2", before)


def test_a_backfill_leaves_places_in_the_queue_for_what_the_sensors_find():
    from pathlib import Path

    import yaml

    limits = yaml.safe_load(Path("dagster.yaml").read_text())["concurrency"]["runs"]
    [limit] = [one["limit"] for one in limits["tag_concurrency_limits"] if one["key"] == "dagster/backfill"]
    assert limit < limits["max_concurrent_runs"]
