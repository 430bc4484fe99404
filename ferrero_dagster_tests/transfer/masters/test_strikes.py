"""Three strikes and second chances: looks and runs as sensors make them (SPEC 3.7, 3.8)."""

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import A1, A5, B1
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.transfer.masters.campaign_world import (
    NO_FOLDER,
    PAUSE_IS_OVER,
    STATE,
    fail_for_good,
    started,
    strike,
)


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


def test_a_reset_by_the_sql_of_the_seeds_forgives_failed_runs_too(world):
    campaign_id = world.campaign({"a.png": b"a"})
    world.dam.board.add(Fault(path="/contents$", status=400, times=None))
    for _ in range(2):
        assert started(world.look()) == [campaign_id]
        world.run(campaign_id)
        assert "next attempt in 3 min" in str(world.look())
        world.sql(cron.RESET_SINGLE, of=campaign_id)


def test_strikes_that_a_person_sets_back_are_as_many_as_they_say(world):
    campaign_id = fail_for_good(world)
    world.sql("UPDATE campaign_status SET a1_permanently_failed = FALSE, a1_retry_count = 1")
    strike(world, campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(2, False, NO_FOLDER)]
    assert world.sql("SELECT fact->>'attempt' FROM notifications ORDER BY id DESC LIMIT 1") == [("2",)]
    assert "next attempt in 10 min" in str(world.look())


def test_the_attempt_after_a_pause_starts_at_the_tick_nearest_to_its_end(world):
    campaign_id = world.campaign({}, folders=())
    strike(world, campaign_id)
    world.sql(PAUSE_IS_OVER.format(1))
    assert "next attempt in 2 min" in str(world.look(interval_s=180))
    world.sql(PAUSE_IS_OVER.format(1.8))
    assert started(world.look(interval_s=180)) == [campaign_id]


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
    there = f"{NO_FOLDER}; folders there: “Old”, “01 Final Assets”"
    assert world.sql(STATE, of=campaign_id) == [(7, False, there)]
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
