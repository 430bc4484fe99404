"""One stubborn final in each of ten campaigns is counted, told by name and set aside; all else arrives."""

from typing import Any

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.transfer.finals.agency_world import final_name

LONG, PAGE = {"Retry-After": "36000"}, {"Content-Type": "text/html"}
IMPORT: dict[str, Any] = {"method": "POST", "path": "v6/assets$", "holding": "STUBBORN"}

# Whose board, and what goes wrong for ever; ID is the file's.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "not ready": ("box", {"path": "/ID/content$", "status": 202, "headers": {"Retry-After": "0"}}),
    "not ready for hours": ("box", {"path": "/ID/content$", "status": 202, "headers": LONG}),
    "unavailable": ("box", {"path": "/ID/content$", "status": 503}),
    "ten hours": ("box", {"path": "/ID/content$", "status": 429, "headers": LONG}),
    "no answer": ("box", {"path": "/ID/content$", "drop_answer": True}),
    "not told of": ("box", {"method": "GET", "path": "files/ID$", "status": 500}),
    "import fails": ("dam", {**IMPORT, "status": 503}),
    "import is not answered": ("dam", {**IMPORT, "status": 504}),
    "import shows a page": ("dam", {**IMPORT, "status": 200, "body": "<html>", "headers": PAGE}),
    "import may not be": ("dam", {**IMPORT, "status": 403}),
}


def deliver_stubborn(agency, number, kind):
    """The campaign's file of this kind beside a good one."""
    tracking_id = f"BAD{number:03}"
    agency.campaign(tracking_id)
    agency.deliver(final_name(tracking_id))
    name = final_name(tracking_id, subject=f"STUBBORN{number}")
    file_id = agency.deliver(name)
    where, values = KINDS[kind]
    values = {**values, "path": values["path"].replace("ID", file_id)}
    if "holding" in values:
        values["holding"] = f"STUBBORN{number}"
    getattr(agency.world, where).board.add(Fault(times=None, **values))
    return name


@pytest.mark.fault(73)
def test_of_fifty_campaigns_with_ten_stubborn_finals_all_else_arrives_and_ten_mails_name_ten_files(agency):
    agency = agency.with_site(
        agency={"runs_per_tick": 60, "max_attempts": 3}, dam_import={"job_timeout_s": 60, "metadata_mismatch": "warn"}
    )
    stubborn = [deliver_stubborn(agency, number, kind) for number, kind in enumerate(KINDS)]
    for number in range(40):
        agency.campaign(f"GUT{number:03}")
        agency.deliver(final_name(f"GUT{number:03}"))
    agency.go_on()
    assert agency.errors == []
    assert agency.waiting() == sorted(stubborn)
    assert agency.sql("SELECT DISTINCT attempts FROM transfers WHERE state = 'set_aside'") == [3]
    assert agency.sql("SELECT count(*) FROM transfers WHERE state = 'moved'") == [50]
    assert agency.sql("SELECT count(*) FROM outages") == [0]
    told = [name for template, name in agency.mails() if template == "a2_to_a3_upload_failed"]
    assert sorted(told) == sorted(stubborn)
    assert not [mail for mail in agency.mails() if mail[0] == "workflow_error"]
    reasons = agency.sql("SELECT fact->>'reason' FROM notifications WHERE template = 'a2_to_a3_upload_failed'")
    assert any("Box is unavailable (503)" in reason for reason in reasons)
