"""Patience with empty folders, three strikes, second chances: looks and runs as sensors make them (SPEC 3.1-3.8)."""

from datetime import datetime, timezone
from typing import Any

import pytest

from ferrero_dagster.domain.errors import CampaignError, ConfigurationError, FerreroError
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.operations.stuck_digest import write_digest
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking.report_frames import read_frames
from ferrero_dagster.transfer import incidents
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A1, A5, B1, ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron

STATE = """SELECT a1_retry_count, a1_permanently_failed, a1_failure_reason FROM campaign_status
           WHERE campaign_id = 'YOUR_CAMPAIGN_ID'"""
PAUSE_IS_OVER = """UPDATE campaign_status SET a1_last_retry_at = a1_last_retry_at - interval '{0} min',
                   a1_last_error_at = a1_last_error_at - interval '{0} min'"""
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
    assert (look.starts, [found.id for found in look.found]) == ([], [campaign_id])
    assert str(look) == "C000000001 Spring: is Local Adaptation in A2 by now"
    assert status(world, campaign_id) == "A2"


def test_only_exactly_the_status_and_type_of_the_route_are_found(world):
    wanted = world.campaign(name="wanted")
    for properties in ({"status": "A10"}, {"status": "A2"}, {"type": "Local Adaptation archive"}):
        world.campaign(name="other", **properties)
    world.dam.store.delete(world.campaign(name="deleted"))
    assert started(world.look()) == [wanted]


def test_no_campaign_is_said_so(world):
    assert str(world.look()) == "No campaign is waiting."


# --- campaigns that the DAM answers badly ----------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
BAD_ANSWERS: list[dict[str, Any]] = [
    {"status": 503},
    {"status": 403},
    {"status": 403, "body": '{"exception_body": {"message": "You may not."}}', "headers": JSON},
    {"status": 200, "body": "[]", "headers": JSON},
]


def spoil(world, *campaign_ids, **fault):
    for campaign_id in campaign_ids:
        world.dam.board.add(Fault(path=f"/folders/{campaign_id}", times=None, **fault))


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=["unavailable", "refused", "without right", "nonsense"])
def test_a_campaign_that_the_dam_answers_badly_holds_up_no_other_and_is_told_once_by_name(world, answer):
    broken, *healthy = (world.campaign(name=letter) for letter in "ABCD")
    spoil(world, broken, **answer)
    one_by_one = world.with_site(campaigns={"per_tick": 1, "outage_mail_after_minutes": 0})
    for number in range(3):
        assert started(one_by_one.look(running=tuple(healthy[:number]))) == [healthy[number]]
    for _ in range(3):
        assert "C000000001 A: " in str(one_by_one.look(running=tuple(healthy)))
    assert headlines(world) == ["C000000001 A cannot be read in the DAM"]
    assert world.sql("SELECT FROM outages") == [], "the DAM itself is not out"
    world.dam.board.clear()
    assert started(world.look(running=tuple(healthy))) == [broken]
    assert world.sql("SELECT FROM campaign_status WHERE unread_at IS NOT NULL OR unread_looks > 0") == []


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


# --- campaigns that a person moves on --------------------------------------------------------------------------------


def status(world, campaign_id):
    return world.sql("SELECT status FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'", of=campaign_id)[0][0]


A_MONDAY = datetime(2027, 1, 4, 12, tzinfo=timezone.utc)


def queried(world):
    """What the seeds' queries, the status, the weekly digest and the daily report say of stuck campaigns."""
    site, links = world.systems.site, world.systems.links
    world.sql("DELETE FROM notifications WHERE template = 'stuck_campaigns'")
    frames = world.database.transact(
        read_frames, ReportDay(date=A_MONDAY.date(), zone=site.zone), routes=ROUTES,
        max_days_in_status={}, is_latest=True,
    )  # fmt: skip
    return [
        len(world.sql(cron.VIEW_FAILED)), len(world.sql(cron.ALERT)), sum(world.sql(cron.DASHBOARD)[0]),
        len(read_status(world.database, site).campaigns),
        world.database.transact(write_digest, site, links, A_MONDAY),
        len(frames.troubled),
    ]  # fmt: skip


def test_a_campaign_that_left_the_status_by_hand_is_nowhere_told_as_stuck_and_needs_no_reset(world):
    failed, moved_on, deleted = fail_for_good(world), world.campaign({}), world.campaign({})
    impatient = world.with_site(campaigns={"empty_polls_before_warning": 2})
    for _ in range(3):
        impatient.look()
    assert queried(impatient) == [1, 2, 3, 3, 3, 3]
    world.dam.store.set_status(failed, "A3")
    world.dam.store.set_status(moved_on, "A4")
    world.dam.store.delete(deleted)
    assert str(world.look()).splitlines() == [
        "C000000001 Spring: is Local Adaptation in A3 by now",
        "C000000002 Spring: is Local Adaptation in A4 by now",
        "C000000003 Spring: is not in the DAM any more",
    ]
    assert [status(world, campaign_id) for campaign_id in (failed, moved_on, deleted)] == ["A3", "A4", "gone"]
    assert queried(impatient) == [0] * 6
    assert world.sql("SELECT FROM operations") == []


