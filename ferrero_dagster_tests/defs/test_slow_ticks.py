"""Ticks on a system that answers slowly: each ends in time, starts what is ready, and the next goes on from there."""

import json
import re
import time

import pytest

from ferrero_dagster.sandbox.faults import Fault

STATUS = "SELECT campaign_name, a1_retry_count FROM campaign_status ORDER BY campaign_name"
TOLD = """SELECT count(*) FROM notifications
          WHERE fact ->> 'headline' = 'DAM is so slow that looks end before they are through'"""
#: What writing down and the machine may take beside the budget.
SLACK_S = 3


@pytest.fixture
def slow(cockpit):
    """Each answer of the DAM takes a third of the time that a look has."""
    cockpit.set_site(looks={"budget_s": 3})
    cockpit.world.dam.board.add(Fault(path="/otmmapi/", delay_s=1, times=None))
    return cockpit


def reason(result):
    return result.skip_reason.skip_message if result.skip_reason else ""


def timed_tick(cockpit):
    began = time.monotonic()
    result = cockpit.preview("a1_campaigns")
    assert time.monotonic() - began < 3 + SLACK_S
    cockpit.cursors["a1_campaigns"] = result.cursor
    return result


@pytest.mark.fault(71)
def test_each_tick_ends_in_time_and_every_campaign_starts_in_the_end(slow):
    for name in "ABC":
        slow.world.campaign(name=name)
    started = set()
    for _ in range(12):
        result = timed_tick(slow)
        started |= {request.partition_key for request in result.run_requests}
        slow.later(20)
    assert len(started) == 3


@pytest.mark.fault(71)
def test_a_tick_that_is_cut_says_in_figures_how_far_it_came(slow):
    slow.world.campaign(name="A")
    said = [reason(timed_tick(slow)) for _ in range(2)]
    assert re.fullmatch(
        r"0 of 1 campaign looked at in 3(\.\d+)? s; DAM answered in [\d.]+ s on average; "
        r"the next look goes on with C000000001 A\.",
        said[0].splitlines()[0],
    )


@pytest.mark.fault(71)
@pytest.mark.parametrize("cursor", [None, "garbage", "[]", '{"campaign_id": 7, "looks": "x"}', "[" * 100_000])
def test_slow_pages_of_a_search_let_every_campaign_have_its_turn(cockpit, cursor):
    cockpit.set_site(looks={"budget_s": 2}, dam={"search_page_size": 1})
    for number in range(8):
        cockpit.world.campaign({}, name=f"{number}")
    cockpit.world.dam.board.add(Fault(path="/search/text", delay_s=0.4, times=None))
    if cursor is not None:
        cockpit.cursors["a1_campaigns"] = cursor
    said = reason(cockpit.tick())
    assert re.search(r"of \d campaigns? found so far looked at in .*; the next look goes on with ", said)
    counted = [name for name, polls in cockpit.world.sql(STATUS) if polls]
    assert len(counted) == said.count("No master assets yet") < 8, "who was not looked at is not counted"
    ticks = 0
    while not all(polls for _, polls in cockpit.world.sql(STATUS)):
        cockpit.tick()
        assert (ticks := ticks + 1) < 30


@pytest.mark.fault(71)
def test_a_look_goes_on_with_the_next_one_where_its_campaign_is_gone(slow):
    campaigns = [slow.world.campaign({}, name=name) for name in "AB"]
    timed_tick(slow)
    at = json.loads(slow.cursors["a1_campaigns"])["campaign_id"]
    slow.world.dam.store.delete(at)
    [other] = {*campaigns} - {at}
    for _ in range(8):
        slow.tick()
        slow.later(20)
    assert slow.world.sql(
        "SELECT a1_retry_count > 0 FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'", of=other
    ) == [(True,)]


@pytest.mark.fault(71)
def test_a_dam_that_is_slow_for_long_is_mailed_once_with_figures_until_it_is_quick(slow):
    for number in range(5):
        slow.world.campaign({}, name=f"{number}")
    mails = []
    for _ in range(4):
        timed_tick(slow)
        mails += slow.world.sql(TOLD)
    assert mails == [(0,), (0,), (1,), (1,)]
    [(explanation,)] = slow.world.sql("SELECT fact ->> 'explanation' FROM notifications")
    assert re.search(r"of 5 campaigns looked at in .* DAM answered in 1\.\d s on average", explanation)
    slow.world.dam.board.clear()
    assert reason(timed_tick(slow)).count("No master assets yet") == 5
    assert slow.world.sql("SELECT system FROM outages WHERE ended_at IS NULL") == []
