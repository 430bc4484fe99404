"""Ticks in quiet hours."""

import time

import dagster as dg
import pytest

from ferrero_dagster_tests.fix_dagster import resources
from ferrero_dagster_tests.fix_world import A1, A2


@pytest.fixture(autouse=True)
def _always_quiet(cockpit):
    cockpit.set_site(looks={"quiet_hours": [{}], "quiet_every_minutes": 1440})


def tick(cockpit, sensor, *, last):
    """One as the daemon makes it; `last` is when the tick before it was."""
    of = {A2.sensor: ("box", "tracking")}.get(sensor, ("dam", "tracking"))
    systems = {name: system for name, system in resources().items() if name in of}
    context = dg.SensorEvaluationContext(
        instance_ref=None,
        last_tick_completion_time=last,
        last_run_key=None,
        cursor=None,
        instance=cockpit.instance,
        repository_name=None,
        repository_def=cockpit.repository,
        sensor_name=sensor,
    )
    result = cockpit.repository.get_sensor_def(sensor)(context, **systems)
    return result.skip_reason.skip_message if result.skip_reason else result


@pytest.mark.parametrize("route", [A1, A2], ids=lambda route: route.name)
def test_a_tick_in_quiet_hours_asks_nobody_and_says_when_the_next_look_comes(cockpit, route):
    asked = [cockpit.world.box.board.seen, cockpit.world.dam.board.seen]
    for seen in asked:
        seen.clear()
    said = tick(cockpit, route.sensor, last=time.time() - 1)
    assert said.startswith("Quiet hours: the next look comes at ")
    assert asked == [[], []]


def test_a_first_tick_and_a_persons_preview_look_in_quiet_hours_too(cockpit):
    cockpit.world.campaign()
    assert len(tick(cockpit, A1.sensor, last=None).run_requests) == 1
    assert len(tick(cockpit, A1.sensor, last=time.time() - 86400).run_requests) == 1, "nor is a day passed over"


def test_polls_in_quiet_hours_do_not_count_towards_the_warning(cockpit):
    campaign_id = cockpit.world.campaign({})
    said = "No master assets yet (polls in quiet hours do not count) - skipping until assets appear"
    for _ in range(2):
        assert tick(cockpit, A1.sensor, last=None).endswith(said)
    count = "SELECT coalesce(a1_retry_count, 0) FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'"
    assert cockpit.world.sql(count, of=campaign_id) == [(0,)]
    cockpit.set_site(looks={"quiet_hours": []})
    assert "(poll 1)" in tick(cockpit, A1.sensor, last=time.time())
