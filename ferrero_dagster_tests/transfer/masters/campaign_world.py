"""What tests of masters do to a campaign and read of it afterwards, in the words of a `world`."""

import pytest

from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, REFUSAL
from ferrero_dagster_tests.fix_world import A1

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


def spoil(world, *campaign_ids, **fault):
    for campaign_id in campaign_ids:
        world.dam.board.add(Fault(path=f"/folders/{campaign_id}", times=None, **fault))


def status(world, campaign_id):
    return world.sql("SELECT status FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'", of=campaign_id)[0][0]


def headlines(world):
    return [name for (name,) in world.sql("SELECT fact->>'headline' FROM notifications ORDER BY id")]


def facts(world, template):
    query = f"SELECT fact FROM notifications WHERE template = '{template}' ORDER BY id"
    return [fact for (fact,) in world.sql(query)]


def hidden(campaign_id):
    """The DAM's answer to everything that is asked of the campaign."""
    return Fault(path=campaign_id, status=404, times=None, body=REFUSAL, headers=JSON)
