import pytest

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files, resend_notifications
from ferrero_dagster_tests.operations.stuck import campaign, message, rows, seen, set_aside_file

DO_IT = Request(done_by="Maria Rossi", dry_run=False)


def states(database):
    found = rows(database, "SELECT tracking_id, state, attempts FROM transfers ORDER BY tracking_id")
    return {row["tracking_id"]: (row["state"], row["attempts"]) for row in found}


@pytest.fixture
def files(database):
    seen(database, campaign(), campaign("b", "C2", "other"))
    set_aside_file(database, "AAAAAA")
    set_aside_file(database, "BBBBBB", route="a1_to_a2")
    set_aside_file(database, "CCCCCC", campaign_id="b" * 40)
    return database


@pytest.mark.parametrize(
    ("selection", "released"),
    [
        ({"tracking_ids": ["AAAAAA"]}, "A"),
        ({"file_names": ["film_BBBBBB.mp4"]}, "B"),
        ({"campaigns": ["C000000078"]}, "AB"),
        ({"campaigns": ["C2"], "tracking_ids": ["AAAAAA"]}, "AC"),
        ({"everything": True}, "ABC"),
    ],
)
def test_files_are_released_by_id_name_campaign_or_all_in_both_directions(files, selection, released):
    outcome = release_set_aside_files(files, FileSelection(**selection), DO_IT)
    assert len(outcome.changes) == len(released)
    assert {id_[0] for id_, state in states(files).items() if state == ("pending", 0)} == set(released)
    recorded = rows(files, "SELECT target, before FROM operations ORDER BY id")
    assert {row["before"]["attempts"] for row in recorded} == {5}


def test_a_dry_run_of_a_release_changes_nothing(files):
    outcome = release_set_aside_files(files, FileSelection(everything=True), Request(done_by="Maria"))
    assert outcome.changes[0].row() == {
        "what": "a2_to_a3: film_AAAAAA.mp4 (AAAAAA)",
        "before": "state: set aside, attempts: 5",
        "after": "state: pending, attempts: 0",
    }
    assert set(states(files).values()) == {("set_aside", 5)}


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        ({}, "Choose either"),
        ({"everything": True, "tracking_ids": ["AAAAAA"]}, "Choose either"),
        ({"tracking_ids": ["AAAAAA", "ZZZZZZ"], "file_names": ["no.mp4"]}, "tracking ID ZZZZZZ and none with the name"),
        ({"campaigns": ["C9"]}, "No campaign is known"),
    ],
)
def test_a_release_of_what_is_not_set_aside_is_refused(files, selection, sentence):
    with pytest.raises(OperationRefused, match=sentence):
        release_set_aside_files(files, FileSelection(**selection), DO_IT)
    assert set(states(files).values()) == {("set_aside", 5)}


def test_set_aside_messages_wait_again_for_everybody_and_sent_ones_only_by_number(database):
    aside, sent = message(database, "one"), message(database, "two", state="sent")
    assert [c.target for c in resend_notifications(database, DO_IT, everything=True).changes] == [
        f"{aside}: workflow_error by mail"
    ]
    resend_notifications(database, DO_IT, ids=[sent])
    for row in rows(database, "SELECT * FROM notifications"):
        assert (row["state"], row["attempts"], row["delivered_to"], row["refused_by"]) == ("waiting", 0, [], [])


@pytest.mark.parametrize("selection", [{}, {"ids": [1], "everything": True}, {"ids": [99999]}])
def test_an_empty_or_unknown_choice_of_messages_is_refused(database, selection):
    with pytest.raises(OperationRefused, match="Nothing was changed"):
        resend_notifications(database, DO_IT, **selection)
