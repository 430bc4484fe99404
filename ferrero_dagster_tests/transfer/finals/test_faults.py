"""Box → DAM on bad days: whatever goes wrong for a while, in the end all is as if nothing had (FAULTS.md)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, Agency, clean_name, finals_moved

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


@pytest.mark.fault(1, 2, 4, 7, 10, 11, 17, 40, 41)
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


@pytest.mark.fault(8)
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


@pytest.mark.fault(9, 17)
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
