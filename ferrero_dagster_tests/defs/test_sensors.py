"""The sensors for campaigns, tick by tick: the scenarios and recipes of A1_RETRY_LOGIC.md, and SPEC 3.1-3.8, 10."""

import random

import dagster as dg
import pytest
from dagster_postgres import PostgresRunStorage

from ferrero_dagster.defs.runs import campaign_tags
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking.ageing import overdue_campaigns
from ferrero_dagster_tests.defs.test_operations import started
from ferrero_dagster_tests.fix_dagster import PARTITION, RUN_KEY
from ferrero_dagster_tests.fix_world import A1, A5, ASSETS, B1
from ferrero_dagster_tests.tracking import cron_database as cron

STATE = """SELECT a1_retry_count, a1_permanently_failed, a1_failure_reason FROM campaign_status
           WHERE campaign_id = 'YOUR_CAMPAIGN_ID'"""
NO_FOLDER = "Assets folder not found (tried Master Assets)"
RETRY = "⚠️ No Assets Found (Attempt {}/3) - Campaign Spring"
GIVEN_UP = "PERMANENTLY FAILED - Campaign Spring (No Assets After 3 Attempts)"


def state(cockpit, campaign_id):
    return cockpit.world.sql(STATE, of=campaign_id)[0]


def provide_masters(cockpit, campaign_id):
    cockpit.world.dam.store.add_folder(campaign_id, "01 Master Assets")
    cockpit.world.add_asset(campaign_id, "a.png", b"a")


# --- one tick --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [A1, A5, B1], ids=lambda route: route.name)
def test_a_tick_starts_a_campaign_as_a_tagged_partition_and_shows_what_it_found(cockpit, route):
    campaign_id = cockpit.world.campaign(route=route)
    result = cockpit.preview(route.sensor)
    [request] = result.run_requests
    assert (request.partition_key, request.tags) == (
        "C000000001 Spring",
        {
            "ferrero/route": route.name,
            "ferrero/campaign_id": campaign_id,
            "ferrero/campaign_number": "C000000001",
            "ferrero/campaign_name": "Spring",
        },
    )
    [partitions] = result.dynamic_partitions_requests
    assert (partitions.partitions_def_name, list(partitions.partition_keys)) == ("campaigns", ["C000000001 Spring"])
    [observation] = result.asset_events
    assert observation.asset_key == dg.AssetKey(route.source_asset)
    assert observation.metadata[f"campaigns in {route.status_before}"].value == 1
    cockpit.obey(result, route.sensor)
    assert cockpit.world.dam.store.status(campaign_id) == route.status_after
    after = cockpit.tick(route.sensor)
    assert (after.run_requests, after.dynamic_partitions_requests) == ([], [])
    assert after.skip_reason.skip_message == "No campaign is waiting."


def test_names_of_any_length_become_tags_that_dagsters_database_takes(empty_database_url):
    # PostgreSQL indexes the tags: no value may have more than 2,704 bytes.
    longest = "".join(map(chr, random.Random(1).choices(range(0x20000, 0x2A000), k=3000)))
    campaign = Campaign(id=DamId("1"), number=longest, name=longest, status="A1", type="Local Adaptation")
    tags = campaign_tags("a1_to_a2", campaign)
    storage = PostgresRunStorage(empty_database_url.replace("://", "+psycopg2://"))
    storage.add_run(dg.DagsterRun("a1_to_a2", tags=tags))
    [run] = storage.get_runs(dg.RunsFilter(tags=tags))
    assert longest.startswith(run.tags["ferrero/campaign_name"])


def test_a_tick_says_of_every_campaign_what_became_of_it(cockpit):
    cockpit.world.campaign({}, name="Empty")
    failed = cockpit.world.campaign({}, name="Failed", folders=())
    for _ in range(3):
        cockpit.tick()
        cockpit.later(30)
    waits = cockpit.world.campaign({"x.png": b""}, name="Waits")
    cockpit.tick()
    assert cockpit.preview("a1_campaigns").skip_reason.skip_message.splitlines() == [
        f"C000000002 Failed: permanently failed ({NO_FOLDER})",
        "C000000003 Waits: next attempt in 3 min",
        "C000000001 Empty: No master assets yet (poll 4) - skipping until assets appear",
    ]
    assert cockpit.world.dam.store.status(failed) == cockpit.world.dam.store.status(waits) == "A1"


