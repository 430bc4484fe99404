"""Patience with empty folders, three strikes, second chances: looks and runs as sensors make them (SPEC 3.1-3.8)."""

import pytest

from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A1, A5, B1
from ferrero_dagster_tests.tracking import cron_database as cron

STATE = """SELECT a1_retry_count, a1_permanently_failed, a1_failure_reason FROM campaign_status
           WHERE campaign_id = 'YOUR_CAMPAIGN_ID'"""
PAUSE_IS_OVER = "UPDATE campaign_status SET a1_last_retry_at = a1_last_retry_at - interval '{} min'"
NO_FOLDER = "Assets folder not found (tried Master Assets)"


def strike(world, campaign_id, route=A1):
    """One attempt as the sensor makes it: it is found, starts, and its run fails."""
    assert campaign_id in [found.id for found in world.look(route).starts]
    with pytest.raises(CampaignError):
        world.run(campaign_id, route)


def fail_for_good(world, **properties):
    campaign_id = world.campaign({}, folders=(), **properties)
    for _ in range(3):
        strike(world, campaign_id)
        world.sql(PAUSE_IS_OVER.format(30))
    return campaign_id


def started(look):
    return [found.id for found in look.starts]


# --- empty folders ---------------------------------------------------------------------------------------------------


def test_forty_polls_of_an_empty_campaign_start_nothing_and_mail_once_at_the_twentieth(world):
    campaign_id = world.campaign({})
    for poll in range(1, 41):
        look = world.look()
        assert look.starts == []
        assert str(look) == (f"C000000001 Spring: No master assets yet (poll {poll}) - skipping until assets appear")
        assert world.templates() == (["a1_to_a2_no_assets_warning"] if poll >= 20 else []), f"poll {poll}"
    assert world.sql(STATE, of=campaign_id) == [(40, False, None)]
    world.add_asset(campaign_id, "a.png", b"a")
    assert started(world.look()) == [campaign_id]
    world.run(campaign_id)
    assert (world.dam.store.status(campaign_id), world.sql(STATE, of=campaign_id)) == ("A2", [(0, False, None)])
    assert world.sql("SELECT count(*) FROM campaign_rounds") == [(1,)], "no run before"


def test_a_campaign_that_is_stuck_again_after_a_success_warns_again(world):
    campaign_id = world.campaign({"a.png": b"a"})
    patient = world.with_site(campaigns={"empty_polls_before_warning": 2})
    world.run(campaign_id)
    [asset] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.dam.store.delete(asset.id)
    world.dam.store.set_status(campaign_id, "A1")
    for _ in range(4):
        patient.look()
    world.sql(cron.RESET_SINGLE, of=campaign_id)
    for _ in range(4):
        patient.look()
    assert world.templates() == ["a1_to_a2_complete", *["a1_to_a2_no_assets_warning"] * 2]


def test_looks_within_one_interval_as_previews_make_them_count_one_poll(world):
    campaign_id = world.campaign({})
    for _ in range(3):
        look = world.look(interval_s=180)
        assert "(poll 1)" in str(look)
    world.sql(PAUSE_IS_OVER.format(3))
    assert "(poll 2)" in str(world.look(interval_s=180))
    assert world.sql(STATE, of=campaign_id) == [(2, False, None)]


# --- three strikes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [A1, A5, B1], ids=lambda route: route.name)
def test_the_third_genuine_error_is_the_last_and_each_is_mailed(world, route):
    campaign_id = world.campaign({}, route=route, folders=())
    for pause in (3, 10):
        strike(world, campaign_id, route)
        assert f"next attempt in {pause} min" in str(world.look(route))
        world.sql(PAUSE_IS_OVER.format(pause).replace("a1", route.column_prefix))
    strike(world, campaign_id, route)
    facts = [fact for (fact,) in world.sql("SELECT fact FROM notifications ORDER BY id")]
    assert world.templates() == [*[f"{route.name}_no_assets_retry"] * 2, f"{route.name}_permanently_failed"]
    assert [(fact["attempt"], fact["max_attempts"]) for fact in facts[:2]] == [(1, 3), (2, 3)]
    assert (facts[2]["attempts"], facts[2]["reason"]) == (3, route.folder_error)
    assert f"permanently failed ({route.folder_error})" in str(world.look(route))
    assert world.templates("webhook") == []
    world.sql(facts[2]["reset_sql"])
    assert started(world.look(route)) == [campaign_id]


def test_a_person_may_start_a_failed_campaign_by_hand_and_success_clears_it(world):
    campaign_id = fail_for_good(world)
    world.dam.store.add_folder(campaign_id, "01 Master Assets")
    world.add_asset(campaign_id, "a.png", b"a")
    assert world.look().starts == []
    assert world.run(campaign_id).status == "A2"
    assert world.sql(STATE, of=campaign_id) == [(0, False, None)]


@pytest.mark.parametrize("statement", [cron.RESET_SINGLE, cron.RESET_ALL])
def test_a_reset_by_the_sql_of_the_seeds_counts_at_the_next_look(world, statement):
    campaign_id = fail_for_good(world)
    assert world.look().starts == []
    world.sql(statement, of=campaign_id)
    strike(world, campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(1, False, NO_FOLDER)]
    assert world.templates()[-2:] == ["a1_to_a2_permanently_failed", "a1_to_a2_no_assets_retry"]


def test_a_campaign_may_have_a_limit_of_its_own(world):
    campaign_id = world.campaign({}, folders=())
    world.look()
    world.sql("UPDATE campaign_status SET a1_max_retries = 2")
    strike(world, campaign_id)
    world.sql(PAUSE_IS_OVER.format(3))
    strike(world, campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(2, True, NO_FOLDER)]


