"""What is handed out in a minute, whoever asks and however often."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.allowance import Priority, Rate, Standing, Unused, give_back, take
from ferrero_dagster.sandbox.box import BoxSettings
from ferrero_dagster.sandbox.box.limits import MinuteLimits

BOX = Rate(per_minute=240, reserve=3)
ASKS = st.lists(st.tuples(st.floats(0, 40), st.integers(1, 60), st.sampled_from(Priority)), min_size=1, max_size=60)


def handed_out(rate, asks):
    """Moments and numbers of tokens that these asks get, each so many seconds after the one before."""
    now_s, standing, got = 1_000_000.0, Standing(), []
    for pause_s, wanted, priority in asks:
        now_s += pause_s
        taking = take(rate, standing, now_s=now_s, wanted=wanted, priority=priority)
        standing = taking.standing
        got.append((now_s, taking.tokens))
    return got


@given(ASKS, st.sampled_from([60, 15]))
def test_no_minute_has_more_than_the_limit_whoever_asks_and_when(asks, burst_s):
    got = handed_out(Rate(per_minute=40, reserve=2, burst_s=burst_s), asks)
    for begin_s, _ in got:
        assert sum(tokens for at_s, tokens in got if begin_s <= at_s <= begin_s + 60) <= 40
    if burst_s == 15:
        for begin_s, _ in got:
            assert sum(tokens for at_s, tokens in got if begin_s <= at_s < begin_s + 15) <= 10


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=60))
def test_no_minute_has_more_than_the_limit_where_what_is_not_used_comes_back(asks):
    now_s, standing, used, unused = 1_000_000.0, Standing(), [], Unused(tokens=0, at_s=0)
    for pause_s, wanted, most_used in asks:
        now_s += pause_s
        taking = take(
            Rate(per_minute=40), give_back(standing, unused), now_s=now_s, wanted=wanted, priority=Priority.REST
        )
        used.append((now_s, min(taking.tokens, most_used)))
        standing, unused = taking.standing, Unused(tokens=max(0, taking.tokens - most_used), at_s=taking.at_s)
    for begin_s, _ in used:
        assert sum(tokens for at_s, tokens in used if begin_s <= at_s <= begin_s + 60) <= 40


def test_what_one_gives_back_another_gets_at_once_and_what_it_used_nobody():
    taken = take(Rate(per_minute=40), Standing(), now_s=100, wanted=40, priority=Priority.REST)
    given_back = give_back(taken.standing, Unused(tokens=30, at_s=taken.at_s))
    assert take(Rate(per_minute=40), given_back, now_s=101, wanted=40, priority=Priority.REST).tokens == 30


def test_what_was_handed_out_long_ago_comes_back_to_nobody():
    taken = take(Rate(per_minute=40), Standing(), now_s=100, wanted=40, priority=Priority.REST)
    later = take(Rate(per_minute=40), taken.standing, now_s=170, wanted=40, priority=Priority.REST)
    assert give_back(later.standing, Unused(tokens=9, at_s=float("inf"))) == later.standing
    assert take(Rate(per_minute=40), later.standing, now_s=171, wanted=1, priority=Priority.REST).tokens == 0


@given(ASKS)
def test_who_gets_nothing_is_told_when_to_come_again(asks):
    now_s, standing = 0.0, Standing()
    for pause_s, wanted, priority in asks:
        now_s += pause_s
        taking = take(BOX, standing, now_s=now_s, wanted=wanted, priority=priority)
        standing = taking.standing
        assert (taking.wait_s > 0) == (taking.tokens == 0)
        assert taking.tokens <= wanted


@pytest.mark.parametrize("minute", ["sliding", "fixed"])
def test_a_minute_is_used_to_95_percent_and_box_refuses_none_that_is_late(minute):
    random, now_s, standing, sent = Random(16), 0.0, Standing(), []  # the same one every time
    while now_s < 600:
        taking = take(BOX, standing, now_s=now_s, wanted=8, priority=Priority.REST)
        standing = taking.standing
        sent += [now_s + random.uniform(0, 0.9) for _ in range(taking.tokens)]
        now_s += max(taking.wait_s, 0.05)
    moments = iter(sorted(sent))
    counted = MinuteLimits(BoxSettings(uploads_per_minute=240, minute=minute), clock=lambda: next(moments))
    assert len(sent) >= 0.95 * 240 * 10
    assert [counted.pause_s("", is_upload=True) for _ in sent] == [0] * len(sent)


def test_a_quiet_minute_may_be_used_at_once_but_for_what_is_left_to_people():
    first = take(BOX, Standing(), now_s=0, wanted=500, priority=Priority.REST)
    person = take(BOX, first.standing, now_s=0, wanted=2, priority=Priority.PEOPLE)
    assert (first.tokens, person.tokens) == (237, 2)


def test_what_somebody_in_a_hurry_waits_for_nobody_else_gets():
    rate = Rate(per_minute=10)
    standing = take(rate, Standing(), now_s=0, wanted=10, priority=Priority.REST).standing
    waiting = take(rate, standing, now_s=60.5, wanted=2, priority=Priority.SMALL)
    refused = take(rate, waiting.standing, now_s=61.1, wanted=4, priority=Priority.REST)
    assert (waiting.tokens, refused.tokens) == (0, 0)
    got = take(rate, refused.standing, now_s=61.2, wanted=2, priority=Priority.SMALL)
    after = take(rate, got.standing, now_s=61.3, wanted=4, priority=Priority.REST)
    assert (got.tokens, after.tokens) == (2, 4)


def test_a_claim_of_somebody_who_went_away_is_soon_forgotten():
    standing = Standing(claimed_by=Priority.PEOPLE, claimed_until_s=102)
    assert take(BOX, standing, now_s=101, wanted=1, priority=Priority.REST).tokens == 0
    assert take(BOX, standing, now_s=102, wanted=1, priority=Priority.REST).tokens == 1


def test_a_clock_that_was_put_back_stops_nobody_for_longer_than_a_minute():
    spent = take(BOX, Standing(), now_s=100_000, wanted=237, priority=Priority.REST).standing
    earlier = take(BOX, spent, now_s=1000, wanted=5, priority=Priority.REST)
    assert earlier.tokens == 0
    assert take(BOX, earlier.standing, now_s=1061, wanted=5, priority=Priority.REST).tokens == 5
