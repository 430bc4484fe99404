"""Box → DAM while all is well: what arrives, what is written down, what people are told, what it costs."""

from typing import Any

import pytest

from ferrero_dagster.domain.otmm.dates import is_same_date
from ferrero_dagster.domain.otmm.metadata import field_values, fields_by_id
from ferrero_dagster_tests.fix_world import sha1
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, final_name

NAME = "1234567_RAF_DE_de_TEST-JOB_OLV_001_6S_16x9_ABC123.mp4"
CLEAN = "RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4"


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
        "FERRERO.TAB.FIELD.CREATIVEX": ["90"],
        "FERRERO.FIELD.MKTG.ASSET TYPE": ["OLV"],
        "FERRERO.MASTERASSETIDS": agency.sql("SELECT opentext_id FROM master_assets"),
    }
    wanted = set(agency.world.systems.site.representation_rules.field_ids) - {"ARTESIA.FIELD.ASSET NAME"}
    # Beside its name; the sample masters have no talent, and an empty field for music.
    assert asset.metadata.keys() == wanted - {"FERRERO.FIELD.TALENT", "FERRERO.FIELD.MUSIC"}
    for field_id, element in asset.metadata.items():
        expected = changed.get(field_id) or field_values(master[field_id], field_id)
        found = field_values(element, field_id)
        assert found == expected or is_same_date(found[0], expected[0]), field_id

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
        "original_name": NAME,
        "clean_name": CLEAN,
        "tracking_id": "ABC123",
        "dam_asset_id": asset.id,
        "creativex_score": "90",
        "creativex_url": "https://www.bbc.com",
        "size_bytes": 4,
        "new_version": False,
    }
    assert uploaded.items() >= expected.items()
    assert uploaded["notes"][0].startswith("27 fields found in the master; made: ")
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


@pytest.mark.fault(35)
def test_while_another_run_moves_the_campaign_this_one_moves_nothing(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(final_name("AAA001"))
    agency.settled_look()
    with agency.world.database.lock(f"a2_to_a3:{campaign_id}"):
        outcome = agency.move(campaign_id)
    assert outcome.nothing == "Another run is moving this campaign's finals just now; this one moved nothing."
    assert agency.waiting() == [final_name("AAA001")]