def test_empty_polls_are_no_strikes_and_strikes_no_empty_polls(world):
    campaign_id = world.campaign({})
    for _ in range(5):
        world.look()
    folder = world.dam.store.folder(campaign_id, "01 Master Assets")
    world.dam.store.rename(folder, "Old")
    for _ in range(2):
        strike(world, campaign_id)
        world.sql(PAUSE_IS_OVER.format(10))
    assert world.sql(STATE, of=campaign_id) == [(7, False, NO_FOLDER)]
    world.dam.store.rename(folder, "01 Master Assets")
    assert "(poll 8)" in str(world.look())
    assert not world.sql(STATE, of=campaign_id)[0][1]
    world.sql(PAUSE_IS_OVER.format(10))
    world.add_asset(campaign_id, "a.png", b"a")
    world.look()
    world.run(campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(0, False, None)]


def test_make_is_told_of_a_campaign_that_was_given_up_where_the_site_wants_it(world):
    loud = world.with_site(campaigns={"webhook_on_permanent_failure": True, "max_attempts": 1})
    for route in (A1, B1):
        strike(loud, loud.campaign({}, route=route, folders=()), route)
    assert world.templates("webhook") == ["a1_to_a2_permanently_failed"]


# --- the queue -------------------------------------------------------------------------------------------------------


def test_failed_campaigns_that_come_first_do_not_block_the_healthy(world):
    for letter in "ABC":
        fail_for_good(world, name=f"{letter} failed")
    healthy = [world.campaign({"a.png": b"a"}, name=f"{letter} healthy") for letter in "DEF"]
    look = world.look()
    assert started(look) == healthy[:2], "the cap of 2"
    assert str(look).splitlines() == [
        "C000000004 D healthy: starts",
        "C000000005 E healthy: starts",
        *[f"C00000000{n} {letter} failed: permanently failed ({NO_FOLDER})" for n, letter in enumerate("ABC", 1)],
        "C000000006 F healthy: waits for the next look",
    ]
    assert started(world.look(running=tuple(healthy[:2]))) == healthy[2:]


def test_where_there_is_no_time_for_all_each_gets_its_turn(world):
    for letter in "ABC":
        world.campaign({}, name=letter)
    for _ in range(3):
        world.look(deadline_s=0)
    assert world.sql("SELECT count(*) FROM campaign_status WHERE a1_retry_count > 0") == [(0,)]
    world.look()
    late = world.campaign({"a.png": b"a"}, name="Z")
    world.dam.board.seen.clear()
    assert started(world.with_site(campaigns={"per_tick": 1}).look()) == [late]
    assert seen(world.dam, "GET", "/children", times=1), "it was looked at first"


def test_a_campaign_that_the_index_shows_late_is_not_started(world):
    campaign_id = world.campaign()
    world.dam.settings.index_lag_s = 3600
    world.dam.store.set_status(campaign_id, "A2")
    look = world.look()
    assert (look.starts, look.found) == ([], [])
    world.dam.settings.index_lag_s = 0


def test_only_exactly_the_status_and_type_of_the_route_are_found(world):
    wanted = world.campaign(name="wanted")
    for properties in ({"status": "A10"}, {"status": "A2"}, {"type": "Local Adaptation archive"}):
        world.campaign(name="other", **properties)
    world.dam.store.delete(world.campaign(name="deleted"))
    assert started(world.look()) == [wanted]


def test_no_campaign_is_said_so(world):
    assert str(world.look()) == "No campaign is waiting."


# --- outages ---------------------------------------------------------------------------------------------------------


def test_thirty_looks_while_the_dam_is_out_are_no_strikes_and_one_mail_and_then_work_goes_on(world):
    ready, empty, wrong = world.campaign(), world.campaign({}), world.campaign({}, folders=())
    world.look()
    before = world.sql("SELECT campaign_id, a1_retry_count FROM campaign_status ORDER BY 1")
    world.dam.board.add(Fault(status=503, times=None))
    for _ in range(30):
        look = world.look()
        assert (look.starts, look.found) == ([], None)
        assert str(look) == "Searching for campaigns: the DAM is out of order (503)."
    assert world.sql("SELECT campaign_id, a1_retry_count FROM campaign_status ORDER BY 1") == before
    assert world.templates() == ["workflow_error"]
    assert world.sql("SELECT failures FROM outages") == [(30,)]
    world.dam.board.clear()
    look = world.with_site(campaigns={"per_tick": 3}).look()
    assert set(started(look)) == {ready, wrong}
    assert world.sql("SELECT ended_at IS NOT NULL FROM outages") == [(True,)]
    assert world.sql(STATE, of=empty)[0][0] == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/search", status=401, times=None),
        Fault(path="/search", status=400, times=None),
        Fault(path="/search", status=200, body="{}", headers={"Content-Type": "application/json"}, times=None),
    ],
    ids=["refused", "bad request", "nonsense"],
)
def test_a_search_that_cannot_be_used_is_told_once_and_is_never_an_empty_list(world, fault):
    world.campaign()
    world.dam.board.add(fault)
    for _ in range(4):
        assert world.look().found is None
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
    first, second = world.campaign(name="A"), world.campaign(name="B")
    world.dam.board.add(Fault(path=f"/folders/{second}$", status=503, times=None))
    look = world.look()
    assert started(look) == [first]
    assert "the DAM is out of order (503)" in str(look)
    world.look()
    assert world.templates() == ["workflow_error"]


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


def test_a_clock_that_was_set_back_stops_nothing(world):
    campaign_id = world.campaign({})
    world.look()
    world.sql("UPDATE campaign_status SET a1_last_retry_at = now() + interval '1 day'")
    assert "(poll 2)" in str(world.look(interval_s=180))
    assert world.sql(STATE, of=campaign_id)[0][0] == 2
