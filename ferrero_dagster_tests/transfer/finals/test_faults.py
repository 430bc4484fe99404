"""Box → DAM on bad days: whatever goes wrong for a while, in the end all is as if nothing had (FAULTS.md)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, REFUSAL
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, TWO, Agency, clean_name, finals_moved

NO_PAUSE, PAGE = {"Retry-After": "0"}, {"Content-Type": "text/html"}
NO_ADDRESS = '{"type": "file", "id": "1", "etag": "0"}'
NO_ASSETS = '{"assets_resource": {"collection_summary": {}}}'

# Where, and what goes wrong there for a while. Of the answers of a DAM or Box that is out, a client tries five.
FAULTS = {
    "listing: Box is out": ("Box", Fault(path="/items", times=12, status=503)),
    "listing: too many requests": ("Box", Fault(path="/items", status=429, headers=NO_PAUSE)),
    "listing: cut off": ("Box", Fault(path="/items", times=2, cut_after_bytes=200)),
    "listing: no entries": ("Box", Fault(path="/items", times=2, status=200, body='{"entries": null}', headers=JSON)),
    "listing: not JSON": ("Box", Fault(path="/items", times=2, status=200, body="<html>")),
    "log-in expires in Box": ("Box", Fault(skip=2, status=401)),
    # Five times for each of two files: fewer, and one of them alone might meet it.
    "file: Box is out": ("Box", Fault(method="GET", path="/files/[0-9]+$", times=10, status=503)),
    "file: Box does not say where": (
        "Box",
        Fault(method="GET", path="/files/[0-9]+$", status=200, body=NO_ADDRESS, headers=JSON),
    ),
    "metadata: Box is out": ("Box", Fault(path="/metadata/", times=4, status=500)),
    "content: Box is out": ("Box", Fault(path="/content$", times=30, status=503)),
    "content: not ready yet": ("Box", Fault(path="/content$", status=202, headers=NO_PAUSE)),
    "content: address expired": ("Box", Fault(path="^/dl/", status=403)),
    "content: cut off": ("Box", Fault(path="^/dl/", times=5, cut_after_bytes=1000)),
    "content: other bytes": ("Box", Fault(path="^/dl/", status=200, body="other")),
    "content: a web page": ("Box", Fault(path="^/dl/", times=2, status=200, body="<html>")),
    "content: connection lost": ("Box", Fault(path="^/dl/", drop_answer=True)),
    "deleting: answer lost": ("Box", Fault(method="DELETE", drop_answer=True)),
    "deleting: Box is out": ("Box", Fault(method="DELETE", times=10, status=503)),
    "log-in expires in the DAM": ("DAM", Fault(skip=2, status=401)),
    "log-in expires during the upload": ("DAM", Fault(method="POST", path="/assets$", status=401)),
    "log-in fails": ("DAM", Fault(path="/oauth2/token", times=6, status=500)),
    "campaign: DAM is out": ("DAM", Fault(path="/folders/0+1$", times=6, status=503)),
    "target folder: not answered": ("DAM", Fault(path="/children$", times=6, status=503)),
    "target folder: a web page": ("DAM", Fault(path="/children$", times=12, status=200, headers=PAGE)),
    "import: answer lost": ("DAM", Fault(method="POST", path="/assets$", drop_answer=True)),
    "both imports: answers lost": ("DAM", Fault(method="POST", path="/assets$", times=2, drop_answer=True)),
    "import: not answered": ("DAM", Fault(method="POST", path="/assets$", status=503)),
    "import: slow down": ("DAM", Fault(method="POST", path="/assets$", status=429)),
    "import: error without effect": (
        "DAM",
        Fault(method="POST", path="/assets$", times=2, status=500, body=REFUSAL, headers=JSON),
    ),
    "import: answer without a job": ("DAM", Fault(method="POST", path="/assets$", status=202, body="{}", headers=JSON)),
    "job: DAM is out": ("DAM", Fault(path="/jobs/", times=12, status=503)),
    "job: unknown for a while": ("DAM", Fault(path="/jobs/", times=3, status=404, body=REFUSAL, headers=JSON)),
    "everything: DAM is out with a page of 404": (
        "DAM",
        Fault(path="/v6/[^s]", times=24, status=404, body="<html>HTTP Status 404 - Not Found</html>", headers=PAGE),
    ),
    "job: not JSON": ("DAM", Fault(path="/jobs/", times=6, status=200, body="?")),
    "job: answer lost": ("DAM", Fault(path="/jobs/", drop_answer=True)),
    "asset: not shown yet": (
        "DAM",
        Fault(method="GET", path="/assets$", status=200, body=NO_ASSETS, headers=JSON),
    ),
    "asset: DAM is out": ("DAM", Fault(method="GET", path="/v6/assets$", times=12, status=503)),
    "status: somebody has the campaign open": ("DAM", Fault(method="PATCH", times=2, status=409)),
    # Sent once by each run (SPEC 3.5).
    "status: DAM is out": ("DAM", Fault(method="PATCH", times=2, status=503)),
    "status: answer lost": ("DAM", Fault(method="PATCH", drop_answer=True)),
    "status: accepted, not applied": ("DAM", Fault(method="PATCH", status=200)),
}

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
        served.board.add(replace(fault))

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


STILL_AT_WORK = f"The DAM may still be at work on an import of {clean_name('AAA001')} whose answer was lost."


@pytest.mark.fault(9, 17, 60)
def test_while_a_lost_import_may_still_be_at_work_none_is_started(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.world.dam.board.add(Fault(method="POST", path="/assets$", status=504))
    agency.settled_look()
    assert len(agency.move(campaign_id).failed) == 1
    outcome = agency.move(campaign_id)
    assert ([file.reason for file in outcome.left], outcome.failed) == ([STILL_AT_WORK], ())
    assert agency.sql("SELECT attempts, last_error FROM transfers") == [(1, STILL_AT_WORK)]
    assert len(agency.world.dam.board.requests("POST", "/assets$")) == 1
    # What the DAM then shows without a checksum is recognized by its size.
    agency.world.dam.store.add_asset(agency.folder(campaign_id), clean_name("AAA001"), ONE.encode(), checksum=False)
    assert len(agency.move(campaign_id).moved) == 1
    assert len(agency.assets(campaign_id)) == 1


@pytest.mark.fault(63)
def test_a_web_page_that_is_named_as_a_film_is_set_aside_with_one_sentence_and_no_other_waits(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"<!DOCTYPE html><title>Log in</title>")
    agency.deliver(TWO)
    agency.go_on()
    assert agency.waiting() == [ONE]
    assert [asset.name for asset in agency.assets(campaign_id)] == [clean_name("AAA002")]
    [reason] = agency.sql("SELECT fact->>'reason' FROM notifications WHERE fact->>'file_name' = '" + ONE + "'")
    assert reason.startswith(f"{ONE} is a web page, whatever its ending says; ")
