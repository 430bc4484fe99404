"""The agency goes on working in Box while a run moves its finals (SPEC 4.3)."""

from collections.abc import Callable
from typing import Any

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, TWO, Agency, clean_name

BEFORE_READING: dict[str, Any] = {"path": "/content$"}
BEFORE_IMPORTING: dict[str, Any] = {"method": "GET", "path": "/files/[0-9]+$"}
BEFORE_DELETING: dict[str, Any] = {"method": "DELETE"}


def meanwhile(agency: Agency, change: Callable[[str], Any], when: dict[str, Any]) -> str:
    """A campaign with one final, to which `change` happens just before that request to Box; the run is over."""
    campaign_id = agency.campaign("AAA001")
    file_id = agency.deliver(ONE, b"first")
    agency.settled_look()
    agency.world.box.board.add(Fault(**when, before=lambda: change(file_id)))
    outcome = agency.move(campaign_id)
    assert outcome.failed == ()
    return campaign_id


@pytest.mark.fault(25, 55)
def test_a_file_deleted_in_box_meanwhile_is_left_alone(agency):
    campaign_id = meanwhile(agency, agency.world.box.store.delete, BEFORE_READING)
    assert agency.assets(campaign_id) == []
    agency.go_on()
    assert agency.sql("SELECT state FROM transfers") == ["withdrawn"]
    assert agency.sql("SELECT state FROM agency_files") == ["gone"]
    assert agency.mails() == []


def test_a_file_deleted_in_box_once_it_was_read_has_arrived(agency):
    campaign_id = meanwhile(agency, agency.world.box.store.delete, BEFORE_DELETING)
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"first"}
    assert agency.world.dam.store.status(campaign_id) == "A3"


@pytest.mark.fault(22)
@pytest.mark.parametrize("when", [BEFORE_READING, BEFORE_IMPORTING, BEFORE_DELETING])
def test_a_file_replaced_in_box_meanwhile_is_taken_in_its_last_version(agency, when):
    campaign_id = meanwhile(agency, lambda _: agency.deliver(ONE, b"second"), when)
    assert agency.waiting() == [ONE]
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"second"}
    assert agency.waiting() == []


@pytest.mark.fault(22)
@pytest.mark.parametrize("when", [BEFORE_READING, BEFORE_IMPORTING])
def test_a_file_renamed_in_box_before_its_import_arrives_under_its_new_name_only(agency, when):
    campaign_id = meanwhile(agency, lambda file_id: agency.world.box.store.rename(file_id, TWO), when)
    assert agency.assets(campaign_id) == []
    agency.add_masters(campaign_id, "AAA002")
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA002"): b"first"}
    assert agency.sql("SELECT tracking_id FROM derivative_assets") == ["AAA002"]


@pytest.mark.fault(22)
@pytest.mark.parametrize("move_back", [False, True])
def test_a_file_moved_out_of_the_agencys_folder_before_its_import_stays_out_of_the_dam(agency, move_back):
    store = agency.world.box.store
    hold = store.add_folder(name="Hold", parent_id=AGENCY_FOLDER)
    campaign_id = meanwhile(agency, lambda file_id: store.move(file_id, folder_id=hold), BEFORE_IMPORTING)
    agency.go_on()
    assert agency.assets(campaign_id) == []
    if move_back:
        [file_id] = agency.sql("SELECT DISTINCT file_id FROM agency_files WHERE name <> 'Hold'")
        store.move(file_id, folder_id=AGENCY_FOLDER)
        agency.go_on()
    assert len(agency.assets(campaign_id)) == move_back


@pytest.mark.fault(22)
def test_a_folder_moved_away_with_its_files_before_their_import_keeps_them_out_of_the_dam(agency):
    agency = agency.with_site(agency={"include_subfolders": True})
    campaign_id = agency.campaign("AAA001")
    store = agency.world.box.store
    week = store.add_folder(name="Week 12", parent_id=AGENCY_FOLDER)
    hidden = store.add_folder(name=".hidden", parent_id=AGENCY_FOLDER)
    file_id = store.put_file(week, ONE, b"first")
    agency.settled_look()
    # Such a move leaves the file's own etag as it is.
    store.database.change("UPDATE items SET parent_id = ? WHERE id = ?", hidden, week)
    assert [file.name for file in agency.move(campaign_id).left] == [ONE]
    store.database.change("UPDATE items SET parent_id = ? WHERE id = ?", AGENCY_FOLDER, week)
    assert len(agency.move(campaign_id).moved) == 1
    assert file_id in agency.sql("SELECT box_file_id FROM derivative_assets")


@pytest.mark.fault(55)
def test_a_file_renamed_in_box_meanwhile_is_looked_at_afresh(agency):
    meanwhile(agency, lambda file_id: agency.world.box.store.rename(file_id, "oops.png"), BEFORE_DELETING)
    agency.go_on()
    assert agency.waiting() == ["oops.png"]
    assert agency.mails() == [
        ("a2_to_a3_complete", "Spring"),
        ("a2_to_a3_file_uploaded", ONE),
        ("a2_to_a3_upload_failed", "oops.png"),
    ]


@pytest.mark.fault(50)
def test_a_master_withdrawn_meanwhile_makes_the_next_look_refuse_its_final(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    agency.sql("UPDATE master_assets SET status = 'withdrawn' RETURNING 1")
    assert [file.reason for file in agency.move(campaign_id).left] == ["The master AAA001 is not active any more."]
    agency.go_on()
    assert agency.mails() == [("a2_to_a3_upload_failed", ONE)]


def test_a_file_back_from_the_trash_is_on_its_way_again(agency):
    campaign_id = agency.campaign("AAA001")
    file_id, store = agency.deliver(ONE), agency.world.box.store
    agency.world.box.board.add(Fault(path="/content$", status=404, body='{"code": "not_found"}'))
    agency.settle_and_move(campaign_id)
    store.delete(file_id)
    agency.look()
    assert agency.sql("SELECT state FROM transfers") == ["withdrawn"]
    store.restore(file_id, name=None, folder_id=None, new_etag=False)
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT status FROM derivative_assets") == ["active"]
