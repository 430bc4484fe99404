"""Box → DAM on bad days: whatever goes wrong for a while, in the end all is as if nothing had (FAULTS.md)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files
from ferrero_dagster.sandbox.agency import AGENCY_FOLDER
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.media import sample_file
from ferrero_dagster_tests.fix_world import World
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, clean_name, final_name, finals_moved

ONE, TWO = final_name("AAA001"), final_name("AAA002")

# Where, and what goes wrong there for a while. Of the answers of a DAM or Box that is out, a client tries five.
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "listing: Box is out": ("Box", {"path": "/items", "status": 503, "times": 12}),
    "listing: too many requests": ("Box", {"path": "/items", "status": 429, "headers": {"Retry-After": "0"}}),
    "listing: cut off": ("Box", {"path": "/items", "cut_after_bytes": 200, "times": 2}),
    "listing: no entries": ("Box", {"path": "/items", "status": 200, "body": '{"entries": null}', "times": 2,
                                    "headers": {"Content-Type": "application/json"}}),
    "listing: not JSON": ("Box", {"path": "/items", "status": 200, "body": "<html>", "times": 2}),
    "log-in expires in Box": ("Box", {"status": 401, "skip": 2}),
    "file: Box is out": ("Box", {"method": "GET", "path": "/files/[0-9]+$", "status": 503, "times": 6}),
    "file: Box does not say where": ("Box", {"method": "GET", "path": "/files/[0-9]+$", "status": 200,
        "body": '{"type": "file", "id": "1", "etag": "0"}', "headers": {"Content-Type": "application/json"}}),
    "metadata: Box is out": ("Box", {"path": "/metadata/", "status": 500, "times": 6}),
    "content: Box is out": ("Box", {"path": "/content$", "status": 503, "times": 30}),
    "content: not ready yet": ("Box", {"path": "/content$", "status": 202, "headers": {"Retry-After": "0"}}),
    "content: address expired": ("Box", {"path": "^/dl/", "status": 403}),
    "content: cut off": ("Box", {"path": "^/dl/", "cut_after_bytes": 1000, "times": 5}),
    "content: other bytes": ("Box", {"path": "^/dl/", "status": 200, "body": "other"}),
    "content: a web page": ("Box", {"path": "^/dl/", "status": 200, "body": "<html>", "times": 2}),
    "content: connection lost": ("Box", {"path": "^/dl/", "drop_answer": True}),
    "deleting: answer lost": ("Box", {"method": "DELETE", "drop_answer": True}),
    "deleting: Box is out": ("Box", {"method": "DELETE", "status": 503, "times": 6}),
    "log-in expires in the DAM": ("DAM", {"status": 401, "skip": 2}),
    "log-in expires during the upload": ("DAM", {"method": "POST", "path": "/assets$", "status": 401}),
    "log-in fails": ("DAM", {"path": "/oauth2/token", "status": 500, "times": 6}),
    "campaign: DAM is out": ("DAM", {"path": "/folders/0+1$", "status": 503, "times": 6}),
    "target folder: DAM is out": ("DAM", {"path": "/children$", "status": 503, "times": 6}),
    "target folder: a web page": ("DAM", {"path": "/children$", "status": 200, "times": 12,
                                          "headers": {"Content-Type": "text/html"}}),
    "import: answer lost": ("DAM", {"method": "POST", "path": "/assets$", "drop_answer": True}),
    "both imports: answers lost": ("DAM", {"method": "POST", "path": "/assets$", "drop_answer": True, "times": 2}),
    "import: DAM is out": ("DAM", {"method": "POST", "path": "/assets$", "status": 503}),
    "import: slow down": ("DAM", {"method": "POST", "path": "/assets$", "status": 429}),
    "import: error without effect": ("DAM", {"method": "POST", "path": "/assets$", "status": 500, "times": 2,
        "headers": {"Content-Type": "application/json"}, "body": '{"exception_body": {"message": "no"}}'}),
    "import: answer without a job": ("DAM", {"method": "POST", "path": "/assets$", "status": 202, "body": "{}",
                                             "headers": {"Content-Type": "application/json"}}),
    "job: DAM is out": ("DAM", {"path": "/jobs/", "status": 503, "times": 12}),
    "job: unknown for a while": ("DAM", {"path": "/jobs/", "status": 404, "times": 3,
        "headers": {"Content-Type": "application/json"}, "body": '{"exception_body": {"message": "no"}}'}),
    "everything: DAM is out with a page of 404": ("DAM", {"path": "/v6/[^s]", "status": 404, "times": 24,
        "headers": {"Content-Type": "text/html"}, "body": "<html>HTTP Status 404 - Not Found</html>"}),
    "job: not JSON": ("DAM", {"path": "/jobs/", "status": 200, "body": "?", "times": 6}),
    "job: answer lost": ("DAM", {"path": "/jobs/", "drop_answer": True}),
    "asset: not shown yet": ("DAM", {"method": "GET", "path": "/assets$", "status": 200, "body":
        '{"assets_resource": {"collection_summary": {}}}', "headers": {"Content-Type": "application/json"}}),
    "asset: DAM is out": ("DAM", {"method": "GET", "path": "/v6/assets$", "status": 503, "times": 12}),
    "lock: held by somebody": ("DAM", {"path": "/state$", "status": 409, "times": 2}),
    "status: DAM is out": ("DAM", {"method": "PATCH", "status": 503, "times": 6}),
    "status: answer lost": ("DAM", {"method": "PATCH", "drop_answer": True}),
    "status: accepted, not applied": ("DAM", {"method": "PATCH", "status": 200}),
}  # fmt: skip

_no_fault: list[dict[str, Any]] = []


@pytest.fixture
def agency(world: World) -> Agency:
    world.dam.settings.job_polls = 0
    return Agency(world)


def no_fault_state(agency: Agency) -> dict[str, Any]:
    """What `finals_moved` comes to while all is well; the same in every world."""
    if not _no_fault:
        _no_fault.append(agency.end_state(finals_moved(agency)))
        agency.forget_everything()
    return _no_fault[0]


def faulty_end(agency: Agency, spoil: Callable[[], Any]) -> tuple[str, dict[str, Any]]:
    """The campaign, and the end state that must be equal to `no_fault_state`; nothing is left armed."""
    expected = no_fault_state(agency)
    campaign_id = finals_moved(agency, after_delivery=spoil)
    assert not agency.world.dam.board.armed
    assert not agency.world.box.board.armed
    assert agency.end_state(campaign_id) == expected
    return campaign_id, expected


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_nothing_in_the_end(agency, name):
    system, fault = FAULTS[name]
    served = {"DAM": agency.world.dam, "Box": agency.world.box}[system]

    def spoil():
        agency.world.dam.store.expire_tokens()
        served.board.add(Fault(**fault))

    faulty_end(agency, spoil)
    assert len(agency.world.dam.board.seen) + len(agency.world.box.board.seen) < 160
    if "is out" in name:
        assert agency.sql("SELECT attempts FROM transfers") == [1, 1]


@pytest.mark.parametrize("switch", ["failing_jobs", "truncated_imports"])
def test_an_import_that_came_to_nothing_good_is_made_again_and_one_asset_is_there(agency, switch):
    faulty_end(agency, lambda: setattr(agency.world.dam.settings, switch, 1))
    assert sorted(agency.sql("SELECT attempts FROM transfers")) == [1, 2]


def test_an_import_job_that_never_ends_is_given_up_and_its_late_asset_is_found(agency):
    world = agency.world.with_site(dam_import={"job_timeout_s": 0.05})
    imports = OtmmImports(world.systems.imports._session, world.systems.site.dam_import)
    impatient = Agency(replace(world, systems=replace(world.systems, imports=imports)))
    world.dam.settings.job_polls = 99
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    outcome = impatient.settle_and_move(campaign_id)
    assert "has made nothing within 0 s" in outcome.failed[0].reason
    agency.later()
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT state, adopted FROM transfers") == [("moved", True)]


def test_while_a_lost_import_may_still_be_at_work_none_is_started(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.dam.board.add(Fault(method="POST", path="/assets$", status=504))
    agency.settled_look()
    with pytest.raises(SystemUnavailable):
        agency.move(campaign_id)
    assert "may still be at work" in agency.move(campaign_id).failed[0].reason
    assert len(agency.world.dam.board.requests("POST", "/assets$")) == 1
    # What the DAM then shows without a checksum is recognized by its size.
    agency.world.dam.store.add_asset(agency.folder(campaign_id), clean_name("AAA001"), ONE.encode(), checksum=False)
    assert len(agency.move(campaign_id).moved) == 1
    assert len(agency.assets(campaign_id)) == 1


# --- the agency goes on working while we do


BEFORE_READING: dict[str, Any] = {"path": "/content$"}
BEFORE_IMPORTING: dict[str, Any] = {"method": "GET", "path": "/files/[0-9]+$"}
BEFORE_DELETING: dict[str, Any] = {"method": "DELETE"}


def meanwhile(agency: Agency, change: Callable[[str], Any], when: dict[str, Any]) -> str:
    """A campaign with one final, to which `change` happens just before that request to Box; the run is over."""
    campaign_id = agency.campaign("AAA001")
    file_id = agency.deliver(ONE, b"first")
    agency.settled_look()
    agency.world.box.board.add(Fault(**when, before=lambda: change(file_id)))
    outcome = agency.move(campaign_id)
    assert outcome.failed == ()
    return campaign_id


def test_a_file_deleted_in_box_meanwhile_is_left_alone(agency):
    campaign_id = meanwhile(agency, agency.world.box.store.delete, BEFORE_READING)
    assert agency.assets(campaign_id) == []
    agency.go_on()
    assert agency.sql("SELECT state FROM transfers") == ["withdrawn"]
    assert agency.sql("SELECT state FROM agency_files") == ["gone"]
    assert agency.mails() == []


def test_a_file_deleted_in_box_once_it_was_read_has_arrived(agency):
    campaign_id = meanwhile(agency, agency.world.box.store.delete, BEFORE_DELETING)
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"first"}
    assert agency.world.dam.store.status(campaign_id) == "A3"


@pytest.mark.parametrize("when", [BEFORE_READING, BEFORE_IMPORTING, BEFORE_DELETING])
def test_a_file_replaced_in_box_meanwhile_is_taken_in_its_last_version(agency, when):
    campaign_id = meanwhile(agency, lambda _: agency.deliver(ONE, b"second"), when)
    assert agency.waiting() == [ONE]
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"second"}
    assert agency.waiting() == []


@pytest.mark.parametrize("when", [BEFORE_READING, BEFORE_IMPORTING])
def test_a_file_renamed_in_box_before_its_import_arrives_under_its_new_name_only(agency, when):
    campaign_id = meanwhile(agency, lambda file_id: agency.world.box.store.rename(file_id, TWO), when)
    assert agency.assets(campaign_id) == []
    agency.add_masters(campaign_id, "AAA002")
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA002"): b"first"}
    assert agency.sql("SELECT tracking_id FROM derivative_assets") == ["AAA002"]


@pytest.mark.parametrize("move_back", [False, True])
def test_a_file_moved_out_of_the_agencys_folder_before_its_import_stays_out_of_the_dam(agency, move_back):
    store = agency.world.box.store
    hold = store.add_folder(name="Hold", parent_id=AGENCY_FOLDER)
    campaign_id = meanwhile(agency, lambda file_id: store.move(file_id, folder_id=hold), BEFORE_IMPORTING)
    agency.go_on()
    assert agency.assets(campaign_id) == []
    if move_back:
        [file_id] = agency.sql("SELECT DISTINCT file_id FROM agency_files")
        store.move(file_id, folder_id=AGENCY_FOLDER)
        agency.go_on()
    assert len(agency.assets(campaign_id)) == move_back


def test_a_folder_moved_away_with_its_files_before_their_import_keeps_them_out_of_the_dam(agency):
    agency = agency.with_site(agency={"include_subfolders": True})
    campaign_id = agency.campaign("AAA001")
    store = agency.world.box.store
    week = store.add_folder(name="Week 12", parent_id=AGENCY_FOLDER)
    hidden = store.add_folder(name=".hidden", parent_id=AGENCY_FOLDER)
    file_id = store.put_file(week, ONE, b"first")
    agency.settled_look()
    # Such a move leaves the file's own etag as it is.
    store.database.change("UPDATE items SET parent_id = ? WHERE id = ?", hidden, week)
    assert [file.name for file in agency.move(campaign_id).left] == [ONE]
    store.database.change("UPDATE items SET parent_id = ? WHERE id = ?", AGENCY_FOLDER, week)
    assert len(agency.move(campaign_id).moved) == 1
    assert file_id in agency.sql("SELECT box_file_id FROM derivative_assets")


def test_a_file_renamed_in_box_meanwhile_is_looked_at_afresh(agency):
    meanwhile(agency, lambda file_id: agency.world.box.store.rename(file_id, "oops.png"), BEFORE_DELETING)
    agency.go_on()
    assert agency.waiting() == ["oops.png"]
    assert agency.mails() == [
        ("a2_to_a3_complete", "Spring"),
        ("a2_to_a3_file_uploaded", ONE),
        ("a2_to_a3_upload_failed", "oops.png"),
    ]


def test_a_master_withdrawn_meanwhile_makes_the_next_look_refuse_its_final(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    agency.sql("UPDATE master_assets SET status = 'withdrawn' RETURNING 1")
    assert [file.reason for file in agency.move(campaign_id).left] == ["The master AAA001 is not active any more."]
    agency.go_on()
    assert agency.mails() == [("a2_to_a3_upload_failed", ONE)]


def test_a_file_back_from_the_trash_is_on_its_way_again(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.box.board.add(Fault(path="/content$", status=404, body='{"code": "not_found"}'))
    agency.settle_and_move(campaign_id)
    agency.sql(
        "UPDATE transfers SET state = 'withdrawn' RETURNING 1", "UPDATE agency_files SET state = 'gone' RETURNING 1"
    )
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT status FROM derivative_assets") == ["active"]


# --- what Box says of CreativeX


def test_creativex_is_what_it_is_when_the_file_is_moved_however_long_that_takes(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    files = [agency.deliver(name, creativex={"creativexScore": 10}) for name in (ONE, TWO)]
    agency.world.dam.settings.failing_jobs = 2
    agency.settle_and_move(campaign_id)
    agency.world.box.store.set_metadata(files[0], {"creativexScore": 99, "creativexUrl": "https://x.example/new"})
    agency.world.box.store.delete_metadata(files[1], "ferrerodammetadata")
    agency.later()
    agency.go_on()
    scores = dict(agency.sql("SELECT fact->>'original_name', fact->>'creativex_score' FROM notifications"))
    assert (scores[ONE], scores[TWO]) == ("99", None)


def test_where_box_does_not_tell_creativex_now_the_listing_counts(agency):
    campaign_id = agency.campaign("AAA001")
    file_id = agency.deliver(ONE, creativex={"creativexScore": 10})
    agency.settled_look()
    agency.world.box.store.delete_metadata(file_id, "ferrerodammetadata")
    agency.world.box.board.add(Fault(path="/metadata/", status=403))
    agency.move(campaign_id)
    [fact] = agency.sql("SELECT fact FROM notifications WHERE template LIKE '%uploaded'")
    assert fact["creativex_score"] == "10"
    assert "CreativeX could not be read" in fact["notes"][-1]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"code": "access_denied_insufficient_permissions"}),
        (404, {"code": "not_found_no_such_template"}),
        (200, {"creativexScore": "high", "creativexUrl": ["a"], "id": 7, "version": "x", "scope": {}, "$type": 1}),
        (200, []),
    ],
)
def test_creativex_that_cannot_be_read_never_blocks_a_final(agency, status, body):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    headers = {"Content-Type": "application/json"}
    agency.world.box.board.add(Fault(path="/metadata/", status=status, body=json.dumps(body), headers=headers))
    assert len(agency.settle_and_move(campaign_id).moved) == 1
    [fact] = agency.sql("SELECT fact FROM notifications WHERE template LIKE '%uploaded'")
    assert (fact["creativex_score"], fact["creativex_url"]) == (None, None)
    assert any("creativex" in note.lower() for note in fact["notes"][2:]) == (status != 404)


def test_a_template_with_fields_named_like_boxs_own_is_read_all_the_same(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    odd = {"creativexScore": 7.5, "creativexUrl": "https://x.example/1", "version": "a", "id": "b", "scope": "c",
           "type": "d", "template": "\\u0000\0", "parent": "e"}  # fmt: skip
    agency.deliver(ONE, creativex=odd)
    file_id = agency.deliver(TWO)
    agency.settled_look()
    agency.world.box.store.set_metadata(file_id, odd)
    agency.move(campaign_id)
    links = {agency.world.dam.store.value(a.id, "FERRERO.FIELD.CREATIVEX LINK") for a in agency.assets(campaign_id)}
    assert links == {"https://x.example/1"}


# --- files that cannot be moved


def test_a_medium_that_cannot_be_read_is_moved_with_a_note_and_one_that_can_fills_the_sites_fields(agency, tmp_path):
    fields = {"width": "SITE.WIDTH", "height": "SITE.HEIGHT", "duration": "SITE.DURATION"}
    agency = agency.with_site(representation={"media_fields": fields})
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


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE master_assets SET full_metadata = '{}' RETURNING 1", "hold none of the 28 fields"),
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


def test_an_empty_file_is_set_aside(agency):
    campaign_id = agency.campaign("AAA001")
    store = agency.world.box.store
    store.put_file(AGENCY_FOLDER, ONE, b"")
    assert "is empty (0 bytes)" in agency.settle_and_move(campaign_id).failed[0].reason
    assert agency.look().counts == {"ready": 1}
    assert [judgement.file.name for judgement in agency.look().set_aside] == [ONE]


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


def test_a_final_that_box_does_not_let_us_delete_has_arrived_is_told_once_and_tried_again_much_later(agency):
    campaign_id = agency.campaign("AAA001")
    locked = agency.deliver(ONE)
    agency.world.box.board.add(Fault(method="DELETE", path=f"/files/{locked}$", status=403, times=3))
    assert [file.name for file in agency.settle_and_move(campaign_id).moved] == [ONE]
    assert agency.world.dam.store.status(campaign_id) == "A3"
    assert agency.starts() == {}
    assert agency.waiting() == [ONE]
    agency.later()
    agency.go_on()
    assert agency.waiting() == []
    assert [mail for mail in agency.mails() if mail[0] == "workflow_error"] == [
        ("workflow_error", f"{ONE} has arrived, but cannot be deleted in Box")
    ]


# --- attempts


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


def test_bytes_that_are_never_what_box_listed_are_not_tried_for_ever(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.box.board.add(Fault(path="^/dl/", status=200, body="other", times=None))
    agency.go_on()
    assert agency.sql("SELECT state, attempts, last_error_code FROM transfers") == [
        ("set_aside", 5, "checksum mismatch")
    ]
    assert agency.assets(campaign_id) == []


def test_an_outage_that_only_runs_meet_holds_them_back_although_the_folder_can_be_listed(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.box.board.add(Fault(path="^/dl/", status=503, times=None))
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
