"""Who goes first where Box does not take all at once."""

from contextlib import closing

import dagster as dg
import pytest

from ferrero_dagster.clients.http import limits_within
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.config.site import load_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.campaign_runs import priority_of
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.limiters import box_limits
from ferrero_dagster.tracking.limiter import SharedLimiter


@pytest.mark.parametrize(
    ("tag", "priority"),
    [
        ("ferrero/route", Priority.PEOPLE),
        ("dagster/sensor_name", Priority.REST),
        ("dagster/schedule_name", Priority.REST),
        ("dagster/backfill", Priority.REST),
    ],
)
def test_a_run_that_somebody_started_goes_first_but_no_backfill(tag, priority):
    assert priority_of(dg.DagsterRun(job_name="any", tags={tag: "any"})) is priority


def test_a_look_is_known_by_its_deadline_and_does_not_slow_down_people():
    settings = load_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    look, limits = limits_within(Deadline.after(45)), box_limits(settings, load_site())
    for priority, patience, expected in (
        (Priority.REST, None, Priority.REST),
        (Priority.REST, look, Priority.LOOK),
        (Priority.PEOPLE, look, Priority.PEOPLE),
    ):
        connections = Connections(settings, load_site(), priority=priority)
        with closing(connections._limiters(limits, patience)) as limiters:
            limiter = limiters()
            assert isinstance(limiter, SharedLimiter)
            assert limiter.priority is expected
