"""Looks while the DAM is out, refuses us, or answers badly of one campaign only (SPEC 3.7)."""

from typing import Any

import pytest

from ferrero_dagster.domain.errors import ConfigurationError, FerreroError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.transfer import incidents
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.transfer.masters.campaign_world import STATE, headlines, spoil, started

AN_INTERVAL_LATER = "UPDATE outages SET began_at = began_at - interval '3 min', ended_at = ended_at - interval '3 min'"


def out(world, *, looks=1, minutes_apart=3, **fault):
    """What so many looks say while the DAM answers so."""
    fault = world.dam.board.add(Fault(path="/search", times=None, **fault))
    for _ in range(looks):
        [note] = world.look().notes
        world.sql(AN_INTERVAL_LATER.replace("3 min", f"{minutes_apart} min"))
    world.dam.board.clear()
    return note


@pytest.mark.fault(11)
def test_thirty_looks_while_the_dam_is_out_are_no_strikes_and_one_mail_and_then_work_goes_on(world):
    ready, empty, wrong = world.campaign(), world.campaign({}), world.campaign({}, folders=())
    world.look()
    before = world.sql("SELECT campaign_id, a1_retry_count FROM campaign_status ORDER BY 1")
    world.dam.board.add(Fault(status=503, times=None))
    for _ in range(30):
        look = world.look()
        assert (look.starts, look.found) == ([], None)
        assert str(look) == "Searching for campaigns: the DAM is unavailable (503)."
        world.sql(AN_INTERVAL_LATER)
    assert world.sql("SELECT campaign_id, a1_retry_count FROM campaign_status ORDER BY 1") == before
    assert world.templates() == ["workflow_error"]
    assert world.sql("SELECT failures FROM outages") == [(30,)]
    world.dam.board.clear()
    look = world.with_site(campaigns={"per_tick": 3}).look()
    assert set(started(look)) == {ready, wrong}
    assert world.sql("SELECT ended_at IS NOT NULL FROM outages") == [(True,)]
    assert world.sql(STATE, of=empty)[0][0] == 2


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/search", status=401, times=None),
        Fault(path="/search", status=400, times=None),
        Fault(path="/search", status=200, body="{}", headers=JSON, times=None),
    ],
    ids=["refused", "bad request", "nonsense"],
)
def test_a_search_that_cannot_be_used_is_told_once_and_is_never_an_empty_list(world, fault):
    world.campaign()
    world.dam.board.add(fault)
    for _ in range(4):
        assert world.look().found is None
        world.sql(AN_INTERVAL_LATER)
    assert world.templates() == ["workflow_error"]
    world.dam.board.clear()
    assert len(world.look().starts) == 1


def test_a_campaign_that_cannot_be_read_keeps_no_other_waiting(world):
    broken, healthy = world.campaign(name="A"), world.campaign(name="B")
    world.dam.board.add(Fault(path=f"/folders/{broken}$", status=400, times=None))
    look = world.look()
    assert started(look) == [healthy]
    assert "C000000001 A: Reading DAM folder" in str(look)


def test_when_the_dam_goes_out_during_a_look_what_was_found_starts_and_the_rest_waits(world):
    first, *rest = (world.campaign(name=letter) for letter in "ABC")
    spoil(world, *rest, status=503)
    look = world.look()
    assert started(look) == [first]
    assert "the DAM is unavailable (503)" in str(look)
    world.sql(AN_INTERVAL_LATER)
    assert world.look(running=(first,)).starts == []
    assert headlines(world) == ["DAM cannot be used"]


@pytest.mark.fault(11)
def test_a_blip_that_several_sensors_saw_is_not_mailed(world):
    out(world, looks=4, minutes_apart=0, status=503)
    assert world.templates() == []
    out(world, looks=2, status=503)
    assert headlines(world) == ["DAM cannot be used"]


REFUSED = "DAM cannot be used: the administrator must act"


@pytest.mark.fault(3)
def test_a_log_in_refused_soon_after_an_outage_is_told_anew(world):
    out(world, looks=4, status=503)
    world.look()
    out(world, looks=30, status=401)
    assert headlines(world) == ["DAM cannot be used", REFUSED]


@pytest.mark.fault(3)
def test_while_a_log_in_is_refused_nobody_is_told_that_there_is_nothing_to_do(world):
    for _ in range(5):
        out(world, status=401)
        out(world, looks=3, status=503)
    assert headlines(world) == [REFUSED]


def test_after_an_outage_was_mailed_the_same_refusal_is_told_once_more(world):
    for status in (401, 503, 401, 503, 401):
        out(world, looks=4, status=status)
        world.look()
    assert headlines(world) == [REFUSED, "DAM cannot be used", REFUSED]


@pytest.mark.fault(3)
def test_each_wrong_setting_is_told_once_however_often_they_take_turns(world):
    wrong = [ConfigurationError(f"The setting {name} is wrong.") for name in "AB"]
    for _ in range(4):
        for error in wrong:
            incidents.note(world.database, error, world.systems.site)
        world.database.transact(incidents.note_all_well)
    assert world.sql("SELECT fact->>'explanation' FROM notifications ORDER BY id") == [
        ("The setting A is wrong.",),
        ("The setting B is wrong.",),
    ]


