"""The chain of custody: every step of a file's life is there, whoever took it, and nothing of it is ever changed."""

import psycopg2
import pytest

from ferrero_dagster.domain.errors import FerreroError, OperationRefused
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files
from ferrero_dagster.operations.traces import trace
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.tracking import file_events, schema
from ferrero_dagster_tests.fix_world import ROUTES, sha1
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

DO_IT = Request(done_by="Maria Rossi", dry_run=False)


def steps(found):
    return [event.what for event in found.events]


def test_a_master_s_life_is_told_from_its_claim_to_its_status_with_failures_between(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.box.board.add(Fault(path="files/content$", status=400, body="{}"))
    world.run(campaign_id)
    world.run(campaign_id)
    [(tracking_id, file_id)] = world.sql("SELECT tracking_id, target_id FROM transfers")
    found = trace(world.database, tracking_id)
    told = [step for step in steps(found) if not step.startswith(("mail", "webhook"))]
    assert told == ["claimed", "failed", "arrived and proven", "status set"]
    [arrived] = [event for event in found.events if event.what == "arrived and proven"]
    assert all(part in arrived.details for part in (file_id, "4 bytes", f"SHA-1 {sha1(b'film')}", "MD5 ", "run run"))
    for word in (file_id, "FILM.MP4", f"film_{tracking_id}.mp4", world.sql("SELECT source_id FROM transfers")[0][0]):
        assert trace(world.database, f" {word} ").events == found.events


def test_a_final_that_is_refused_renamed_set_aside_released_imported_and_versioned_is_one_life(world):
    agency = Agency(world)
    agency.campaign("AAA001", "AAA002")
    file_id = agency.deliver("wrong.mp4", b"the film")
    agency.settled_look()
    world.box.store.rename(file_id, final_name("AAA001"))
    world.dam.board.add(Fault(path="/assets$", method="POST", times=None, status=400, body="{}"))
    agency.go_on()
    world.dam.board.clear()
    release_set_aside_files(world.database, FileSelection(everything=True), DO_IT)
    agency.go_on()
    agency.deliver(final_name("AAA001"), b"the film, corrected")
    agency.go_on()
    found = trace(world.database, file_id)
    order = ["seen in the agency's folder", "refused", "left the agency's folder", "claimed", "failed", "set aside"]
    order += ["released", "arrived and proven", "deleted in Box"]
    places = [steps(found).index(step) for step in order]
    assert places == sorted(places), steps(found)
    assert steps(found).count("arrived and proven") == 2
    [by_hand] = [event for event in found.events if event.what == "release_set_aside_files"]
    assert by_hand.done_by == "Maria Rossi"
    assert {"mail waiting", "import began"} <= set(steps(found))
    assert trace(world.database, "wrong.mp4").events == found.events


def test_what_a_master_and_its_finals_went_through_is_one_story(world):
    agency = Agency(world)
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.run(campaign_id)
    [(tracking_id,)] = world.sql("SELECT tracking_id FROM transfers")
    agency.deliver(final_name(tracking_id))
    agency.go_on()
    assert [file.route for file in trace(world.database, tracking_id).files] == ["a1_to_a2", "a2_to_a3"]


def test_nothing_known_is_one_sentence(database):
    with pytest.raises(OperationRefused, match="Nothing is known of 'nobody'"):
        trace(database, "nobody")


def test_rows_of_events_are_never_changed_and_a_change_by_plain_sql_is_kept_too(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.run(campaign_id)
    with pytest.raises(psycopg2.Error, match="never changed"):
        world.sql("UPDATE file_events SET changed = '{}'")
    before = len(world.sql("SELECT 1 FROM file_events"))
    world.sql("UPDATE transfers SET state = 'withdrawn', last_error = 'by hand'")
    world.sql("UPDATE transfers SET updated_at = now()")
    assert len(world.sql("SELECT 1 FROM file_events")) == before + 1


def test_files_of_before_begin_with_what_is_known_of_them(empty_database_url):
    schema.upgrade(empty_database_url, ROUTES.masters)
    run_sql(
        empty_database_url,
        "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,"
        " target_id, moved_at) VALUES ('a1_to_a2', 'c', 's', '1', 'film.mp4', 'AAA001', 'moved', '7', now())",
    )
    assert [row for (row,) in run_sql(empty_database_url, "SELECT changed->>'state' FROM file_events")] == ["moved"]


def test_what_is_older_than_the_site_says_is_forgotten_a_bounded_number_at_once(world):
    world.run(world.campaign({"film.mp4": b"film"}))
    [(count,)] = world.sql("SELECT count(*) FROM file_events")
    assert world.database.transact(file_events.forget_before, 1, most=10) == 0
    assert world.database.transact(file_events.forget_before, 0, most=1) == 1
    assert world.sql("SELECT count(*) FROM file_events") == [(count - 1,)]


def test_a_killed_run_leaves_what_it_did(world):
    campaign_id = world.campaign({"film.mp4": b"film"})
    world.box.board.add(Fault(path="/items$|users/me", times=None, status=503))
    with pytest.raises(FerreroError):
        world.run(campaign_id)
    assert "arrived and proven" in steps(trace(world.database, "film.mp4"))
