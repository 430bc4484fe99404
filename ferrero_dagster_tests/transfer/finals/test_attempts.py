"""Finals that fail: tried with growing pauses, set aside with one mail, released by an operator (SPEC 4.5)."""

import pytest

from ferrero_dagster.config.representation import FieldRowSite
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.media import sample_file
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, TWO, Agency, clean_name, final_name


def test_a_medium_that_cannot_be_read_is_moved_with_a_note_and_one_that_can_fills_the_sites_fields(agency, tmp_path):
    rows = {
        f"SITE.{what.upper()}": FieldRowSite(kind="text", value=f"media_{what}")
        for what in ("width", "height", "duration")
    }
    shipped = agency.world.systems.site.representation.fields
    agency = agency.with_site(representation={"fields": {**shipped, **rows}})
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, sample_file("Key visual.png", tmp_path).read_bytes())
    agency.deliver(TWO, b"\x89PNG broken")
    agency.go_on()
    store = agency.world.dam.store
    sizes = {
        a.name: [store.value(a.id, f"SITE.{n}") for n in ("WIDTH", "HEIGHT", "DURATION")]
        for a in agency.assets(campaign_id)
    }
    assert sizes == {clean_name("AAA001"): ["1600", "1200", ""], clean_name("AAA002"): ["", "", ""]}
    notes = dict(agency.sql("SELECT fact->>'original_name', fact->'notes'->>0 FROM notifications WHERE fact ? 'notes'"))
    assert notes[TWO] == "Its dimensions could not be read."
    assert "could not" not in notes[ONE]


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE master_assets SET full_metadata = '{}' RETURNING 1", "hold 0 of the fields that"),
        ("UPDATE master_assets SET upload_directory = NULL RETURNING 1", "has no upload_directory in the table"),
        ("UPDATE master_assets SET upload_directory = 'gone' RETURNING 1", "the DAM does not find it"),
    ],
)
def test_what_only_a_person_can_mend_sets_the_file_aside_at_once_with_one_mail(agency, spoil, reason):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.sql(spoil)
    assert reason in agency.settle_and_move(campaign_id).failed[0].reason
    agency.go_on(looks=1)
    assert agency.sql("SELECT state, attempts FROM transfers") == [("set_aside", 1)]
    assert agency.mails() == [("a2_to_a3_upload_failed", ONE)]
    assert agency.waiting() == [ONE]


@pytest.mark.fault(46)
def test_an_empty_file_is_set_aside(agency):
    campaign_id = agency.campaign("AAA001")
    store = agency.world.box.store
    store.put_file(AGENCY_FOLDER, ONE, b"")
    assert "is empty (0 bytes)" in agency.settle_and_move(campaign_id).failed[0].reason
    assert agency.look().counts == {"ready": 1}
    assert [judgement.file.name for judgement in agency.look().set_aside] == [ONE]


@pytest.mark.fault(39)
def test_finals_of_a_campaign_that_the_dam_has_no_more_are_set_aside_and_no_run_is_started_for_it(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE)
    agency.go_on()
    agency.deliver(TWO)
    agency.world.dam.store.delete(campaign_id)
    assert "has no campaign" in agency.settle_and_move(campaign_id).failed[0].reason
    agency.sql("UPDATE master_assets SET status = 'withdrawn' WHERE tracking_id = 'AAA002' RETURNING 1")
    agency.go_on(looks=1)
    assert agency.waiting() == [TWO]


@pytest.mark.fault(3)
def test_a_file_that_box_does_not_hand_out_is_set_aside_and_the_others_go_on(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    other_id = agency.campaign("BBB001")
    refused = agency.deliver(ONE)
    for tracking_id in ("AAA002", "BBB001"):
        agency.deliver(final_name(tracking_id))
    agency.world.box.board.add(Fault(path=f"/files/{refused}/content$", status=403, times=None))
    agency.go_on()
    assert agency.errors == []
    assert [len(agency.assets(id_)) for id_ in (campaign_id, other_id)] == [1, 1]
    assert agency.sql("SELECT last_error FROM transfers WHERE state = 'set_aside'")[0].startswith(
        f"Downloading {ONE}: Box refuses us this file (403, request "
    )
    assert agency.mails().count(("a2_to_a3_upload_failed", ONE)) == 1
    assert agency.sql("SELECT system FROM outages") == []


BLOCKED = '{"type": "error", "status": 409, "code": "operation_blocked_temporary"}'


@pytest.mark.fault(3, 62)
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403},
        {"status": 400, "body": "<html>", "headers": {"Content-Type": "text/html"}},
        {"status": 401},
        {"status": 409, "body": BLOCKED, "headers": JSON},
        {"status": 423},
        {"status": 451},
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "86400"}},
        {"drop_answer": True, "status": 204},
    ],
    ids=lambda answer: str(answer["status"]),
)
def test_a_final_that_box_does_not_delete_has_arrived_is_told_once_and_tried_again_every_hour(agency, answer):
    campaign_id = agency.campaign("AAA001")
    kept = agency.deliver(ONE)
    agency.world.box.board.add(Fault(method="DELETE", path=f"/files/{kept}$", times=None, **answer))
    outcome = agency.settle_and_move(campaign_id)
    assert ([file.name for file in outcome.moved], outcome.failed, outcome.status) == ([ONE], (), "A3")
    for _ in range(3):
        assert agency.starts() == {}
        agency.sql("UPDATE transfers SET updated_at = updated_at - interval '59 min' RETURNING 1")
        assert agency.starts() == {}
        agency.sql("UPDATE transfers SET updated_at = updated_at - interval '1 min' RETURNING 1")
        assert agency.starts() == {campaign_id: 1}
        assert agency.move(campaign_id).failed == ()
    agency.world.box.board.clear()
    agency.later()
    agency.go_on()
    assert (agency.waiting(), len(agency.assets(campaign_id))) == ([], 1)
    assert seen(agency.world.dam, "POST", "/assets$", times=1)
    assert [mail for mail in agency.mails() if mail[0] == "workflow_error"] == [
        ("workflow_error", f"{ONE} has arrived, but cannot be deleted in Box")
    ]
    assert agency.sql("SELECT system FROM outages") == []


