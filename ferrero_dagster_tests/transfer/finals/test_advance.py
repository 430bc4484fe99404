"""When a campaign's finals are all there, its status follows once; people's choices win (SPEC 4.7)."""

import pytest

from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, REFUSAL
from ferrero_dagster_tests.transfer.finals.agency_world import final_name, finals_moved

DO_IT = Request(done_by="Maria Rossi", dry_run=False)


def test_the_status_follows_when_the_last_master_has_its_final_days_later(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A2"
    agency.deliver(final_name("AAA002"))
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A3"
    assert agency.sql("SELECT status FROM campaign_status") == ["A3"]
    [complete] = agency.sql("SELECT fact->'files' FROM notifications WHERE template = 'a2_to_a3_complete'")
    assert len(complete) == 2


def test_a_campaign_whose_last_open_master_was_withdrawn_is_advanced_at_the_next_look(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    agency.sql("UPDATE master_assets SET status = 'withdrawn' WHERE tracking_id = 'AAA002' RETURNING 1")
    look = agency.look()
    assert agency.starts(look) == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A3"
    assert agency.starts() == {}


@pytest.mark.fault(38)
@pytest.mark.parametrize(("of_the_newest", "status"), [(False, "A2"), (True, "A3")])
def test_of_a_master_that_was_replaced_in_the_dam_only_the_newest_version_awaits_a_final(agency, of_the_newest, status):
    world = agency.world
    campaign_id = world.campaign({"Master.png": b"master"})
    world.run(campaign_id)
    [old] = agency.sql("SELECT tracking_id FROM master_assets")
    [asset] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.dam.store.new_version(asset.id, b"corrected")
    world.dam.store.set_status(campaign_id, "A1")
    world.run(campaign_id)
    [new] = agency.sql(f"SELECT tracking_id FROM master_assets WHERE tracking_id <> '{old}'")
    agency.deliver(final_name(new if of_the_newest else old))
    agency.go_on()
    assert (len(agency.assets(campaign_id)), world.dam.store.status(campaign_id)) == (1, status)


def test_when_the_newest_version_of_a_master_is_withdrawn_the_one_before_counts(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    # The first version of an asset has its original's id; the cron scripts noted no other.
    agency.sql(
        "UPDATE master_assets SET original_id = NULL, opentext_id = 'first', created_at = now() - interval '1 day' "
        "WHERE tracking_id = 'AAA001' RETURNING 1",
        "UPDATE master_assets SET original_id = 'first' WHERE tracking_id = 'AAA002' RETURNING 1",
    )
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    assert agency.starts() == {}
    withdraw_masters(agency.world.database, ["AAA002"], DO_IT)
    assert agency.starts() == {campaign_id: 0}


@pytest.mark.fault(38)
@pytest.mark.parametrize("follows", ["a final", "a withdrawal"])
def test_a_campaign_that_was_opened_again_is_complete_again_only_after_something_more_happened(agency, follows):
    campaign_id = finals_moved(agency)
    store = agency.world.dam.store
    assert store.status(campaign_id) == "A3"
    agency.add_masters(campaign_id, "AAA003") if follows == "a withdrawal" else None
    store.set_status(campaign_id, "A2")
    agency.move(campaign_id)
    agency.go_on()
    assert store.status(campaign_id) == "A2"
    if follows == "a final":
        agency.deliver(final_name("AAA001"), b"corrected")
    else:
        withdraw_masters(agency.world.database, ["AAA003"], DO_IT)
    agency.go_on()
    assert store.status(campaign_id) == "A3"
    assert agency.mails().count(("a2_to_a3_complete", "Spring")) == 2


def test_a_campaign_in_another_status_keeps_it(agency):
    campaign_id = agency.campaign("AAA001", status="A4")
    agency.deliver(final_name("AAA001"))
    assert agency.settle_and_move(campaign_id).status == "A4"
    assert agency.starts() == {}
    assert agency.mails() == [("a2_to_a3_file_uploaded", final_name("AAA001"))]


@pytest.mark.fault(42)
def test_a_person_who_moves_the_campaign_on_meanwhile_wins(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    store = agency.world.dam.store
    by_hand = Fault(method="GET", path="/folders/0+1$", skip=1, before=lambda: store.set_status(campaign_id, "A4"))
    agency.world.dam.board.add(by_hand)
    assert agency.settle_and_move(campaign_id).status == "A4"
    assert agency.sql("SELECT outcome FROM campaign_rounds") == ["overtaken"]
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A4"
    assert agency.starts() == {}


@pytest.mark.fault(42)
def test_an_advance_whose_end_nobody_saw_is_reported_once_or_given_up_when_people_went_on(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.world.dam.board.add(Fault(method="GET", path="/folders/0+1$", skip=2, times=5, status=503))
    agency.settled_look()
    with pytest.raises(FerreroError):
        agency.move(campaign_id)
    agency.later()
    agency.world.dam.store.set_status(campaign_id, "A4")
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A4"
    assert agency.starts() == {}
    assert ("a2_to_a3_complete", "Spring") not in agency.mails()


HIDDEN = Fault(path="0{39}1", status=404, times=None, body=REFUSAL, headers=JSON)


@pytest.mark.fault(41)
def test_a_campaign_that_is_hidden_when_an_unfinished_run_goes_on_is_complete_under_its_name(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    board = agency.world.dam.board
    board.add(Fault(method="PATCH", path="0{39}1$", times=None, status=503))
    agency.settled_look()
    with pytest.raises(FerreroError):
        agency.move(campaign_id)
    board.clear()
    board.add(HIDDEN)
    agency.later()
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A3"
    assert ("a2_to_a3_complete", "Spring") in agency.mails()
    assert agency.starts() == {}


def test_a_campaign_that_its_new_status_hides_from_us_is_complete_and_people_read_so(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    board = agency.world.dam.board
    board.add(Fault(method="PATCH", path="0{39}1$", before=lambda: board.add(HIDDEN), drop_answer=True))
    agency.settled_look()
    assert agency.move(campaign_id).status == "A3"
    assert agency.world.dam.store.status(campaign_id) == "A3"
    [notes] = agency.sql("SELECT fact->'notes' FROM notifications WHERE template = 'a2_to_a3_complete'")
    assert "does not show us the campaign any more" in notes[0]


def test_a_locked_campaign_is_tried_again_with_pauses(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.world.dam.store.lock(campaign_id)
    agency.settled_look()
    with pytest.raises(FerreroError, match="locked in the DAM"):
        agency.move(campaign_id)
    assert agency.starts() == {}
    agency.world.dam.store.unlock(campaign_id)
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A2"
    agency.later()
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A3"
