"""The agency's folder on a Box that answers slowly: each tick ends in time, and the next goes on with the listing."""

import re
import time

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

IDS = [f"AAA00{number}" for number in range(1, 6)]
STATES = "SELECT state, count(*) FROM agency_files GROUP BY state"


@pytest.fixture
def slow(cockpit):
    """Five folders with a file each; Box gives one page of a listing in a quarter of the time that a look has."""
    cockpit.set_site(looks={"budget_s": 2}, agency={"include_subfolders": True, "settle_looks": 1})
    agency = Agency(cockpit.world)
    for tracking_id in IDS:
        agency.campaign(tracking_id)
        folder_id = cockpit.world.box.store.add_folder(parent_id=AGENCY_FOLDER, name=tracking_id)
        cockpit.world.box.store.put_file(folder_id, final_name(tracking_id), b"film")
    cockpit.world.box.board.add(Fault(path="/items", delay_s=0.5, times=None))
    return cockpit


def timed_look(cockpit):
    began = time.monotonic()
    result = cockpit.preview("agency_files")
    assert time.monotonic() - began < 2 + 3
    return result


def until(cockpit, states):
    looks = 0
    while sorted(cockpit.world.sql(STATES)) != states:
        timed_look(cockpit)
        assert (looks := looks + 1) < 10


@pytest.mark.fault(71)
def test_a_listing_that_takes_longer_than_a_look_goes_on_at_the_next_and_what_was_listed_starts(slow):
    first = timed_look(slow)
    assert 0 < len(first.run_requests) < len(IDS)
    assert first.asset_events == [], "no counts of a part of the folder"
    assert slow.world.sql(STATES) == [("ready", len(first.run_requests))]
    [(system, said)] = slow.world.sql("SELECT system, message FROM outages WHERE ended_at IS NULL")
    assert system == "Box (slow)"
    assert re.fullmatch(
        r"\d files? listed in .* s; Box answered in [\d.]+ s on average; the next look goes on with the listing\.", said
    )
    until(slow, [("ready", len(IDS))])


@pytest.mark.fault(71)
def test_a_file_is_gone_only_when_the_folder_was_listed_to_its_end(slow):
    slow.world.box.board.clear()
    until(slow, [("ready", len(IDS))])
    [gone] = [file_id for (file_id,) in slow.world.sql("SELECT file_id FROM agency_files ORDER BY name LIMIT 1")]
    slow.world.box.store.delete(gone)
    slow.world.box.board.add(Fault(path="/items", delay_s=0.5, times=None))
    timed_look(slow)
    assert slow.world.sql(STATES) == [("ready", len(IDS))]
    until(slow, [("gone", 1), ("ready", len(IDS) - 1)])
