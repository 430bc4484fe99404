"""A run of finals whose lock is ended under it does nothing more that cannot be undone; the next one goes on."""

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.tracking.test_database import KILL_LOCK_HOLDERS
from ferrero_dagster_tests.transfer.finals.agency_world import clean_name, final_name

LOST = "the connection that holds our lock was lost"


@pytest.mark.fault(75)
def test_a_lock_lost_while_a_final_comes_from_box_imports_nothing(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"a film")
    agency.settled_look()
    agency.world.box.board.add(Fault(path="/content$", before=lambda: agency.world.sql(KILL_LOCK_HOLDERS)))
    with pytest.raises(SystemUnavailable, match=LOST):
        agency.move(campaign_id)
    assert agency.assets(campaign_id) == []
    assert agency.sql("SELECT last_error FROM transfers") == [None]
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"a film"}
    assert agency.waiting() == []


@pytest.mark.fault(75)
def test_a_lock_lost_while_the_dam_imports_leaves_the_file_in_box_for_the_next_run(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"a film")
    agency.settled_look()
    agency.world.dam.board.add(Fault(path="/jobs/", before=lambda: agency.world.sql(KILL_LOCK_HOLDERS)))
    with pytest.raises(SystemUnavailable, match=LOST):
        agency.move(campaign_id)
    assert agency.waiting() == [final_name("AAA001")]
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"a film"}
    assert len(agency.assets(campaign_id)) == 1
    assert agency.waiting() == []
