"""Which campaigns start, which wait and what an operator reads of it (SPEC 3.2, 3.6, 3.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.planning import CampaignHistory, due_campaigns, pause_left_s, pause_s

PAUSES = (3, 10, 30)
WAITS_TEN = "next attempt in 10 min"


def campaign(letter):
    return Campaign(id=letter * 40, number=letter.upper(), name="x", status="A1", type="Local Adaptation")


def why_not(**history):
    due, skipped = due_campaigns([campaign("a")], {"a" * 40: CampaignHistory(**history)}, PAUSES)
    assert len(due) + len(skipped) == 1
    return skipped[0].reason if skipped else None


def test_pauses_grow_and_the_last_one_stays():
    assert [pause_s(n, PAUSES) / 60 for n in range(6)] == [0, 3, 10, 30, 30, 30]


@pytest.mark.parametrize(
    ("failures", "since_s", "left_s"), [(0, 0, 0), (1, 179, 1), (1, 180, 0), (9, 1799, 1), (1, None, 0), (1, -60, 0)]
)
def test_a_pause_is_over_in_time_and_where_no_usable_time_is_known(failures, since_s, left_s):
    assert pause_left_s(failures, since_s, PAUSES) == left_s


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ({}, None),
        ({"permanently_failed": True, "failure_reason": "no folder"}, "permanently failed (no folder)"),
        ({"permanently_failed": True}, "permanently failed (no reason given)"),
        ({"is_running": True}, "a run is under way"),
        ({"strikes": 1, "since_last_error_s": 60}, "next attempt in 2 min"),
        ({"strikes": 1, "since_last_error_s": 170}, "next attempt in 10 s"),
        ({"strikes": 1, "since_last_error_s": 180}, None),
        ({"strikes": 2, "since_last_error_s": 180}, "next attempt in 7 min"),
        ({"strikes": 2, "since_last_error_s": None}, None),
        ({"strikes": 2, "since_last_error_s": -99}, None),
        ({"strikes": 0, "since_last_error_s": 1}, None),
        ({"strikes": 1, "since_last_error_s": 180, "since_last_retry_s": 1}, None),
        ({"failed_attempts": 9, "since_last_failure_s": 0}, "next attempt in 30 min"),
        ({"failed_attempts": 1, "since_last_failure_s": 0, "strikes": 2, "since_last_error_s": 0}, WAITS_TEN),
    ],
)
def test_a_campaign_waits_only_for_a_reason(history, reason):
    assert why_not(**history) == reason


@pytest.mark.parametrize(("since_s", "is_due"), [(89, False), (90, True), (172, True)])
def test_a_pause_that_ends_nearer_to_this_look_than_to_the_next_is_over(since_s, is_due):
    history = CampaignHistory(strikes=1, since_last_error_s=since_s)
    due, _ = due_campaigns([campaign("a")], {"a" * 40: history}, PAUSES, interval_s=180)
    assert bool(due) == is_due


def test_what_could_not_be_read_comes_last_and_each_of_it_gets_its_turn():
    found = [campaign(letter) for letter in "abcd"]
    histories = {
        "a" * 40: CampaignHistory(since_unread_s=10),
        "b" * 40: CampaignHistory(since_unread_s=500),
        "c" * 40: CampaignHistory(since_last_retry_s=1),
    }
    due, _ = due_campaigns(found, histories, PAUSES)
    assert [c.number for c in due] == ["D", "C", "B", "A"]


def test_what_was_never_tried_comes_first_then_what_waits_longest():
    found = [campaign(letter) for letter in "abcde"]
    histories = {"a" * 40: CampaignHistory(since_last_retry_s=10), "c" * 40: CampaignHistory(since_last_retry_s=500)}
    due, _ = due_campaigns(found, histories, PAUSES)
    assert [c.number for c in due] == ["B", "D", "E", "C", "A"]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefgh")))
def test_every_campaign_is_either_due_or_skipped_with_a_reason(letters, failed):
    found = [campaign(letter) for letter in letters]
    histories = {letter * 40: CampaignHistory(permanently_failed=True) for letter in failed}
    due, skipped = due_campaigns(found, histories, PAUSES)
    assert sorted(c.id for c in due) + sorted(s.campaign.id for s in skipped) == [
        *sorted(c.id for c in found if c.id[0] not in failed),
        *sorted(c.id for c in found if c.id[0] in failed),
    ]
    assert all(s.reason for s in skipped)
