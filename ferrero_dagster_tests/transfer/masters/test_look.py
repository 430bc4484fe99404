"""Which campaigns a look takes up, and which it lets go of: looks as sensors make them (SPEC 3.1, 3.2)."""

from datetime import datetime, timezone

import pytest

from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.operations.stuck_digest import write_digest
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking.report_frames import read_frames
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.transfer.masters.campaign_world import (
    NO_FOLDER,
    STATE,
    fail_for_good,
    spoil,
    started,
    status,
    strike,
)


def test_failed_campaigns_that_come_first_do_not_block_the_healthy(world):
    for letter in "ABC":
        fail_for_good(world, name=f"{letter} failed")
    healthy = [world.campaign({"a.png": b"a"}, name=f"{letter} healthy") for letter in "DEF"]
    world = world.with_site(campaigns={"per_tick": 2})
    look = world.look()
    assert started(look) == healthy[:2], "as many as may be under way"
    assert str(look).splitlines() == [
        "C000000004 D healthy: starts",
        "C000000005 E healthy: starts",
        *[f"C00000000{n} {letter} failed: permanently failed ({NO_FOLDER})" for n, letter in enumerate("ABC", 1)],
        "C000000006 F healthy: waits until another campaign of its route has ended",
    ]
    assert started(world.look(running=tuple(healthy[:2]))) == []
    assert started(world.look(running=(healthy[1],))) == [healthy[0]], "one has ended, one may start"


@pytest.mark.fault(55)
def test_where_there_is_no_time_for_all_each_gets_its_turn(world):
    for letter in "ABC":
        world.campaign({}, name=letter)
    for _ in range(3):
        world.look(deadline=Deadline.after(0))
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


# --- campaigns that a person moves on --------------------------------------------------------------------------------

A_MONDAY = datetime(2027, 1, 4, 12, tzinfo=timezone.utc)


def queried(world):
    """What the seeds' queries, the status, the weekly digest and the daily report say of stuck campaigns."""
    site = world.systems.site
    world.sql("DELETE FROM notifications WHERE template = 'stuck_campaigns'")
    frames = world.database.transact(
        read_frames,
        ReportDay(date=A_MONDAY.date(), zone=site.zone),
        routes=ROUTES,
        max_days_in_status={},
        is_latest=True,
    )
    return [
        len(world.sql(cron.VIEW_FAILED)),
        len(world.sql(cron.ALERT)),
        sum(world.sql(cron.DASHBOARD)[0]),
        len(read_status(world.database, site).campaigns),
        world.database.transact(write_digest, site, A_MONDAY),
        len(frames.troubled),
    ]


@pytest.mark.fault(39)
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


@pytest.mark.fault(38)
def test_a_campaign_that_comes_back_starts_afresh(world):
    campaign_id = fail_for_good(world)
    world.dam.store.set_status(campaign_id, "A4")
    world.look()
    world.dam.store.set_status(campaign_id, "A1")
    strike(world, campaign_id)
    assert world.sql(STATE, of=campaign_id) == [(1, False, NO_FOLDER)]
    assert world.templates()[-2:] == ["a1_to_a2_permanently_failed", "a1_to_a2_no_assets_retry"]


@pytest.mark.fault(38)
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


@pytest.mark.fault(42)
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
