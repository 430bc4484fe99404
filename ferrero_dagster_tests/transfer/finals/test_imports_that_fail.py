"""Finals whose import the DAM refuses, loses or fails: what counts as an attempt, and that nothing is made twice."""

import json
from typing import Any

import pytest

from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, Agency, clean_name

ATTEMPTS = "SELECT state, attempts, import_began_at IS NOT NULL, job_id IS NOT NULL FROM transfers"


def said(message: str, code: int = 1) -> dict[str, Any]:
    """An answer in which the DAM itself says why not."""
    body = {"exception_body": {"http_response_code": 500, "error_code": code, "message": message}}
    return {"status": 500, "body": json.dumps(body), "headers": JSON}


def delivered(agency: Agency) -> str:
    """A campaign with a final that is ready."""
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    return campaign_id


def wait(agency: Agency, minutes: int) -> None:
    """So many minutes pass."""
    shift = f"- interval '{minutes} min'"
    agency.sql(
        f"UPDATE transfers SET updated_at = updated_at {shift}, import_began_at = import_began_at {shift} RETURNING 1"
    )
    agency.sql(f"UPDATE outages SET last_failure_at = last_failure_at {shift} RETURNING 1")


@pytest.mark.fault(60)
def test_refusals_leave_no_doubt_and_waiting_out_a_doubt_is_no_attempt(agency):
    campaign_id = delivered(agency)
    imports: dict[str, Any] = {"method": "POST", "path": "/assets$"}
    for attempt in (1, 2):
        agency.world.dam.board.add(Fault(**imports, **said("The repository is read-only.")))
        assert len(agency.move(campaign_id).failed) == 1
        assert agency.sql(ATTEMPTS) == [("pending", attempt, False, False)]
    agency.world.dam.board.add(Fault(**imports, status=502, body="<html>Bad gateway"))
    assert len(agency.move(campaign_id).failed) == 1
    downloads = len(agency.world.box.board.requests("GET", "/dl/"))
    for minutes in (0, 3, 3, 3):
        wait(agency, minutes)
        assert minutes == 0 or agency.starts() == {campaign_id: 1}
        assert len(agency.move(campaign_id).left) == 1
        assert agency.starts() == {}, "it is looked for every three minutes, not at every look"
        assert agency.sql(ATTEMPTS) == [("pending", 3, True, False)]
    assert len(agency.world.box.board.requests("GET", "/dl/")) == downloads, "for waiting no film is fetched"
    wait(agency, 3)
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]
    assert seen(agency.world.dam, "POST", "/assets$", times=4)
    assert agency.mails().count(("a2_to_a3_upload_failed", ONE)) == 0


@pytest.mark.fault(17, 60)
def test_what_a_lost_import_has_made_is_taken_at_the_next_attempt(agency):
    campaign_id = delivered(agency)
    agency.world.dam.board.add(Fault(method="POST", path="/assets$", drop_answer=True))
    assert len(agency.move(campaign_id).failed) == 1
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]
    assert seen(agency.world.dam, "POST", "/assets$", times=1)


@pytest.mark.fault(60)
def test_a_job_that_the_dam_says_has_failed_is_forgotten_and_the_final_imported_anew(agency):
    campaign_id = delivered(agency)
    agency.world.dam.settings.failing_jobs = 1
    agency.world.dam.board.add(Fault(path="/jobs/[0-9]+/assets$", times=None, **said("Import job 7 failed.")))
    assert "Import job 7 failed" in agency.move(campaign_id).failed[0].reason
    assert agency.sql(ATTEMPTS) == [("pending", 1, False, False)]
    agency.world.dam.board.clear()
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]
    assert seen(agency.world.dam, "POST", "/assets$", times=2)
    assert len(agency.assets(campaign_id)) == 1


@pytest.mark.fault(60)
def test_a_final_that_was_set_aside_with_its_jobs_arrives_once_it_is_released(agency):
    agency = agency.with_site(agency={"max_attempts": 2})
    campaign_id = delivered(agency)
    agency.world.dam.settings.failing_jobs = 2
    agency.world.dam.board.add(Fault(path="/jobs/[0-9]+/assets$", times=2, **said("The job was aborted.")))
    for _ in range(2):
        agency.move(campaign_id)
    assert agency.sql(ATTEMPTS) == [("set_aside", 2, False, False)]
    release_set_aside_files(
        agency.world.database, FileSelection(everything=True), Request(done_by="Maria", dry_run=False)
    )
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]


@pytest.mark.fault(60)
@pytest.mark.parametrize("path", ["/v6/assets$", "/jobs/[0-9]+/assets$"])
def test_a_film_that_the_dam_never_takes_is_set_aside_at_once_in_the_dams_own_words(agency, path):
    campaign_id = delivered(agency)
    agency.world.dam.settings.failing_jobs = 1
    agency.world.dam.board.add(Fault(path=path, **said("Restricted file extension.", 1000)))
    agency.move(campaign_id)
    assert agency.sql("SELECT state, attempts, last_error FROM transfers") == [
        ("set_aside", 1, "The DAM does not take such a file: Restricted file extension (error 1000).")
    ]
    assert agency.mails() == [("a2_to_a3_upload_failed", ONE)]


@pytest.mark.fault(60)
def test_an_import_that_is_answered_with_its_asset_needs_no_job(agency):
    campaign_id = delivered(agency)
    store, folder_id = agency.world.dam.store, agency.folder(campaign_id)
    answer = Fault(method="POST", path="/assets$", status=201, headers=JSON)

    def imported():
        asset_id = store.add_asset(folder_id, clean_name("AAA001"), ONE.encode())
        answer.body = json.dumps({"asset_resource": {"asset": {"asset_id": asset_id}}})

    answer.before = imported
    agency.world.dam.board.add(answer)
    assert [file.name for file in agency.move(campaign_id).moved] == [ONE]
    assert seen(agency.world.dam, "GET", "/jobs/", times=0)
    assert agency.contents(campaign_id) == {clean_name("AAA001"): ONE.encode()}