@pytest.mark.fault(33, 34, 36)
def test_ticks_that_overlap_ask_for_the_same_run_and_it_is_launched_once(cockpit):
    campaign_id = cockpit.world.campaign()
    ticks = [cockpit.preview("a1_campaigns") for _ in range(3)]
    assert len({request.run_key for tick in ticks for request in tick.run_requests}) == 1
    for tick in ticks:
        cockpit.obey(tick)
    assert len(cockpit.results) == 1
    assert cockpit.world.dam.store.status(campaign_id) == "A2"


@pytest.mark.fault(35)
def test_a_campaign_with_an_unfinished_run_is_not_asked_for_again(cockpit):
    campaign_id = cockpit.world.campaign()
    job = cockpit.repository.get_job("a1_to_a2")
    run = cockpit.instance.create_run_for_job(
        job, tags={PARTITION: cockpit.key(campaign_id)}, status=dg.DagsterRunStatus.STARTED
    )
    assert "a run is under way" in cockpit.preview("a1_campaigns").skip_reason.skip_message
    cockpit.instance.report_run_failed(run)
    assert len(cockpit.preview("a1_campaigns").run_requests) == 1


@pytest.mark.fault(30)
def test_a_run_whose_process_is_gone_is_ended_by_the_next_look_and_its_campaign_starts_anew(cockpit):
    dead, alive = cockpit.world.campaign(), cockpit.world.campaign()
    runs = [started(cockpit.instance, cockpit.key(campaign_id), minutes_ago=11) for campaign_id in (dead, alive)]
    with cockpit.world.database.lock(f"a1_to_a2:{alive}"):
        [request] = cockpit.preview("a1_campaigns").run_requests
    assert request.partition_key == cockpit.key(dead)
    assert [cockpit.instance.get_run_by_id(run).is_finished for run in runs] == [True, False]


@pytest.mark.fault(34)
def test_the_run_key_moves_on_however_a_run_ended(cockpit):
    campaign_id = cockpit.world.campaign()
    keys = []

    def ask():
        cockpit.later(60)
        [request] = cockpit.preview("a1_campaigns").run_requests
        assert request.run_key not in keys
        keys.append(request.run_key)

    ask()
    cockpit.world.dam.board.add(Fault(path="/contents$", status=400, times=3))
    cockpit.tick()  # fails
    ask()
    cockpit.later(60)
    cockpit.tick()  # succeeds
    cockpit.world.dam.store.set_status(campaign_id, "A1")
    ask()
    cockpit.instance.delete_run(cockpit.results[-1].run_id)
    [request] = cockpit.preview("a1_campaigns").run_requests
    cockpit.instance.delete_run(cockpit.results[0].run_id)
    cockpit.obey(cockpit.preview("a1_campaigns"))
    assert len(cockpit.results) == 3
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert request.run_key == keys[1], "of runs that are deleted nothing is known"


# --- empty folders ---------------------------------------------------------------------------------------------------


def test_forty_ticks_of_an_empty_campaign_start_no_run_and_send_one_mail_at_the_twentieth(cockpit):
    campaign_id = cockpit.world.campaign({})
    for poll in range(1, 41):
        assert cockpit.tick().run_requests == []
        cockpit.preview("a1_campaigns")  # a look within the interval counts nothing
        assert state(cockpit, campaign_id) == (poll, False, None)
        cockpit.later(3)
        if poll in {19, 20, 40}:
            cockpit.preview("pending_notifications")
            mails = [] if poll == 19 else ["⚠️ Campaign in A1 with no assets yet - Spring"]
            assert cockpit.subjects() == mails
    assert cockpit.mailbox.messages()[0].recipients == ("errors@agency.example",)
    cockpit.world.add_asset(campaign_id, "a.png", b"a")
    cockpit.tick()
    assert (len(cockpit.results), state(cockpit, campaign_id)) == (1, (0, False, None))
    assert cockpit.world.dam.store.status(campaign_id) == "A2"


# --- the scenarios and recipes of the seed document ------------------------------------------------------------------


