"""The table of what changes something is what the clients call, and its tests are there (FAULTS 61)."""

import re
from pathlib import Path

import pytest

from ferrero_dagster.clients.repeats import REQUESTS, is_repeated
from ferrero_dagster_tests import requests_table

TESTS = "\n".join(path.read_text(encoding="utf-8") for path in Path(requests_table.__file__).parent.rglob("test_*.py"))


@pytest.mark.fault(61)
def test_every_call_of_ours_that_changes_something_is_in_the_table_once_and_nothing_else_is() -> None:
    calls = {call for call in requests_table.called() if call[1] != "OPTIONS"}
    rows = {call: [row.what for row in REQUESTS if row.is_meant(*call[:3], has_digest=call[3])] for call in calls}
    assert {call: len(found) for call, found in rows.items()} == dict.fromkeys(calls, 1)
    assert sorted({(call[0], *found) for call, found in rows.items()}) == sorted((r.system, r.what) for r in REQUESTS)


def test_what_the_table_does_not_know_is_sent_once() -> None:
    assert is_repeated("Box", "GET", "/anything")
    assert not is_repeated("Box", "POST", "/2.0/webhooks")
    assert not is_repeated("DAM", "DELETE", "/assets/1")
    assert not is_repeated("DAM", "POST", "/assets")


def test_the_page_of_requests_is_what_the_table_gives() -> None:
    page = requests_table.PAGE.read_text(encoding="utf-8")
    assert page == requests_table.page(), "the table has changed: `make faults` writes docs/REQUESTS.md anew"


def test_every_row_names_tests_that_are_there() -> None:
    assert set(requests_table.TESTS) == {(request.system, request.what) for request in REQUESTS}
    named = {name for names in requests_table.TESTS.values() for name in names}
    assert [name for name in named if not re.search(rf"def {name}\(", TESTS)] == []
