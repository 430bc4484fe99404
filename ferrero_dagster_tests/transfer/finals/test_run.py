"""Box → DAM while all is well: what arrives, what is written down, what people are told, what it costs."""

from typing import Any

import pytest

from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.otmm.metadata import field_values, fields_by_id
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A5, World, sha1
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, Agency, clean_name, final_name, finals_moved

DO_IT = Request(done_by="Maria Rossi", dry_run=False)
NAME = "1234567_RAF_DE_de_TEST-JOB_OLV_001_6S_16x9_ABC123.mp4"
CLEAN = "RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4"


@pytest.fixture
def agency(world: World) -> Agency:
    world.dam.settings.job_polls = 0
    return Agency(world)


def test_a_final_arrives_whole_under_its_clean_name_with_its_masters_metadata(agency):
    agency.world.dam.settings.job_polls = 1
    film = b"\x00film" * 100_000
    campaign_id = agency.campaign("ABC123")
    agency.deliver(NAME, film, CREATIVEX)
    outcome = agency.settle_and_move(campaign_id)

    [asset] = agency.assets(campaign_id)
    assert agency.contents(campaign_id) == {CLEAN: film}
    assert (asset.model, asset.security_policies, asset.mime_type) == ("ECOMMERCE", (1594,), "video/mp4")
    [[metadata]] = [list(row) for row in agency.world.sql("SELECT full_metadata FROM master_assets")]
    master = fields_by_id(metadata)
    changed = {
        "ARTESIA.FIELD.ASSET DESCRIPTION": ["TEST-JOB"],
        "FERRERO.FIELD.STATE": ["Local"],
        "MAIN_LANGUAGES": ["DE"],
        "FERRERO.FIELD.ASSETCOMPLIANCE": ["-"],
        "MARKETING_TAG": ["Tag"],
        "FERRERO.FIELD.CREATIVEX LINK": ["https://www.bbc.com"],
    }
    wanted = set(agency.world.systems.site.representation.field_ids) - {"ARTESIA.FIELD.ASSET NAME"}
    # Beside its name; the sample masters have no talent.
    assert asset.metadata.keys() == wanted - {"FERRERO.FIELD.TALENT"}
    for field_id, element in asset.metadata.items():
        expected = changed.get(field_id) or field_values(master[field_id], field_id)
        assert field_values(element, field_id) == expected, field_id

    assert agency.waiting() == []
    assert (outcome.status, outcome.failed, outcome.left) == ("A3", (), ())
    assert [(file.stored_name, file.tracking_id) for file in outcome.moved] == [(CLEAN, "ABC123")]
    assert agency.world.events == list(outcome.moved)


def test_what_is_remembered_of_a_final(agency):
    campaign_id = agency.campaign("ABC123")
    file_id = agency.deliver(NAME, b"film")
    agency.settle_and_move(campaign_id)
    [asset] = agency.assets(campaign_id)
    columns = (
        "tracking_id, derivative_filename, file_extension, status, campaign_id, dam_asset_id, box_file_id, sha1_hex"
    )
    assert agency.sql(f"SELECT {columns}, size_bytes FROM derivative_assets") == [
        ("ABC123", CLEAN, "mp4", "active", campaign_id, asset.id, file_id, sha1(b"film"), 4)
    ]
    assert agency.sql(
        "SELECT route, campaign_id, source_id, source_name, state, target_id, target_name, source_hash, adopted, "
        "run_id, attempts FROM transfers"
    ) == [("a2_to_a3", campaign_id, file_id, NAME, "moved", asset.id, CLEAN, "given", False, "run", 1)]
    # The count of the seeds' script.
    assert agency.sql("SELECT COUNT(DISTINCT tracking_id) FROM derivative_assets WHERE status = 'active'") == [1]


def test_people_are_told_of_each_final_and_once_of_the_campaign(agency):
    campaign_id = agency.campaign("ABC123")
    agency.deliver(NAME, b"film", CREATIVEX)
    agency.settle_and_move(campaign_id)
    agency.move(campaign_id)
    [uploaded, complete] = agency.sql("SELECT fact FROM notifications ORDER BY template DESC")
    [asset] = agency.assets(campaign_id)
    expected: dict[str, Any] = {
        "original_name": NAME, "clean_name": CLEAN, "tracking_id": "ABC123", "dam_asset_id": asset.id,
        "creativex_score": "90", "creativex_url": "https://www.bbc.com", "size_bytes": 4, "new_version": False,
    }  # fmt: skip
    assert uploaded.items() >= expected.items()
    assert uploaded["notes"][0] == "Its dimensions could not be read."
    assert uploaded["notes"][1].startswith("24 MVP fields from the master; added: ")
    assert [file["stored_name"] for file in complete["files"]] == [CLEAN]
    assert agency.mails() == [("a2_to_a3_complete", "Spring"), ("a2_to_a3_file_uploaded", NAME)]