def test_scenario_1_a_temporary_lack_resolves_itself(cockpit):
    campaign_id = cockpit.world.campaign({}, folders=())
    cockpit.tick()
    assert (cockpit.subjects(), state(cockpit, campaign_id)) == ([RETRY.format(1)], (1, False, NO_FOLDER))
    provide_masters(cockpit, campaign_id)
    cockpit.later(3)
    cockpit.tick()
    assert state(cockpit, campaign_id) == (0, False, None)
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert len(cockpit.subjects()) == 2


def test_scenario_2_and_the_recipe_for_retries_three_errors_end_it_without_further_mails(cockpit):
    campaign_id = cockpit.world.campaign({}, folders=())
    for attempt, pause in ((1, 3), (2, 10), (3, 30)):
        cockpit.tick()
        assert state(cockpit, campaign_id) == (attempt, attempt == 3, NO_FOLDER)
        cockpit.later(pause)
    cockpit.tick()
    assert (len(cockpit.results), len(cockpit.world.sql(cron.VIEW_FAILED))) == (3, 1)
    assert cockpit.subjects() == [RETRY.format(1), RETRY.format(2), GIVEN_UP]
    assert cockpit.world.sql(cron.DASHBOARD) == [(0, 0, 0, 1)]
    text = cockpit.mailbox.messages()[2].text
    assert "reset_campaign_retries" in text
    assert f"WHERE campaign_id = '{campaign_id}';" in text


def test_scenario_3_a_status_set_by_mistake_needs_no_reset(cockpit):
    campaign_id = cockpit.world.campaign({}, folders=())
    for _ in range(3):
        cockpit.tick()
        cockpit.later(30)
    cockpit.world.dam.store.set_status(campaign_id, "A3")
    assert cockpit.tick().skip_reason.skip_message == "C000000001 Spring: is Local Adaptation in A3 by now"
    assert cockpit.tick().skip_reason.skip_message == "No campaign is waiting."
    assert (cockpit.world.sql(cron.VIEW_FAILED), cockpit.world.sql(cron.DASHBOARD)) == ([], [(0, 0, 0, 0)])


def test_the_recipe_for_resets_the_campaign_is_tried_again_at_the_next_tick(cockpit):
    campaign_id = cockpit.world.campaign({}, folders=(), number="TEST_CAMPAIGN")
    for _ in range(3):
        cockpit.tick()
        cockpit.later(30)
    cockpit.world.sql(cron.RESET_OF_TEST_RECIPE)
    cockpit.tick()
    assert state(cockpit, campaign_id) == (1, False, NO_FOLDER)
    cockpit.world.sql(cron.RESET_SINGLE, of=campaign_id)
    provide_masters(cockpit, campaign_id)
    cockpit.tick()
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert cockpit.subjects()[:4] == [RETRY.format(1), RETRY.format(2), GIVEN_UP, RETRY.format(1)]


def test_three_failed_campaigns_first_in_the_dams_order_do_not_block_the_others(cockpit):
    for letter in "ABC":
        cockpit.world.campaign({}, name=letter, folders=())
    for _ in range(6):
        cockpit.tick()
        cockpit.later(30)
    healthy = [cockpit.world.campaign(name=letter) for letter in "DEF"]
    cockpit.tick()
    cockpit.tick()
    assert [cockpit.world.dam.store.status(campaign_id) for campaign_id in healthy] == ["A2"] * 3


# --- outages ---------------------------------------------------------------------------------------------------------


