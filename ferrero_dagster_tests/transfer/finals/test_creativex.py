"""Score and link of CreativeX are read when a final moves, and never block it (SPEC 4.3)."""

import json

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, TWO


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


@pytest.mark.fault(52)
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
    agency.world.box.board.add(Fault(path="/metadata/", status=status, body=json.dumps(body), headers=JSON))
    assert len(agency.settle_and_move(campaign_id).moved) == 1
    [fact] = agency.sql("SELECT fact FROM notifications WHERE template LIKE '%uploaded'")
    assert (fact["creativex_score"], fact["creativex_url"]) == (None, None)
    assert any("creativex" in note.lower() for note in fact["notes"][1:]) == (status != 404)


@pytest.mark.fault(52)
def test_a_template_with_fields_named_like_boxs_own_is_read_all_the_same(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    odd = {
        "creativexScore": 7.5,
        "creativexUrl": "https://x.example/1",
        "version": "a",
        "id": "b",
        "scope": "c",
        "type": "d",
        "template": "\\u0000\0",
        "parent": "e",
    }
    agency.deliver(ONE, creativex=odd)
    file_id = agency.deliver(TWO)
    agency.settled_look()
    agency.world.box.store.set_metadata(file_id, odd)
    agency.move(campaign_id)
    links = {agency.world.dam.store.value(a.id, "FERRERO.FIELD.CREATIVEX LINK") for a in agency.assets(campaign_id)}
    assert links == {"https://x.example/1"}
