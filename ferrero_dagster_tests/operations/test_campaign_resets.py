from typing import Any

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries
from ferrero_dagster.operations.changes import Request
from ferrero_dagster_tests.operations.stuck import NO_FOLDER, campaign, failed, patience, rows, seen, waiting

SITE = load_site()
DO_IT = Request(done_by="Maria Rossi", dry_run=False, run_id="run 1")


def reset(database, *names, request=DO_IT, **selection):
    return reset_campaign_retries(database, SITE, CampaignSelection(names=names, **selection), request)


@pytest.mark.parametrize("name", ["a" * 40, "C000000078", " Local adaptation test 2 "])
def test_a_campaign_is_reset_by_id_number_or_name_and_its_next_attempt_starts_at_once(database, name):
    failed(database, campaign())
    failed(database, campaign("b", "C2", "other"))
    outcome = reset(database, name)
    assert [change.target for change in outcome.changes] == [
        f"a1_to_a2: C000000078 Local adaptation test 2 ({'a' * 40})"
    ]
    assert str(outcome) == "1 changed."
    reset_one, untouched = patience(database, campaign()), patience(database, campaign("b"))
    assert (reset_one.retry_count, reset_one.permanently_failed, reset_one.failure_reason) == (0, False, None)
    assert untouched.permanently_failed
    [failures] = rows(database, "SELECT failed_attempts FROM campaign_rounds WHERE campaign_id = %s", "a" * 40)
    assert failures["failed_attempts"] == 0


def test_every_reset_is_recorded_with_who_what_before_and_after(database):
    failed(database, campaign())
    reset(database, "C000000078")
    [record] = rows(database, "SELECT * FROM operations")
    assert (record["operation"], record["done_by"], record["run_id"]) == (
        "reset_campaign_retries",
        "Maria Rossi",
        "run 1",
    )
    assert record["before"] == {
        "polls in vain": 3,
        "errors": 3,
        "permanently failed": True,
        "reason": NO_FOLDER,
        "failed runs": 3,
    }
    assert record["after"]["permanently failed"] is False


def test_a_dry_run_shows_the_same_and_changes_nothing(database):
    failed(database, campaign())
    outcome = reset(database, "C000000078", request=Request(done_by="Maria"))
    assert outcome.changes[0].row()["after"] == (
        "polls in vain: 0, errors: 0, not permanently failed, no reason, failed runs: 0"
    )
    assert patience(database, campaign()).permanently_failed
    assert rows(database, "SELECT FROM operations") == []


def test_all_failed_takes_the_failed_of_every_route_or_of_one(database):
    failed(database, campaign())
    failed(database, campaign("b", "C2", "rework", "A5"), prefix="a5", route="a5_to_a6")
    waiting(database, campaign("c", "C3", "empty"), polls=30)
    assert len(reset(database, all_failed=True, request=Request(done_by="M")).changes) == 2
    outcome = reset(database, all_failed=True, route="a5_to_a6")
    assert [change.target for change in outcome.changes] == [f"a5_to_a6: C2 rework ({'b' * 40})"]
    assert len(reset(database, all_failed=True, failed_for_days=30).changes) == 0
    assert len(reset(database, all_failed=True).changes) == 1
    assert str(reset(database, all_failed=True)) == "There is nothing to change."


REFUSALS: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    ((), {}, "No campaign is selected"),
    (("  ",), {}, "No campaign is selected"),
    (("C000000078", "C9", "x'; --"), {}, "name 'C9'; No campaign is known by the id, number or name \"x'; --\"."),
    (("C000000078", "C2"), {}, f"'C2' is 2 campaigns, choose one by its id ({'b' * 40}, {'c' * 40})"),
    (("C000000078",), {"route": "a2_to_a3"}, "no route 'a2_to_a3'; expected one of a1_to_a2, a5_to_a6, b1_to_b2"),
    (("C000000078",), {"all_failed": True}, "not both"),
    (("C000000078",), {"request": Request(done_by=" ", dry_run=False)}, "done_by is empty"),
]


def test_what_cannot_be_meant_is_refused_in_one_sentence_before_anything_changes(database):
    failed(database, campaign())
    seen(database, campaign("b", "C2", "twin"), campaign("c", "C2", "twin"))
    for names, selection, sentence in REFUSALS:
        with pytest.raises(OperationRefused) as refused:
            reset(database, *names, **selection)
        assert sentence in str(refused.value)
    assert patience(database, campaign()).permanently_failed
