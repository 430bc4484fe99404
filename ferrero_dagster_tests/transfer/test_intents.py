"""What is to be moved is written down before anything moves, and when it was first seen (SPEC 9)."""

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import A1, A5
from ferrero_dagster_tests.transfer.finals.agency_world import Agency

STATES = "SELECT source_name, state, attempts FROM transfers ORDER BY 1"
SEEN_AT_ROUND = """
SELECT source_name FROM transfers JOIN campaign_rounds USING (route, campaign_id) WHERE first_seen_at = opened_at
ORDER BY 1
"""


def film(number):
    return f"{number:02}.mp4"


def test_all_that_the_dam_lists_is_written_down_before_the_first_file_moves(world):
    slow = world.with_site(dam={"metadata_batch_size": 1}, transfer={"threads": 1})
    campaign_id = slow.campaign({film(n): bytes([n]) for n in range(30)})
    world.dam.board.add(Fault(path="/contents", skip=1, status=503, times=None))
    with pytest.raises(SystemUnavailable):
        slow.run(campaign_id)
    assert world.sql(STATES) == [(film(0), "moved", 1), *((film(n), "pending", 0) for n in range(1, 30))]
    assert world.sql("SELECT count(DISTINCT tracking_id) FROM pending_masters WHERE upload_directory <> ''") == [(29,)]


def test_a_file_whose_metadata_the_dam_does_not_hand_over_is_to_be_moved_all_the_same(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.dam.board.add(Fault(path="/v6/assets$|/rootfolders$", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    assert world.sql(STATES) == [("film.mp4", "pending", 0)]
    assert world.sql("SELECT opentext_id <> '' FROM pending_masters") == [(True,)]
    world.dam.board.clear()
    world.run(campaign_id)
    assert world.sql("SELECT full_metadata <> '{}', status FROM master_assets") == [(True, "active")]


@pytest.mark.parametrize("route", [A1, A5], ids=lambda route: route.name)
def test_a_campaigns_files_are_seen_when_the_sensor_finds_it_ready(world, route):
    campaign_id = world.campaign(route=route)
    assert [campaign.id for campaign in world.look(route).starts] == [campaign_id]
    world.sql("UPDATE campaign_rounds SET opened_at = now() - interval '1 hour'")
    world.look(route)
    world.run(campaign_id, route)
    assert len(world.sql(SEEN_AT_ROUND)) == 3
    assert world.sql("SELECT round, outcome FROM campaign_rounds") == [(1, "advanced")]
    assert world.sql("SELECT min(moved_at - first_seen_at) > interval '1 hour' FROM transfers") == [(True,)]


def test_a_file_that_comes_later_is_seen_when_it_is_listed(world):
    campaign_id = world.campaign({"first.mp4": b"first"})
    world.look()
    world.sql("UPDATE campaign_rounds SET opened_at = now() - interval '1 hour'")
    world.dam.board.add(Fault(path="/contents", before=lambda: world.add_asset(campaign_id, "late.mp4", b"late")))
    world.run(campaign_id)
    assert world.sql(SEEN_AT_ROUND) == [("first.mp4",)]


def test_what_a_cron_script_had_moved_does_not_hide_when_the_rest_was_seen(world):
    campaign_id = world.campaign({"cron.mp4": b"cron", "rest.mp4": b"rest"})
    [(cron_id,)] = [
        (asset.id,)
        for asset in world.dam.store.assets(world.dam.store.folder(campaign_id, A1.source_folder))
        if asset.name == "cron.mp4"
    ]
    world.sql(
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, status)"
        f" VALUES ('CRON01', '{cron_id}', '77', '{campaign_id}', 'active')"
    )
    world.look()
    world.run(campaign_id)
    assert world.sql(SEEN_AT_ROUND) == [("rest.mp4",)]


def test_a_final_is_seen_when_it_lies_in_the_agencys_folder(world):
    world.dam.settings.job_polls = 0
    agency = Agency(world)
    campaign_id = agency.campaign("ABC123")
    agency.deliver("1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4")
    agency.settled_look()
    world.sql("UPDATE agency_files SET first_seen_at = now() - interval '1 hour'")
    agency.move(campaign_id)
    assert world.sql(
        "SELECT t.first_seen_at = f.first_seen_at, t.state"
        " FROM transfers t JOIN agency_files f ON f.file_id = t.source_id"
    ) == [(True, "moved")]


def test_a_look_starts_no_second_round_and_opens_none_for_a_campaign_that_waits(world):
    empty, ready = world.campaign({}), world.campaign()
    for _ in range(2):
        world.look()
    assert world.sql("SELECT campaign_id, round FROM campaign_rounds") == [(ready, 1)]
    assert empty != ready
