"""Patience with campaigns whose source folder is still empty: looks as sensors make them (SPEC 3.3)."""

import pytest

from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.transfer.masters.campaign_world import PAUSE_IS_OVER, STATE, started, strike


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


@pytest.mark.fault(33)
def test_looks_within_one_interval_as_previews_make_them_count_one_poll(world):
    campaign_id = world.campaign({})
    for _ in range(3):
        look = world.look(interval_s=180)
        assert "(poll 1)" in str(look)
    world.sql(PAUSE_IS_OVER.format(3))
    assert "(poll 2)" in str(world.look(interval_s=180))
    assert world.sql(STATE, of=campaign_id) == [(2, False, None)]


def test_after_strikes_an_empty_folder_is_looked_at_at_every_tick_and_warned_of_in_time(world):
    campaign_id = world.campaign({}, folders=())
    for _ in range(2):
        strike(world, campaign_id)
        world.sql(PAUSE_IS_OVER.format(10))
    world.dam.store.add_folder(campaign_id, "01 Master Assets")
    for poll in range(3, 21):
        assert f"(poll {poll})" in str(world.look(interval_s=180))
        assert world.templates().count("a1_to_a2_no_assets_warning") == (poll == 20)
        world.sql(PAUSE_IS_OVER.format(3))


@pytest.mark.parametrize(("polls", "is_warned_of"), [(137, False), (20, False), (18, True)])
def test_a_campaign_that_the_cron_scripts_had_warned_of_is_not_warned_of_again_before_a_reset(
    world, polls, is_warned_of
):
    campaign_id = world.campaign({})
    world.sql(
        "INSERT INTO campaign_status (campaign_id, status, a1_retry_count, a1_last_retry_at) "
        f"VALUES ('{campaign_id}', 'A1', {polls}, now() - interval '3 min')"
    )
    for _ in range(4):
        world.look()
    assert world.templates() == ["a1_to_a2_no_assets_warning"] * is_warned_of
    world.sql(cron.RESET_SINGLE, of=campaign_id)
    for _ in range(21):
        world.look()
    assert world.templates() == ["a1_to_a2_no_assets_warning"] * (is_warned_of + 1)