def test_a_hundred_finals_are_one_run_within_the_budget_of_calls_and_a_wrong_one_blocks_nothing(agency):
    ids = [f"AA{number:04}" for number in range(100)]
    campaign_id = agency.campaign(*ids)
    for place, tracking_id in enumerate(ids):
        wrong = "wrong_" if not place else ""
        name = f"{wrong}1234567_RAF_DE_de_SPRING_KV_{place:03}_00S_16x9_{tracking_id}.png"
        agency.deliver(name, b"%d" % place, CREATIVEX if place < 50 else None)
    look = agency.settled_look()
    assert agency.starts(look) == {campaign_id: 99}
    dam, box = agency.world.dam.board, agency.world.box.board
    dam.seen.clear()
    box.seen.clear()
    outcome = agency.move(campaign_id)
    assert (len(outcome.moved), outcome.failed, outcome.status) == (99, (), "A2")
    assert [mail for mail in agency.mails() if mail[0] != "a2_to_a3_file_uploaded"] == [
        ("a2_to_a3_upload_failed", agency.waiting()[0])
    ]
    # The address that a content lies at is no call of the API; where the template is missing, Box is asked once more.
    assert len(box.requests()) - len(box.requests(path="^/dl/")) == 3 * 49 + 4 * 50
    listings = len(dam.requests("GET", "/children"))
    assert listings <= 2
    assert len(dam.requests()) - listings - len(dam.requests(path="/jobs/")) <= 2 * 99 + 2
    assert len(dam.requests(path="/jobs/")) == 99
    assert agency.starts() == {}


# --- the campaign's status


