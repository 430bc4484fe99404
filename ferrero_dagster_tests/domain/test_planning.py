"""Which campaigns start, which wait and what an operator reads of it (SPEC 3.2, 3.6, 3.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.planning import CampaignHistory, pause_left_s, pause_s, plan_finals, plan_masters
from ferrero_dagster.domain.triage import Judgement, KnownFile, ListedFile

PAUSES = (3, 10, 30)
WAITS_TEN = "next attempt in 10 min"


def campaign(letter):
    return Campaign(id=DamId(letter * 40), number=letter.upper(), name="x", status="A1", type="Local Adaptation")


def masters(letters, histories=(), **named):
    found = [campaign(letter) for letter in letters]
    return plan_masters(found, _by_id(histories), pauses_minutes=PAUSES, **named)


def _by_id(histories):
    return {letter * 40: CampaignHistory(**history) for letter, history in dict(histories).items()}


def why_not(**history):
    plan = masters("a", {"a": history})
    assert len(plan.due) + len(plan.skipped) == 1
    return plan.skipped[0].reason if plan.skipped else None


def numbers(campaigns):
    return "".join(one.number for one in campaigns)


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
    plan = masters("a", {"a": {"strikes": 1, "since_last_error_s": since_s}}, interval_s=180)
    assert bool(plan.due) == is_due


def test_what_could_not_be_read_comes_last_and_each_of_it_gets_its_turn():
    plan = masters("abcd", {"a": {"since_unread_s": 10}, "b": {"since_unread_s": 500}, "c": {"since_last_retry_s": 1}})
    assert numbers(plan.due) == "DCBA"
    assert plan.unread == {"a" * 40, "b" * 40}


def test_what_was_never_tried_comes_first_then_what_waits_longest():
    assert numbers(masters("abcde", {"a": {"since_last_retry_s": 10}, "c": {"since_last_retry_s": 500}}).due) == "BDECA"


def test_what_only_awaits_its_status_is_looked_at_with_the_others_and_waits_for_the_same_reasons():
    plan = masters("ab", {"d": {"is_running": True}}, resumed=[campaign("c"), campaign("d")], hold="waits, Box")
    assert (numbers(plan.due), plan.resumed, plan.hold) == ("CAB", {"c" * 40, "d" * 40}, "waits, Box")
    assert [str(skipped) for skipped in plan.skipped] == ["D x: a run is under way"]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sets(st.sampled_from("abcdefgh")))
def test_every_campaign_is_either_due_or_skipped_with_a_reason(letters, failed):
    plan = masters(letters, {letter: {"permanently_failed": True} for letter in failed})
    assert sorted(numbers(plan.due)) == sorted(letter.upper() for letter in letters if letter not in failed)
    assert sorted(numbers(s.campaign for s in plan.skipped)) == sorted(x.upper() for x in letters if x in failed)
    assert all(s.reason for s in plan.skipped)


# --- finals ----------------------------------------------------------------------------------------------------------


def judged(letter, place=0, state="ready"):
    file = ListedFile(id=BoxId(f"{letter}{place}"), etag="0", name=letter, size_bytes=1, sha1_hex="")
    return Judgement(file=file, state=state, looks=2, campaign_id=letter * 40)


def known_file(file_id, **values):
    return KnownFile(file_id=file_id, etag="0", size_bytes=1, state="ready", looks=2, **values)


def finals(judgements, *known, histories=(), complete="", **named):
    """What a look decides; judgements are given as letters of campaigns, each of one ready file."""
    judgements = [judged(one, place) if isinstance(one, str) else one for place, one in enumerate(judgements)]
    return plan_finals(
        judgements,
        {(one.file_id, one.etag): one for one in known},
        {campaign(letter).id: campaign(letter) for letter in "abcdefgh"},
        _by_id(histories),
        complete=[letter * 40 for letter in complete],
        **{"hold": None, "places": 5, "pauses_minutes": PAUSES} | named,
    )


def starts(plan):
    return {one.number: files for one, files in plan.starts.items()}


def reasons(plan):
    return {skipped.campaign.number: skipped.reason for skipped in plan.skipped}


@pytest.mark.parametrize(
    ("known", "is_due"),
    [
        ({}, True),
        ({"transfer_state": "moved"}, True),
        ({"transfer_state": "pending", "failures": 1, "since_last_attempt_s": 179}, False),
        ({"transfer_state": "pending", "failures": 1, "since_last_attempt_s": 180}, True),
        ({"transfer_state": "set_aside"}, False),
    ],
)
def test_a_ready_file_is_due_unless_it_waits_out_a_pause_or_was_set_aside(known, is_due):
    plan = finals("a", known_file("a0", **known))
    assert starts(plan) == ({"A": 1} if is_due else {})
    assert [j.file.id for j in plan.set_aside] == (["a0"] if known.get("transfer_state") == "set_aside" else [])
    assert plan.skipped == ()


@pytest.mark.parametrize("state", ["settling", "refused"])
def test_what_is_not_ready_starts_nothing(state):
    plan = finals([judged("a", state=state)], known_file("a0", transfer_state="set_aside"))
    assert (plan.starts, plan.skipped, plan.set_aside) == ({}, (), ())


def test_campaigns_start_in_the_order_of_their_files_after_those_that_only_await_their_status():
    plan = finals("cabca", complete="ed")
    assert list(starts(plan).items()) == [("E", 0), ("D", 0), ("C", 2), ("A", 2), ("B", 1)]


def test_a_complete_campaign_with_a_file_that_is_due_starts_first_and_once():
    assert list(starts(finals("ab", complete="b")).items()) == [("B", 1), ("A", 1)]


@pytest.mark.parametrize(
    ("history", "hold", "reason"),
    [
        ({}, None, None),
        ({"is_running": True}, None, "a run is under way"),
        ({"failed_attempts": 1, "since_last_failure_s": 179}, None, "waits for its next attempt"),
        ({"failed_attempts": 1, "since_last_failure_s": 180}, None, None),
        ({"failed_attempts": 1, "since_last_failure_s": 0, "is_running": True}, None, "a run is under way"),
        ({"failed_attempts": 1, "since_last_failure_s": 0}, "waits, the DAM is out", "waits, the DAM is out"),
        ({"is_running": True}, "waits, the DAM is out", "waits, the DAM is out"),
    ],
)
def test_a_campaign_with_files_waits_only_for_a_reason(history, hold, reason):
    plan = finals("a", histories={"a": history}, hold=hold)
    assert reasons(plan) == ({"A": reason} if reason else {})
    assert bool(plan.starts) == (reason is None)


def test_a_complete_campaign_without_files_is_not_told_of_while_it_waits_for_its_next_attempt():
    waiting = {"a": {"failed_attempts": 1, "since_last_failure_s": 0}}
    assert finals("", complete="a", histories=waiting).skipped == ()
    assert reasons(finals("a", complete="a", histories=waiting)) == {"A": "waits for its next attempt"}


def test_only_campaigns_that_start_take_a_place():
    plan = finals("abcdef", histories={"a": {"is_running": True}}, complete="f", places=3)
    assert starts(plan) == {"F": 1, "B": 1, "C": 1}
    waits = "waits until another campaign of its route has ended"
    assert reasons(plan) == {"A": "a run is under way", "D": waits, "E": waits}


@given(st.lists(st.sampled_from("abcdefgh")), st.sets(st.sampled_from("abcdefgh")), st.integers(-1, 8))
def test_every_campaign_with_a_file_either_starts_or_is_skipped_with_a_reason(letters, running, places):
    plan = finals(letters, histories={letter: {"is_running": True} for letter in running}, places=places)
    assert sorted([*starts(plan), *reasons(plan)]) == sorted({letter.upper() for letter in letters})
    assert len(plan.starts) == min(max(places, 0), len(set(letters) - running))
    assert sum(plan.starts.values()) == sum(one * 40 in {c.id for c in plan.starts} for one in letters)