def failing(agency: Agency, times: int | None = None) -> str:
    """A campaign with a final whose imports fail."""
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.dam.settings.failing_jobs = times or 99
    agency.settled_look()
    return campaign_id


def test_a_failing_file_is_tried_with_growing_pauses_then_set_aside_with_one_mail(agency):
    campaign_id = failing(agency)
    for attempt, pause_minutes in enumerate([3, 10, 30, 60], start=1):
        assert agency.starts() == {campaign_id: 1}
        assert len(agency.move(campaign_id).failed) == 1
        assert agency.sql("SELECT attempts, last_error_code FROM transfers") == [(attempt, "import failed")]
        assert agency.starts() == {}
        agency.sql(f"UPDATE transfers SET updated_at = now() - interval '{pause_minutes * 60 - 2} s' RETURNING 1")
        assert agency.starts() == {}
        agency.sql(f"UPDATE transfers SET updated_at = now() - interval '{pause_minutes * 60} s' RETURNING 1")
        assert agency.mails() == []
    agency.move(campaign_id)
    assert agency.mails() == [("a2_to_a3_upload_failed", ONE)]
    [fact] = agency.sql("SELECT fact FROM notifications")
    assert (fact["set_aside"], fact["attempts"], fact["tracking_id"]) == (True, 5, "AAA001")
    agency.later()
    assert agency.starts() == {}
    assert agency.move(campaign_id).failed == ()


def test_a_file_that_waits_out_its_pause_is_left_alone_by_runs_for_others_but_not_by_a_run_for_it_alone(agency):
    campaign_id = failing(agency, times=1)
    agency.move(campaign_id)
    agency.add_masters(campaign_id, "AAA002")
    agency.deliver(TWO)
    assert agency.starts(agency.settled_look()) == {campaign_id: 1}
    assert [file.name for file in agency.move(campaign_id).moved] == [TWO]
    assert agency.starts() == {}
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]


def test_a_file_released_by_an_operator_is_tried_at_once_and_mailed_again_if_it_fails_again(agency):
    agency = agency.with_site(agency={"max_attempts": 1})
    campaign_id = failing(agency)
    agency.move(campaign_id)
    for round_number in (1, 2):
        assert agency.mails() == [("a2_to_a3_upload_failed", ONE)] * round_number
        request = Request(done_by="Maria", dry_run=False)
        release_set_aside_files(agency.world.database, FileSelection(tracking_ids=["AAA001"]), request)
        assert agency.starts() == {campaign_id: 1}
        agency.move(campaign_id)
    agency.world.dam.settings.failing_jobs = 0
    release_set_aside_files(agency.world.database, FileSelection(everything=True), request)
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): ONE.encode()}


def test_a_set_aside_file_that_the_agency_replaces_is_withdrawn_and_its_successor_moves(agency):
    agency = agency.with_site(agency={"max_attempts": 1})
    campaign_id = failing(agency, times=1)
    agency.move(campaign_id)
    agency.deliver(ONE, b"mended")
    agency.go_on()
    assert agency.sql("SELECT state FROM transfers ORDER BY id") == ["withdrawn", "moved"]
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"mended"}


@pytest.mark.fault(7)
def test_bytes_that_are_never_what_box_listed_are_not_tried_for_ever(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.box.board.add(Fault(path="^/dl/", status=200, body="other", times=None))
    agency.go_on()
    assert agency.sql("SELECT state, attempts, last_error_code FROM transfers") == [
        ("set_aside", 5, "checksum mismatch")
    ]
    assert agency.assets(campaign_id) == []


@pytest.mark.fault(11)
def test_an_outage_that_only_runs_meet_holds_them_back_although_the_folder_can_be_listed(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.box.board.add(Fault(path="^/dl/|/users/me$", status=503, times=None))
    look = agency.settled_look()
    for failures in (1, 2, 3):
        assert agency.starts(look) == {campaign_id: 1}
        with pytest.raises(SystemUnavailable):
            agency.move(campaign_id)
        assert "waits, Box cannot be used" in agency.look().notes[0]
        assert agency.sql("SELECT failures, ended_at IS NULL FROM outages") == [(failures, True)]
        agency.later()
        look = agency.look()
    agency.world.box.board.clear()
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT count(*) FROM outages WHERE ended_at IS NULL") == [0]


@pytest.mark.fault(11)
def test_an_outage_is_mailed_once_counts_against_no_file_and_holds_runs_back(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    outage = agency.world.dam.board.add(Fault(path="/folders", status=503, times=None))
    for _ in range(3):
        with pytest.raises(SystemUnavailable):
            agency.move(campaign_id)
        assert agency.look().notes[0].startswith("C000000001 Spring: waits, DAM cannot be used")
        agency.sql("UPDATE outages SET began_at = began_at - interval '3 min'")
    assert agency.mails() == [("workflow_error", "DAM cannot be used")]
    assert agency.sql("SELECT count(*) FROM transfers WHERE attempts > 0") == [0]
    outage.times = 1
    agency.later()
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT count(*) FROM outages WHERE ended_at IS NULL") == [0]
