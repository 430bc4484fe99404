"""A final whose clean name the DAM holds already: adopted, a new version, beside it or refused (SPEC 4.6)."""

import pytest

from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A5
from ferrero_dagster_tests.transfer.finals.agency_world import clean_name, final_name, finals_moved


def test_what_the_dam_holds_already_is_adopted(agency):
    campaign_id = agency.campaign("AAA001")
    agency.world.dam.store.add_asset(agency.folder(campaign_id), clean_name("AAA001"), b"final")
    agency.deliver(final_name("AAA001"), b"final")
    agency.settle_and_move(campaign_id)
    assert seen(agency.world.dam, "POST", "/assets$", times=0)
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT adopted, state FROM transfers") == [(True, "moved")]


@pytest.mark.fault(47)
def test_a_final_delivered_twice_is_one_asset_and_one_active_derivative(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"one" * 1000)
    agency.go_on()
    assert agency.waiting() == []
    assert len(agency.assets(campaign_id)) == 2
    assert agency.sql("SELECT status FROM derivative_assets WHERE tracking_id = 'AAA001' ORDER BY id") == [
        "replaced",
        "active",
    ]


def test_other_content_becomes_a_new_version(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"better")
    agency.go_on()
    assert agency.contents(campaign_id)[clean_name("AAA001")] == b"better"
    assert {asset.name: asset.version for asset in agency.assets(campaign_id)} == {
        clean_name("AAA001"): 2,
        clean_name("AAA002"): 1,
    }
    assert agency.sql("SELECT fact->>'new_version' FROM notifications WHERE template LIKE '%uploaded' ORDER BY id") == [
        "false",
        "false",
        "true",
    ]


def test_other_content_may_be_refused_or_stand_beside(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"better")
    refusing = agency.with_site(agency={"on_existing_name": "refuse"})
    outcome = refusing.settle_and_move(campaign_id)
    assert [file.reason for file in outcome.failed] == [
        f"The DAM already holds another {clean_name('AAA001')}; rename the file."
    ]
    assert agency.waiting() == [final_name("AAA001")]
    agency.sql("UPDATE transfers SET state = 'pending' WHERE state = 'set_aside' RETURNING 1")
    agency.with_site(agency={"on_existing_name": "duplicate"}).move(campaign_id)
    assert [asset.name for asset in agency.assets(campaign_id)].count(clean_name("AAA001")) == 2


@pytest.mark.fault(8)
@pytest.mark.parametrize("setting", ["new_version", "duplicate", "refuse"])
def test_what_an_import_of_ours_spoiled_is_mended_in_place_whatever_the_site_says_of_names(agency, setting):
    agency = agency.with_site(agency={"on_existing_name": setting})
    agency.world.dam.settings.truncated_imports = 2
    campaign_id = finals_moved(agency)
    assert {asset.version for asset in agency.assets(campaign_id)} == {2}
    assert agency.contents(campaign_id)[clean_name("AAA001")] == b"one" * 1000


@pytest.mark.fault(47)
def test_of_two_files_with_one_clean_name_the_older_goes_first_and_the_younger_becomes_its_new_version(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"older")
    agency.deliver(final_name("AAA001").replace("1234567", "7654321"), b"younger")
    assert len(agency.settle_and_move(campaign_id).moved) == 1
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"older"}
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"younger"}
    assert agency.waiting() == []


@pytest.mark.fault(51)
def test_two_finals_of_one_master_are_both_linked_to_it(agency):
    campaign_id = agency.campaign("AAA001")
    names = [final_name("AAA001", subject=subject) for subject in ("LONG", "SHORT")]
    for name in names:
        agency.deliver(name)
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 2
    assert agency.sql("SELECT DISTINCT tracking_id FROM derivative_assets") == ["AAA001"]


@pytest.mark.fault(38)
def test_a_reworked_file_comes_back_as_a_new_version_of_the_same_asset(agency):
    """Master, final, sent back by the DAM (A5), corrected by the agency: one asset in two versions."""
    world, rework = agency.world, A5
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"first")
    agency.go_on()
    world.dam.store.set_status(campaign_id, "A5")
    assert world.run(campaign_id, rework).status == "A6"
    [path] = [path for path in world.box.store.tree() if "/Rework/" in path]
    assert path.endswith(f"/Rework/{clean_name('AAA001').replace('.png', '_AAA001.png')}")
    agency.deliver(final_name("AAA001"), b"corrected")
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    assert (asset.version, agency.contents(campaign_id)) == (2, {clean_name("AAA001"): b"corrected"})
    assert world.dam.store.status(campaign_id) == "A3"
