"""People work in the DAM while a run moves a campaign: what they do counts (SPEC 3.5)."""

import pytest

from ferrero_dagster.domain.errors import NotInDam
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.fix_world import ASSETS, sha1
from ferrero_dagster_tests.transfer.masters.campaign_world import facts


def test_a_campaign_of_another_type_is_left_alone(world):
    campaign_id = world.campaign(type="Global comm")
    assert "is in A1 (Global comm)" in world.run(campaign_id).nothing
    assert (world.dam.store.status(campaign_id), world.files()) == ("A1", [])


def test_a_campaign_that_is_gone_is_nothing_to_move(world):
    campaign_id = world.campaign()
    world.dam.store.delete(campaign_id)
    for gone in (campaign_id, "f" * 40):
        assert world.run(gone).nothing == (
            f"The DAM shows no campaign {gone}: it is deleted, expired or out of our sight; nothing to move."
        )


@pytest.mark.fault(42)
def test_a_status_that_a_person_chose_meanwhile_wins(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(path="/contents", before=lambda: world.dam.store.set_status(campaign_id, "A4")))
    outcome = world.run(campaign_id)
    assert outcome.nothing == (
        "All 3 assets are in Box, but somebody changed the status to A4 meanwhile; it stays as it is."
    )
    assert world.dam.store.status(campaign_id) == "A4"
    assert world.templates() == []
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("overtaken",)]


@pytest.mark.fault(39)
def test_a_campaign_that_is_deleted_meanwhile_is_reported_and_then_left_alone(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(path="/contents", before=lambda: world.dam.store.delete(campaign_id)))
    with pytest.raises(Exception, match="it was deleted in the DAM"):
        world.run(campaign_id)
    assert world.look().starts == []
    assert "shows no campaign" in world.run(campaign_id).nothing
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("overtaken",)]
    assert world.templates() == []
    assert world.sql("SELECT campaign_number, campaign_name FROM campaign_status") == [("C000000001", "Spring")]


@pytest.mark.fault(22)
def test_what_comes_into_the_folder_while_we_move_is_moved_before_the_status_changes(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(path="/contents", before=lambda: world.add_asset(campaign_id, "Late.pdf", b"late")))
    outcome = world.run(campaign_id)
    assert {file.name for file in outcome.moved} == {*ASSETS, "Late.pdf"}
    assert [len(fact["files"]) for fact in facts(world, "a1_to_a2_complete")] == [4, 4]


@pytest.mark.fault(22)
def test_an_asset_that_is_replaced_while_we_move_arrives_in_its_new_version_too(world):
    campaign_id = world.campaign({"film.mp4": b"old"})
    [film] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.dam.board.add(Fault(path="/contents", before=lambda: world.dam.store.new_version(film.id, b"new")))
    world.run(campaign_id)
    assert {content for _, content in world.files()} == {sha1(b"old"), sha1(b"new")}
    assert world.dam.store.status(campaign_id) == "A2"


@pytest.mark.fault(39)
def test_an_asset_that_is_deleted_while_we_move_is_withdrawn_and_keeps_nobody_waiting(world):
    campaign_id = world.campaign()
    [film, *_] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))

    def delete():
        world.dam.store.delete(film.id)

    path, body = f"{film.id}/contents", '{"exception_body": {"message": "?"}}'
    world.dam.board.add(Fault(path=path, status=404, body=body, headers=JSON, before=delete))
    outcome = world.run(campaign_id)
    assert (len(outcome.moved), outcome.failed, outcome.status) == (2, (), "A2")
    assert world.sql("SELECT state FROM transfers ORDER BY 1") == [("moved",), ("moved",), ("withdrawn",)]
    assert world.templates() == ["a1_to_a2_complete"]


@pytest.mark.fault(39)
def test_a_campaign_that_is_emptied_while_we_move_is_not_advanced(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    [film] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.dam.board.add(Fault(path="/assets$", before=lambda: world.dam.store.delete(film.id)))
    assert "No assets in 01 Master Assets" in world.run(campaign_id).nothing
    assert world.dam.store.status(campaign_id) == "A1"


def test_assets_that_are_left_out_are_told_and_keep_nobody_waiting(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.add_asset(campaign_id, "old.png", b"old", expired=True)
    world.add_asset(campaign_id, "idea", b"", with_content=False)
    outcome = world.run(campaign_id)
    assert (len(outcome.moved), outcome.status) == (1, "A2")
    assert set(outcome.notes) == {
        "old.png was left out: it has expired in the DAM.",
        "idea was left out: it has no content in the DAM.",
    }
    assert set(facts(world, "a1_to_a2_complete")[0]["notes"]) == set(outcome.notes)


def test_an_expired_campaign_is_not_called_deleted(world):
    campaign_id = world.campaign()
    world.dam.store.change(campaign_id, expired=True)
    assert "deleted, expired or out of our sight" in world.run(campaign_id).nothing
    with pytest.raises(NotInDam, match="has expired in the DAM"):
        world.systems.dam.campaign(campaign_id)
