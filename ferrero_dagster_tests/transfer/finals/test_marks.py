"""Looks that list the agency's folder only where something has happened in it (SPEC 4.1)."""

import pytest

from ferrero_dagster.clients.box_session import learned_of
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import final_name

ONE, TWO = final_name("AAA001"), final_name("AAA002")
#: An hour is more than `looks.full_listing_minutes`.
AN_HOUR_LATER = "UPDATE agency_looks SET listed_at = listed_at - interval '1 hour' RETURNING 1"


def asked(agency, look):
    """The calls to Box of one look: pages of events, and of listings."""
    board = agency.world.box.board
    board.seen.clear()
    look()
    return len(board.requests(path="/events$")), len(board.requests(path="/items$"))


@pytest.fixture(autouse=True)
def _new_process(agency):
    """Nothing is known of Box that another test has taught us."""
    learned_of(agency.world.systems.agency._client).clear()


@pytest.fixture
def delivered(agency):
    """A campaign, one of whose films is ready; all is quiet."""
    agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE)
    agency.settled_look()
    return agency


def test_an_unchanged_folder_of_three_thousand_files_costs_one_call_instead_of_four(agency):
    agency.world.box.store.add_many_files(AGENCY_FOLDER, [final_name(f"X{number:05}") for number in range(3000)])
    assert asked(agency, agency.look) == (1, 3)
    assert asked(agency, agency.look) == (1, 0)
    assert agency.look().counts == {"refused": 3000}
    assert asked(agency, agency.look) == (1, 0)


def test_a_look_at_an_unchanged_folder_counts_for_a_file_that_settles(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    assert agency.look().counts == {"settling": 1}
    agency.world.box.board.add(Fault(path="/items$", status=500, times=None))
    assert agency.starts() == {campaign_id: 1}
    assert agency.starts() == {campaign_id: 1}, "and it is due until it has moved"


@pytest.mark.parametrize("event_source", ["full", "mini"])
@pytest.mark.parametrize("change", ["uploaded", "replaced", "renamed", "deleted", "moved away", "moved in"])
def test_whatever_happens_in_the_folder_is_seen_by_the_next_look(delivered, change, event_source):
    store = delivered.world.box.store
    delivered.world.box.settings.event_source = event_source
    elsewhere = store.add_folder(name="Elsewhere")
    file_id, other = store.find(AGENCY_FOLDER, ONE).id, store.put_file(elsewhere, TWO, b"two")
    delivered.look()
    changes = {
        "uploaded": lambda: delivered.deliver(TWO),
        "replaced": lambda: delivered.deliver(ONE, b"other content"),
        "renamed": lambda: store.rename(file_id, TWO),
        "deleted": lambda: store.delete(file_id),
        "moved away": lambda: store.move(file_id, folder_id=elsewhere),
        "moved in": lambda: store.move(other, folder_id=AGENCY_FOLDER),
    }
    changes[change]()
    gone, came = {"ready": 0, "settling": 0}, {"ready": 1, "settling": 1}
    expected = {"deleted": gone, "moved away": gone, "uploaded": came, "moved in": came}
    counts = delivered.look().counts
    assert {state: counts[state] for state in gone} == expected.get(change, {"ready": 0, "settling": 1})


def test_a_replaced_file_settles_anew_although_an_unchanged_look_has_counted(agency):
    agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.look()
    agency.deliver(ONE, b"cut anew")
    assert agency.look().counts == {"settling": 1}
    assert agency.look().counts == {"ready": 1}


def test_what_happens_elsewhere_in_box_costs_no_listing_and_is_not_asked_for_twice(delivered):
    elsewhere = delivered.world.box.store.add_folder(name="Elsewhere")
    delivered.world.box.store.add_many_files(elsewhere, [f"{number}.mp4" for number in range(1200)])
    delivered.world.box.settings.events_twice = True
    assert asked(delivered, delivered.look) == (4, 0)
    assert asked(delivered, delivered.look) == (1, 0)


@pytest.mark.fault(84)
def test_what_box_tells_late_or_never_is_seen_by_the_listing_every_quarter_of_an_hour(delivered):
    delivered.world.box.settings.event_delay_s = 3600
    delivered.deliver(TWO)
    assert delivered.look().counts == {"ready": 1}
    delivered.sql(AN_HOUR_LATER)
    assert delivered.look().counts == {"ready": 1, "settling": 1}
    delivered.world.box.settings.event_delay_s = 0
    assert delivered.look().counts == {"ready": 2}, "an event that comes late spoils nothing"
    assert asked(delivered, delivered.look) == (1, 0)


@pytest.mark.fault(84)
def test_a_site_may_have_the_folder_listed_at_every_look(delivered):
    agency = delivered.with_site(looks={"full_listing_minutes": 0})
    assert [asked(agency, agency.look)[1] for _ in range(3)] == [1, 1, 1]


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": '{"code": "insufficient_scope"}'},
        {"status": 404},
        {"status": 400, "body": '{"code": "bad_request"}'},
        {"status": 200, "body": '{"entries": null, "next_stream_position": 1}'},
        {"status": 200, "body": '{"entries": []}'},
        {"status": 200, "body": "[]"},
    ],
)
def test_where_box_tells_no_events_every_look_lists_the_folder(delivered, fault):
    delivered.world.box.board.add(Fault(path="/events$", headers=JSON, times=None, **fault))
    asked(delivered, delivered.look)
    assert asked(delivered, delivered.look) == (0, 1), "and Box is asked for them again an hour later"
    delivered.deliver(TWO)
    assert delivered.look().counts == {"ready": 1, "settling": 1}


@pytest.mark.fault(84)
def test_a_lost_position_costs_one_listing(delivered):
    delivered.sql("DELETE FROM agency_looks RETURNING 1")
    assert asked(delivered, delivered.look) == (1, 1)
    assert asked(delivered, delivered.look) == (1, 0)


@pytest.mark.fault(84)
def test_a_position_that_is_none_any_more_is_good_again_after_the_next_listing(delivered):
    delivered.sql("UPDATE agency_looks SET position = '123456789' RETURNING 1")
    assert delivered.look().counts == {"ready": 1}
    delivered.sql(AN_HOUR_LATER)
    delivered.look()
    delivered.deliver(TWO)
    assert delivered.look().counts == {"ready": 1, "settling": 1}


@pytest.mark.fault(84)
def test_a_listing_that_failed_is_made_by_the_next_look(delivered):
    delivered.deliver(TWO)
    delivered.world.box.board.add(Fault(path="/items$", status=404, times=1))
    assert delivered.look().judgements is None
    assert delivered.look().counts == {"ready": 1, "settling": 1}


def test_a_master_that_arrives_lets_its_final_in_without_a_listing(agency):
    agency.deliver(ONE)
    assert agency.settled_look().counts == {"refused": 1}
    agency.world.box.board.add(Fault(path="/items$", status=500, times=None))
    campaign_id = agency.campaign("AAA001")
    assert agency.starts() == {campaign_id: 1}


def test_a_look_at_an_unchanged_folder_rewrites_no_row(delivered):
    rows = "SELECT xmin::text, looks FROM agency_files ORDER BY id"
    before = delivered.sql(rows)
    delivered.look()
    assert delivered.sql(rows) == before
