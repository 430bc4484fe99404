"""Operators choose a campaign by what it is called, and the run finds the campaign (SPEC 10)."""

import threading

import dagster as dg

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking.campaigns import called, partition_keys
from ferrero_dagster_tests.fix_dagster import metadata
from ferrero_dagster_tests.fix_world import A1

KEYS = "SELECT partition_key FROM campaign_status ORDER BY campaign_id"


def known(cockpit):
    return set(cockpit.instance.get_dynamic_partitions("campaigns"))


def test_two_campaigns_of_one_number_and_name_have_a_partition_each_and_move_apart(cockpit):
    one, other = (cockpit.world.campaign(number="C1", name="Spring") for _ in range(2))
    cockpit.tick()
    first, second = sorted(known(cockpit))
    assert (first, second in {f"C1 Spring #{campaign_id[-6:]}" for campaign_id in (one, other)}) == ("C1 Spring", True)
    assert {cockpit.world.dam.store.status(campaign_id) for campaign_id in (one, other)} == {"A2"}
    assert {result.dagster_run.tags["ferrero/campaign_id"] for result in cockpit.results} == {one, other}


def test_a_campaign_that_is_renamed_keeps_its_partition(cockpit):
    campaign_id = cockpit.world.campaign(name="Spring")
    cockpit.tick()
    cockpit.world.dam.store.rename(campaign_id, "Summer")
    cockpit.world.dam.store.set_status(campaign_id, "A1")
    cockpit.later(3)
    cockpit.tick()
    assert known(cockpit) == {"C000000001 Spring"}
    assert len(cockpit.results) == 2
    assert cockpit.results[-1].dagster_run.tags["ferrero/campaign_name"] == "Summer"


def test_any_name_becomes_a_partition_that_runs(cockpit):
    names = ["Tick ...tock", "a\tb\u202ec", "x" * 300, "Ostern 🐣, 50 % | <b>", " "]
    campaign_ids = [cockpit.world.campaign({"a.mp4": b"a"}, name=name) for name in names]
    for _ in range(3):
        cockpit.tick()
    assert {cockpit.world.dam.store.status(campaign_id) for campaign_id in campaign_ids} == {"A2"}
    assert all(len(key) <= 80 and "..." not in key and "\t" not in key for key in known(cockpit))
    assert len(known(cockpit)) == len(names)


def test_a_partition_that_somebody_added_by_hand_is_refused_in_one_sentence(cockpit):
    result = cockpit.launch_partition("a1_to_a2", "My campaign")
    assert not result.success
    assert metadata(result)["description"].startswith("No campaign is known by the partition 'My campaign': ")


def test_a_run_that_somebody_starts_by_its_partition_moves_the_campaign_and_carries_its_id(cockpit):
    campaign_id = cockpit.world.campaign()
    result = cockpit.launch_partition("a1_to_a2", cockpit.key(campaign_id))
    assert (result.success, cockpit.world.dam.store.status(campaign_id)) == (True, "A2")
    assert cockpit.instance.get_run_by_id(result.run_id).tags["ferrero/campaign_id"] == campaign_id


def test_a_run_carries_its_campaigns_id_also_where_the_dam_tells_nothing_of_it(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.dam.board.add(Fault(path="/folders", status=503, times=None))
    result = cockpit.launch("a1_to_a2", campaign_id)
    assert not result.success
    assert cockpit.instance.get_run_by_id(result.run_id).tags["ferrero/campaign_id"] == campaign_id


def test_operators_may_name_a_campaign_as_its_partition_does(cockpit):
    campaign_ids = [cockpit.world.campaign(number="C1", name="Spring") for _ in range(2)]
    keys = [cockpit.key(campaign_id) for campaign_id in campaign_ids]
    found = [cockpit.world.database.transact(called, key) for key in keys]
    assert [[campaign.id for campaign in named] for named in found] == [[campaign_id] for campaign_id in campaign_ids]
    assert len(cockpit.world.database.transact(called, "Spring")) == 2, "of a name that two have neither is chosen"


def test_a_run_that_somebody_queued_by_hand_keeps_the_sensor_from_starting_another(cockpit):
    campaign_id = cockpit.world.campaign()
    job = cockpit.repository.get_job("a1_to_a2")
    tags = {"dagster/partition": cockpit.key(campaign_id)}
    cockpit.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.NOT_STARTED)
    assert "a run is under way" in cockpit.preview(A1.sensor).skip_reason.skip_message


def test_looks_at_once_give_each_campaign_one_key_and_no_key_twice(world):
    campaigns = [Campaign(id=DamId(f"{n:040}"), number="C1", name="Spring", status="A1", type="") for n in range(20)]
    given = []

    def look():
        given.append(world.database.transact(partition_keys, campaigns))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(keys == given[0] for keys in given)
    assert len(set(given[0].values())) == len(campaigns)
    assert {key for (key,) in world.sql(KEYS)} == set(given[0].values())
