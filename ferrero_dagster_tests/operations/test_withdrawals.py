import pytest

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster_tests.operations.stuck import campaign, master, rows, seen


@pytest.fixture
def masters(database):
    seen(database, campaign())
    master(database, "AAAAAA", name="Hero film.mp4")
    master(database, "BBBBBB")
    master(database, "CCCCCC", status="withdrawn")
    return database


def states(database):
    return {r["tracking_id"]: r["status"] for r in rows(database, "SELECT tracking_id, status FROM master_assets")}


def test_a_dry_run_names_the_masters_and_changes_nothing(masters):
    outcome = withdraw_masters(masters, ["AAAAAA"], Request(done_by="Maria"))
    assert [change.row() for change in outcome.changes] == [
        {
            "what": "AAAAAA: Hero film.mp4 of campaign C000000078 Local adaptation test 2",
            "before": "status: active",
            "after": "status: withdrawn",
        }
    ]
    assert states(masters)["AAAAAA"] == "active"


def test_only_the_masters_that_are_named_are_withdrawn_and_it_is_recorded_who_did_it(masters):
    assert str(withdraw_masters(masters, [" AAAAAA "], Request(done_by="Maria", dry_run=False))) == "1 changed."
    assert states(masters) == {"AAAAAA": "withdrawn", "BBBBBB": "active", "CCCCCC": "withdrawn"}
    assert rows(masters, "SELECT operation, done_by, before, after FROM operations") == [
        {
            "operation": "withdraw_masters",
            "done_by": "Maria",
            "before": {"status": "active"},
            "after": {"status": "withdrawn"},
        }
    ]


@pytest.mark.parametrize(
    ("tracking_ids", "sentence"),
    [
        ([], "Name masters by their tracking IDs"),
        (["", " "], "Name masters by their tracking IDs"),
        (["AAAAAA", "CCCCCC", "ZZZZZZ"], "No active master has the tracking ID CCCCCC, ZZZZZZ"),
    ],
)
def test_a_withdrawal_of_what_is_not_active_is_refused(masters, tracking_ids, sentence):
    with pytest.raises(OperationRefused, match=sentence):
        withdraw_masters(masters, tracking_ids, Request(done_by="Maria", dry_run=False))
    assert states(masters)["AAAAAA"] == "active"
