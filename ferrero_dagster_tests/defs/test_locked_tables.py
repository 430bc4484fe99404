"""Ticks that meet a table which somebody holds locked: each ends in time, with one sentence, and changes nothing."""

import re
import time
from contextlib import closing

import dagster as dg
import psycopg2
import pytest


def said(cockpit, sensor):
    """The sentence that a tick ends in."""
    try:
        return str(cockpit.preview(sensor))
    except dg.Failure as failure:
        return str(failure.description)


@pytest.mark.fault(72)
@pytest.mark.parametrize("sensor", ["a1_campaigns", "pending_notifications"])
def test_a_tick_ends_long_before_dagster_gives_it_up_and_names_who_holds_the_lock(cockpit, sensor):
    cockpit.world.campaign()
    tables = "campaign_status, campaign_rounds, notifications, outages"
    with closing(psycopg2.connect(cockpit.world.database_url, application_name="pg_dump")) as theirs:
        theirs.cursor().execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        sentence = said(cockpit, sensor)
        assert time.monotonic() - began < 25
    assert re.search(r"is still locked by pg_dump \(user postgres, process \d+, since", sentence)
    assert "run_key=" not in sentence
    assert "is still locked" not in said(cockpit, sensor)