def test_while_postgresql_is_out_a_look_says_so(world):
    world.database.close()
    world.database._url = "postgresql://postgres@/none?host=/nowhere"
    look = world.look()
    assert (look.starts, len(look.notes)) == ([], 1)
    assert "PostgreSQL cannot be used at present" in str(look)


def test_a_row_that_somebody_deleted_does_not_stop_the_sensor(world):
    campaign_id = world.campaign()
    world.dam.board.add(Fault(method="PATCH", times=None, status=400))
    with pytest.raises(Exception, match="400"):
        world.run(campaign_id)
    world.dam.store.set_status(campaign_id, "A4")
    world.sql("DELETE FROM campaign_status", "UPDATE campaign_rounds SET last_failed_at = NULL")
    assert started(world.look()) == [campaign_id]


@pytest.mark.fault(53)
def test_a_clock_that_was_set_back_stops_nothing(world):
    campaign_id = world.campaign({})
    world.look()
    world.sql("UPDATE campaign_status SET a1_last_retry_at = now() + interval '1 day'")
    assert "(poll 2)" in str(world.look(interval_s=180))
    assert world.sql(STATE, of=campaign_id)[0][0] == 2


def test_an_advance_that_cannot_be_finished_waits_longer_and_longer(world):
    world = world.with_locks()
    campaign_id = world.campaign()
    state = f"{campaign_id}/state"
    world.dam.board.add(Fault(method="PUT", path=state, skip=1, status=503, times=None))
    with pytest.raises(FerreroError):
        world.run(campaign_id)
    assert world.dam.store.status(campaign_id) == "A2"
    world.dam.board.clear()
    world.dam.store.unlock(campaign_id)
    world.dam.store.lock(campaign_id, "anna")
    for _ in range(2):
        world.sql("UPDATE campaign_rounds SET last_failed_at = last_failed_at - interval '1 hour'")
        world.sql("UPDATE outages SET last_failure_at = last_failure_at - interval '1 hour'")
        assert [campaign.id for campaign in world.look().starts] == [campaign_id]
        with pytest.raises(FerreroError):
            world.run(campaign_id)
        for _ in range(2):
            assert "next attempt in" in str(world.look())


# --- campaigns that the DAM answers badly ----------------------------------------------------------------------------

BAD_ANSWERS: list[dict[str, Any]] = [
    {"status": 503},
    {"status": 403},
    {"status": 403, "body": '{"exception_body": {"message": "You may not."}}', "headers": JSON},
    {"status": 200, "body": "[]", "headers": JSON},
]


@pytest.mark.fault(3, 11)
@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=["unavailable", "refused", "without right", "nonsense"])
def test_a_campaign_that_the_dam_answers_badly_holds_up_no_other_and_is_told_once_by_name(world, answer):
    broken, *healthy = (world.campaign(name=letter) for letter in "ABCD")
    spoil(world, broken, **answer)
    for number in range(3):
        one_more = world.with_site(campaigns={"per_tick": number + 1, "outage_mail_after_minutes": 0})
        assert started(one_more.look(running=tuple(healthy[:number]))) == [healthy[number]]
    with_room = world.with_site(campaigns={"outage_mail_after_minutes": 0})
    for _ in range(3):
        assert "C000000001 A: " in str(with_room.look(running=tuple(healthy)))
    assert headlines(world) == ["C000000001 A cannot be read in the DAM"]
    assert world.sql("SELECT FROM outages") == [], "the DAM itself is not out"
    world.dam.board.clear()
    assert started(world.look(running=tuple(healthy))) == [broken]
    assert world.sql("SELECT FROM campaign_status WHERE unread_at IS NOT NULL OR unread_looks > 0") == []


@pytest.mark.fault(11)
def test_two_campaigns_in_a_row_that_cannot_be_read_are_an_outage_and_come_last_at_the_next_look(world):
    world = world.with_site(campaigns={"outage_mail_after_minutes": 0})
    *broken, healthy = (world.campaign(name=letter) for letter in "ABC")
    spoil(world, *broken, status=503)
    look = world.look()
    assert (look.starts, world.sql("SELECT system FROM outages")) == ([], [("DAM",)])
    assert str(look).splitlines()[-1] == f"Reading DAM folder {broken[1]}: the DAM is unavailable (503)."
    for _ in range(3):
        assert started(world.look()) == [healthy]
    assert headlines(world) == [f"{name} cannot be read in the DAM" for name in ("C000000001 A", "C000000002 B")]
    assert world.sql("SELECT FROM outages WHERE ended_at IS NULL") == []


def test_a_campaign_that_cannot_be_read_for_a_moment_is_not_told(world):
    spoil(world, world.campaign(), status=503)
    for _ in range(4):
        world.look()
    assert world.templates() == []
    world.sql("UPDATE campaign_status SET unread_since = unread_since - interval '3 min'")
    world.look()
    assert world.templates() == ["workflow_error"]


def test_a_campaign_whose_status_was_being_set_and_that_cannot_be_read_holds_up_no_other(world):
    broken, healthy = world.campaign(name="A"), world.campaign(name="B")
    world.look(running=(healthy,))
    world.sql(f"UPDATE campaign_rounds SET advancing_at = now() WHERE campaign_id = '{broken}'")
    world.dam.store.set_status(broken, "A2")
    spoil(world, broken, **BAD_ANSWERS[2])
    assert started(world.look()) == [healthy]
    world.dam.board.clear()
    assert started(world.look(running=(healthy,))) == [broken]
