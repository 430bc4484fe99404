"""How Dagster's tables grow while nothing happens."""

import json

import dagster as dg
import pytest

from ferrero_dagster_tests.fix_world import A1, A2
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name


@pytest.fixture
def agency(cockpit):
    agency = Agency(cockpit.world)
    agency.campaign("AAA001")
    return agency


def events_of(cockpit, sensor):
    """What a tick of the daemon stores beside itself."""
    return len(cockpit.tick(sensor).asset_events)


def an_hour_later(cockpit):
    for sensor, cursor in cockpit.cursors.items():
        told = json.loads(cursor)
        cockpit.cursors[sensor] = json.dumps(told | {"shown_at": told["shown_at"] - 3600})


def test_ticks_write_events_only_where_something_has_changed_and_once_an_hour(cockpit, agency):
    agency.deliver("wrong.png")
    ticks = [A1.sensor, A2.sensor]
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A2.sensor) == 2, "it has settled, and is refused"
    assert [events_of(cockpit, sensor) for sensor in ticks * 3] == [0] * 6
    cockpit.world.campaign({}, name="New")
    agency.deliver(final_name("AAA001"))
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A1.sensor) == 0
    an_hour_later(cockpit)
    assert [events_of(cockpit, sensor) for sensor in ticks] == [1, 2]
    assert events_of(cockpit, A1.sensor) == 0


def test_the_check_tells_of_refused_files_also_where_a_look_has_listed_nothing(cockpit, agency):
    agency.deliver("wrong.png")
    for _ in range(2):
        cockpit.tick(A2.sensor)
    an_hour_later(cockpit)
    observation, check = cockpit.tick(A2.sensor).asset_events
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.passed, observation.metadata["refused"].value) == (False, 1)
