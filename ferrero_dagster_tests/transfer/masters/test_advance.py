"""The status follows once, whatever becomes of the answers, and a person's choice wins (SPEC 3.5)."""

import pytest

from ferrero_dagster.domain.errors import IntegrityError, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.transfer.masters.run import move_masters
from ferrero_dagster.transfer.systems import Watcher
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A1
from ferrero_dagster_tests.transfer.masters.campaign_world import facts, hidden


def status_path(campaign_id):
    return f"/folders/{campaign_id}$"


@pytest.mark.fault(40)
def test_a_status_that_was_accepted_but_not_applied_is_noticed_and_set_by_the_next_run(world):
    expected = world.no_fault()
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="PATCH", status=200))
    with pytest.raises(IntegrityError, match="The DAM accepted status A2 but shows A1"):
        world.run(campaign_id)
    assert world.templates() == ["a1_to_a2_complete"], "only the other campaign's"
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(41, 61)
def test_a_status_whose_change_was_not_answered_is_set_and_told_once(world):
    expected = world.no_fault()
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="PATCH", drop_answer=True))
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected
    assert seen(world.dam, "PATCH", status_path(campaign_id), times=1)


@pytest.mark.fault(41)
def test_a_run_that_died_between_status_and_report_is_found_by_the_sensor_and_told_once(world):
    expected = world.no_fault()
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="GET", path=status_path(campaign_id), skip=2, times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    assert world.dam.store.status(campaign_id) == "A2"
    world.dam.board.clear()
    assert "next attempt in" in str(world.look()), "the failed attempt has its pause"
    world.sql("UPDATE campaign_rounds SET last_failed_at = now() - interval '1 hour'")
    assert [campaign.id for campaign in world.look().starts] == [campaign_id]
    outcome = world.run(campaign_id)
    assert (outcome.nothing, len(outcome.before), outcome.status) == (None, 3, "A2")
    assert world.end_state(campaign_id) == expected
    assert world.look().starts == []


@pytest.mark.fault(41)
def test_a_campaign_that_its_new_status_hides_from_us_is_complete_and_people_read_so(world):
    campaign_id = world.campaign()
    hide = Fault(method="PATCH", before=lambda: world.dam.board.add(hidden(campaign_id)))
    world.dam.board.add(hide)
    outcome = world.run(campaign_id)
    assert (world.dam.store.status(campaign_id), outcome.status, outcome.nothing) == ("A2", "A2", None)
    [note] = outcome.notes
    assert "does not show us the campaign any more" in note
    assert [fact["notes"] for fact in facts(world, "a1_to_a2_complete")] == [[note]] * 2, "mail and webhook"
    assert world.look().starts == []


def test_a_campaign_that_is_hidden_when_an_unfinished_run_goes_on_is_reported_once_under_its_name(world):
    campaign_id = world.campaign()
    out = Fault(method="GET", path=status_path(campaign_id), status=503, times=None)
    world.dam.board.add(Fault(method="PATCH", drop_answer=True, before=lambda: world.dam.board.add(out)))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    world.dam.board.clear()
    world.dam.board.add(hidden(campaign_id))
    world.sql("UPDATE campaign_rounds SET last_failed_at = now() - interval '1 hour'")
    assert [campaign.id for campaign in world.look().starts] == [campaign_id]
    outcome = world.run(campaign_id)
    assert (outcome.campaign.name, len(outcome.before), len(outcome.notes)) == ("Spring", 3, 1)
    [fact, _] = facts(world, "a1_to_a2_complete")
    assert (fact["campaign"]["name"], len(fact["files"])) == ("Spring", 3)
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("advanced",)]
    assert world.look().starts == []
    assert "nothing to move" in world.run(campaign_id).nothing
    assert world.templates() == ["a1_to_a2_complete"]


@pytest.mark.fault(39)
def test_a_campaign_that_vanishes_after_an_advance_that_did_not_come_about_is_not_called_complete(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="PATCH", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    world.dam.board.clear()
    world.add_asset(campaign_id, "Late.pdf", b"late")
    world.box.board.add(Fault(path="files/content$|users/me$", times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    world.dam.store.delete(campaign_id)
    assert "nothing to move" in world.run(campaign_id).nothing
    assert world.templates() == []


@pytest.mark.fault(42)
def test_a_status_that_a_person_set_before_an_unfinished_run_goes_on_is_respected(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="PATCH", times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    world.dam.board.clear()
    world.dam.store.set_status(campaign_id, "A4")
    assert "is in A4" in world.run(campaign_id).nothing
    assert world.templates() == []
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("overtaken",)]


def test_a_round_that_a_look_ended_meanwhile_is_not_the_one_that_is_advanced(world):
    campaign_id = world.campaign()

    def taken_away_and_brought_back(_):
        for status in ("A0", "A1"):
            world.dam.store.set_status(campaign_id, status)
            world.look(running=(campaign_id,))

    watcher = Watcher(run_id="run", log=world.said.append, on_moved=taken_away_and_brought_back)
    assert world.look().starts
    assert move_masters(A1, campaign_id, world.systems, watcher).status == "A2"
    rounds = world.sql("SELECT outcome, advancing_at IS NOT NULL FROM campaign_rounds ORDER BY id")
    assert rounds[-1] == ("advanced", True)
    assert set(rounds[:-1]) == {("overtaken", False)}