def test_a_campaign_that_comes_back_starts_afresh(world):
    campaign_id = fail_for_good(world)
    world.dam.store.set_status(campaign_id, "A4")
    world.look()
    world.dam.store.set_status(campaign_id, "A1")
    strike(world, campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(1, False, NO_FOLDER)]
    assert world.templates()[-2:] == ["a1_to_a2_permanently_failed", "a1_to_a2_no_assets_retry"]


def test_a_campaign_that_comes_back_has_a_new_round_so_the_same_failure_is_mailed_again(world):
    campaign_id = world.campaign({"a.png": b"a"})
    world.dam.board.add(Fault(path="/contents$", status=400, times=None))
    for mails in (1, 2):
        assert started(world.look()) == [campaign_id]
        world.run(campaign_id)
        assert world.templates() == ["a1_to_a2_partial"] * mails
        world.dam.store.set_status(campaign_id, "A4")
        world.look()
        world.dam.store.set_status(campaign_id, "A1")
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("overtaken",)] * 2


def test_a_run_that_finds_its_campaign_moved_on_clears_what_was_counted_against_it(world):
    campaign_id = fail_for_good(world)
    world.dam.store.set_status(campaign_id, "A4")
    world.run(campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(0, False, None)]
    assert world.sql("SELECT outcome FROM campaign_rounds") == [("overtaken",)]


def test_a_late_index_does_not_set_a_finished_campaign_back(world):
    campaign_id = world.campaign()
    world.look()
    world.dam.settings.index_lag_s = 3600
    world.run(campaign_id)
    since = "SELECT status, status_since, a1_retry_count FROM campaign_status"
    [finished] = world.sql(since)
    assert finished[0] == "A2"
    for running in ((), (campaign_id,)):
        look = world.look(running=running)
        assert ([found.id for found in look.found], look.starts) == ([campaign_id], [])
        assert world.sql(since) == [finished]


def test_more_campaigns_than_one_look_reads_come_round_and_one_that_cannot_be_read_stops_none(world):
    moved_on = [world.campaign({}) for _ in range(12)]
    world.look()
    for campaign_id in moved_on:
        world.dam.store.set_status(campaign_id, "A4")
    spoil(world, moved_on[0], status=503)
    for _ in range(4):
        assert world.look().found == []
    assert [status(world, campaign_id) for campaign_id in moved_on] == ["A1"] + ["A4"] * 11


# --- outages ---------------------------------------------------------------------------------------------------------

AN_INTERVAL_LATER = "UPDATE outages SET began_at = began_at - interval '3 min', ended_at = ended_at - interval '3 min'"


def out(world, *, looks=1, minutes_apart=3, **fault):
    """What so many looks say while the DAM answers so."""
    fault = world.dam.board.add(Fault(path="/search", times=None, **fault))
    for _ in range(looks):
        [note] = world.look().notes
        world.sql(AN_INTERVAL_LATER.replace("3 min", f"{minutes_apart} min"))
    world.dam.board.clear()
    return note


def headlines(world):
    return [name for (name,) in world.sql("SELECT fact->>'headline' FROM notifications ORDER BY id")]


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


def test_a_blip_that_several_sensors_saw_is_not_mailed(world):
    out(world, looks=4, minutes_apart=0, status=503)
    assert world.templates() == []
    out(world, looks=2, status=503)
    assert headlines(world) == ["DAM cannot be used"]


REFUSED = "DAM cannot be used: the administrator must act"


def test_a_log_in_refused_soon_after_an_outage_is_told_anew(world):
    out(world, looks=4, status=503)
    world.look()
    out(world, looks=30, status=401)
    assert headlines(world) == ["DAM cannot be used", REFUSED]


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


def test_each_wrong_setting_is_told_once_however_often_they_take_turns(world):
    wrong = [ConfigurationError(f"The setting {name} is wrong.") for name in "AB"]
    for _ in range(4):
        for error in wrong:
            incidents.report(world.database, error, world.systems.site)
        world.database.transact(incidents.note_all_well)
    assert world.sql("SELECT fact->>'explanation' FROM notifications ORDER BY id") == [
        ("The setting A is wrong.",), ("The setting B is wrong.",),
    ]  # fmt: skip


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


def test_an_advance_that_cannot_be_finished_waits_longer_and_longer(world):
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