def test_the_status_follows_when_the_last_master_has_its_final_days_later(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A2"
    agency.deliver(final_name("AAA002"))
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A3"
    assert agency.sql("SELECT status FROM campaign_status") == ["A3"]
    [complete] = agency.sql("SELECT fact->'files' FROM notifications WHERE template = 'a2_to_a3_complete'")
    assert len(complete) == 2


def test_a_campaign_whose_last_open_master_was_withdrawn_is_advanced_at_the_next_look(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    agency.sql("UPDATE master_assets SET status = 'withdrawn' WHERE tracking_id = 'AAA002' RETURNING 1")
    look = agency.look()
    assert agency.starts(look) == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A3"
    assert agency.starts() == {}


@pytest.mark.parametrize(("of_the_newest", "status"), [(False, "A2"), (True, "A3")])
def test_of_a_master_that_was_replaced_in_the_dam_only_the_newest_version_awaits_a_final(agency, of_the_newest, status):
    world = agency.world
    campaign_id = world.campaign({"Master.png": b"master"})
    world.run(campaign_id)
    [old] = agency.sql("SELECT tracking_id FROM master_assets")
    [asset] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.dam.store.new_version(asset.id, b"corrected")
    world.dam.store.set_status(campaign_id, "A1")
    world.run(campaign_id)
    [new] = agency.sql(f"SELECT tracking_id FROM master_assets WHERE tracking_id <> '{old}'")
    agency.deliver(final_name(new if of_the_newest else old))
    agency.go_on()
    assert (len(agency.assets(campaign_id)), world.dam.store.status(campaign_id)) == (1, status)


def test_when_the_newest_version_of_a_master_is_withdrawn_the_one_before_counts(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    # The first version of an asset has its original's id; the cron scripts noted no other.
    agency.sql(
        "UPDATE master_assets SET original_id = NULL, opentext_id = 'first', created_at = now() - interval '1 day' "
        "WHERE tracking_id = 'AAA001' RETURNING 1",
        "UPDATE master_assets SET original_id = 'first' WHERE tracking_id = 'AAA002' RETURNING 1",
    )
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    assert agency.starts() == {}
    withdraw_masters(agency.world.database, ["AAA002"], DO_IT)
    assert agency.starts() == {campaign_id: 0}


@pytest.mark.parametrize("follows", ["a final", "a withdrawal"])
def test_a_campaign_that_was_opened_again_is_complete_again_only_after_something_more_happened(agency, follows):
    campaign_id = finals_moved(agency)
    store = agency.world.dam.store
    assert store.status(campaign_id) == "A3"
    agency.add_masters(campaign_id, "AAA003") if follows == "a withdrawal" else None
    store.set_status(campaign_id, "A2")
    agency.move(campaign_id)
    agency.go_on()
    assert store.status(campaign_id) == "A2"
    if follows == "a final":
        agency.deliver(final_name("AAA001"), b"corrected")
    else:
        withdraw_masters(agency.world.database, ["AAA003"], DO_IT)
    agency.go_on()
    assert store.status(campaign_id) == "A3"
    assert agency.mails().count(("a2_to_a3_complete", "Spring")) == 2


def test_a_campaign_in_another_status_keeps_it(agency):
    campaign_id = agency.campaign("AAA001", status="A4")
    agency.deliver(final_name("AAA001"))
    assert agency.settle_and_move(campaign_id).status == "A4"
    assert agency.starts() == {}
    assert agency.mails() == [("a2_to_a3_file_uploaded", final_name("AAA001"))]


def test_the_site_may_leave_the_status_to_people(agency):
    agency = agency.with_site(agency={"advance_when_complete": False})
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    assert agency.settle_and_move(campaign_id).status == "A2"
    assert agency.starts() == {}


def test_a_person_who_moves_the_campaign_on_meanwhile_wins(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    by_hand = Fault(method="PUT", path="/state$", before=lambda: agency.world.dam.store.set_status(campaign_id, "A4"))
    agency.world.dam.board.add(by_hand)
    assert agency.settle_and_move(campaign_id).status == "A4"
    assert agency.sql("SELECT outcome FROM campaign_rounds") == ["overtaken"]
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A4"
    assert agency.starts() == {}


def test_an_advance_whose_end_nobody_saw_is_reported_once_or_given_up_when_people_went_on(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.world.dam.board.add(Fault(method="GET", path="/folders/0+1$", skip=2, times=5, status=503))
    agency.settled_look()
    with pytest.raises(FerreroError):
        agency.move(campaign_id)
    agency.later()
    agency.world.dam.store.set_status(campaign_id, "A4")
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A4"
    assert agency.starts() == {}
    assert ("a2_to_a3_complete", "Spring") not in agency.mails()


HIDDEN = Fault(
    path="0{39}1", status=404, times=None, body='{"exception_body": {"message": "No."}}',
    headers={"Content-Type": "application/json"},
)  # fmt: skip


def test_a_campaign_that_is_hidden_when_an_unfinished_run_goes_on_is_complete_under_its_name(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    board = agency.world.dam.board
    board.add(Fault(method="PATCH", path="0{39}1$", times=None, status=503))
    agency.settled_look()
    with pytest.raises(FerreroError):
        agency.move(campaign_id)
    board.clear()
    board.add(HIDDEN)
    agency.later()
    assert agency.starts() == {campaign_id: 0}
    assert agency.move(campaign_id).status == "A3"
    assert ("a2_to_a3_complete", "Spring") in agency.mails()
    assert agency.starts() == {}


def test_a_campaign_that_its_new_status_hides_from_us_is_complete_and_people_read_so(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    board = agency.world.dam.board
    board.add(Fault(method="PATCH", path="0{39}1$", before=lambda: board.add(HIDDEN), drop_answer=True))
    agency.settled_look()
    assert agency.move(campaign_id).status == "A3"
    assert agency.world.dam.store.status(campaign_id) == "A3"
    [notes] = agency.sql("SELECT fact->'notes' FROM notifications WHERE template = 'a2_to_a3_complete'")
    assert "does not show us the campaign any more" in notes[0]


def test_a_locked_campaign_is_tried_again_with_pauses(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.world.dam.store.lock(campaign_id)
    agency.settled_look()
    with pytest.raises(FerreroError, match="locked in the DAM"):
        agency.move(campaign_id)
    assert agency.starts() == {}
    agency.world.dam.store.unlock(campaign_id)
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A2"
    agency.later()
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A3"


# --- names that the DAM holds already


def test_what_the_dam_holds_already_is_adopted(agency):
    campaign_id = agency.campaign("AAA001")
    agency.world.dam.store.add_asset(agency.folder(campaign_id), clean_name("AAA001"), b"final")
    agency.deliver(final_name("AAA001"), b"final")
    agency.settle_and_move(campaign_id)
    assert seen(agency.world.dam, "POST", "/assets$", times=0)
    assert len(agency.assets(campaign_id)) == 1
    assert agency.sql("SELECT adopted, state FROM transfers") == [(True, "moved")]


def test_a_final_delivered_twice_is_one_asset_and_one_active_derivative(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"one" * 1000)
    agency.go_on()
    assert agency.waiting() == []
    assert len(agency.assets(campaign_id)) == 2
    assert agency.sql("SELECT status FROM derivative_assets WHERE tracking_id = 'AAA001' ORDER BY id") == [
        "replaced",
        "active",
    ]


def test_other_content_becomes_a_new_version(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"better")
    agency.go_on()
    assert agency.contents(campaign_id)[clean_name("AAA001")] == b"better"
    assert {asset.name: asset.version for asset in agency.assets(campaign_id)} == {
        clean_name("AAA001"): 2,
        clean_name("AAA002"): 1,
    }
    assert agency.sql("SELECT fact->>'new_version' FROM notifications WHERE template LIKE '%uploaded' ORDER BY id") == [
        "false",
        "false",
        "true",
    ]


def test_other_content_may_be_refused_or_stand_beside(agency):
    campaign_id = finals_moved(agency)
    agency.deliver(final_name("AAA001"), b"better")
    refusing = agency.with_site(agency={"on_existing_name": "refuse"})
    outcome = refusing.settle_and_move(campaign_id)
    assert [file.reason for file in outcome.failed] == [
        f"The DAM already holds another {clean_name('AAA001')}; rename the file."
    ]
    assert agency.waiting() == [final_name("AAA001")]
    agency.sql("UPDATE transfers SET state = 'pending' WHERE state = 'set_aside' RETURNING 1")
    agency.with_site(agency={"on_existing_name": "duplicate"}).move(campaign_id)
    assert [asset.name for asset in agency.assets(campaign_id)].count(clean_name("AAA001")) == 2


@pytest.mark.parametrize("setting", ["new_version", "duplicate", "refuse"])
def test_what_an_import_of_ours_spoiled_is_mended_in_place_whatever_the_site_says_of_names(agency, setting):
    agency = agency.with_site(agency={"on_existing_name": setting})
    agency.world.dam.settings.truncated_imports = 2
    campaign_id = finals_moved(agency)
    assert {asset.version for asset in agency.assets(campaign_id)} == {2}
    assert agency.contents(campaign_id)[clean_name("AAA001")] == b"one" * 1000


def test_of_two_files_with_one_clean_name_the_older_goes_first_and_the_younger_becomes_its_new_version(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"older")
    agency.deliver(final_name("AAA001").replace("1234567", "7654321"), b"younger")
    assert len(agency.settle_and_move(campaign_id).moved) == 1
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"older"}
    agency.go_on()
    assert agency.contents(campaign_id) == {clean_name("AAA001"): b"younger"}
    assert agency.waiting() == []


def test_two_finals_of_one_master_are_both_linked_to_it(agency):
    campaign_id = agency.campaign("AAA001")
    names = [final_name("AAA001", subject=subject) for subject in ("LONG", "SHORT")]
    for name in names:
        agency.deliver(name)
    agency.go_on()
    assert len(agency.assets(campaign_id)) == 2
    assert agency.sql("SELECT DISTINCT tracking_id FROM derivative_assets") == ["AAA001"]


def test_a_reworked_file_comes_back_as_a_new_version_of_the_same_asset(agency):
    """Master, final, sent back by the DAM (A5), corrected by the agency: one asset in two versions."""
    world, rework = agency.world, A5
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"), b"first")
    agency.go_on()
    world.dam.store.set_status(campaign_id, "A5")
    assert world.run(campaign_id, rework).status == "A6"
    [path] = [path for path in world.box.store.tree() if "/Rework/" in path]
    assert path.endswith(f"/Rework/{clean_name('AAA001').replace('.png', '_AAA001.png')}")
    agency.deliver(final_name("AAA001"), b"corrected")
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    assert (asset.version, agency.contents(campaign_id)) == (2, {clean_name("AAA001"): b"corrected"})
    assert world.dam.store.status(campaign_id) == "A6"


def test_while_another_run_moves_the_campaign_this_one_moves_nothing(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.settled_look()
    with agency.world.database.lock(f"a2_to_a3:{campaign_id}"):
        outcome = agency.move(campaign_id)
    assert outcome.nothing == "Another run is moving this campaign's finals just now; this one moved nothing."
    assert agency.waiting() == [final_name("AAA001")]