def test_while_the_dam_is_out_ticks_say_so_count_nothing_and_work_goes_on_afterwards(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.dam.board.add(Fault(path="/search", status=503, times=None))
    for _ in range(3):
        tick = cockpit.tick()
        assert tick.skip_reason.skip_message == "Searching for campaigns: the DAM is unavailable (503)."
        assert tick.asset_events == []
        cockpit.later(3)
    cockpit.preview("pending_notifications")
    assert len(cockpit.subjects()) == 1
    cockpit.world.dam.board.clear()
    cockpit.tick()
    assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert [len(ASSETS), 0] == [*cockpit.world.sql("SELECT count(*) FROM transfers")[0], state(cockpit, campaign_id)[0]]


@pytest.mark.fault(3)
def test_a_wrong_setting_that_only_runs_notice_holds_them_back_with_growing_pauses_and_one_mail(cockpit, monkeypatch):
    campaign_ids = [cockpit.world.campaign(name=name) for name in "AB"]
    with monkeypatch.context() as wrong:
        wrong.setenv("FERRERO_BOX_CONFIG", "/nowhere/Box-config.json")
        cockpit.tick()
        ran = len(cockpit.results)
        assert "waits, configuration cannot be used; next attempt in" in cockpit.tick().skip_reason.skip_message
        assert len(cockpit.results) == ran == 2
    cockpit.later(10)
    cockpit.tick()
    assert {cockpit.world.dam.store.status(campaign_id) for campaign_id in campaign_ids} == {"A2"}
    assert [mail.recipients for mail in cockpit.mailbox.messages()].count(("errors@agency.example",)) == 1


def test_a_run_that_died_after_setting_the_status_is_completed_by_the_next_tick(cockpit):
    campaign_id = cockpit.world.campaign()
    status = f"/folders/{campaign_id}$"
    cockpit.world.dam.board.add(Fault(method="GET", path=status, skip=3, times=None, status=403))
    cockpit.tick()
    assert (cockpit.world.dam.store.status(campaign_id), cockpit.webhooks.received()) == ("A2", [])
    cockpit.world.dam.board.clear()
    cockpit.later(3)
    cockpit.tick()
    assert len(cockpit.webhooks.received()) == 1
    assert cockpit.results[-1].success
    assert {run.tags[RUN_KEY] for run in cockpit.instance.get_runs()} == {
        f"a1_to_a2:{cockpit.key(campaign_id)}:after:none",
        f"a1_to_a2:{cockpit.key(campaign_id)}:after:{cockpit.results[0].run_id}",
    }


@pytest.mark.fault(44)
def test_ticks_fail_while_no_mail_could_leave_for_half_an_hour(cockpit):
    cockpit.mailbox.switches.down_until_s = float("inf")
    cockpit.tick()
    cockpit.launch("a1_to_a2", cockpit.world.campaign())
    assert "mail waits" in cockpit.preview("pending_notifications").skip_message
    cockpit.later(31)
    with pytest.raises(dg.Failure, match=r"For 31 min no mail could be sent: The mail server cannot be reached"):
        cockpit.preview("pending_notifications")
    cockpit.mailbox.switches.down_until_s = 0
    cockpit.later(6)
    assert "1 sent" in cockpit.preview("pending_notifications").skip_message


def test_a_mail_server_that_comes_and_goes_has_not_been_silent(cockpit):
    for _ in range(2):
        cockpit.mailbox.switches.down_until_s = float("inf")
        cockpit.launch("a1_to_a2", cockpit.world.campaign())
        assert "mail waits" in cockpit.preview("pending_notifications").skip_message
        cockpit.mailbox.switches.down_until_s = 0
        cockpit.later(31)
        assert "1 sent" in cockpit.preview("pending_notifications").skip_message


# --- campaigns that no sensor searches for ---------------------------------------------------------------------------


def reconcile(cockpit):
    result = cockpit.repository.get_job("reconcile").execute_in_process(instance=cockpit.instance, raise_on_error=False)
    assert result.success
    [output] = [event.step_output_data for event in result.all_events if event.is_successful_output]
    return [record.data for record in output.metadata["done"].records if record.data["what"] == "campaign moved on"]


@pytest.mark.fault(42)
def test_a_campaign_that_a_person_moved_on_from_a2_is_no_longer_overdue_after_reconcile(cockpit):
    sql, moved_on, *others = cockpit.world.sql, *(cockpit.world.campaign(name=name) for name in "ABC")
    for campaign_id in (moved_on, *others):
        cockpit.launch("a1_to_a2", campaign_id)
    sql("UPDATE campaign_status SET status_since = now() - interval '40 days'")
    cockpit.world.dam.store.set_status(moved_on, "A4")
    out = cockpit.world.dam.board.add(Fault(path="/folders/", status=400, times=None))
    assert reconcile(cockpit) == []
    out.path = f"/folders/{others[0]}$"
    assert reconcile(cockpit) == [
        {"what": "campaign moved on", "about": "C000000001 A: is Local Adaptation in A4 by now"}
    ]
    assert reconcile(cockpit) == []
    overdue = cockpit.world.database.transact(overdue_campaigns, {"A2": 30}, ["A1"])
    assert {campaign.campaign_id for campaign in overdue} == set(others)
