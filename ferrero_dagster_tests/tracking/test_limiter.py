"""Turns at Box and the DAM, shared by processes through PostgreSQL."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import pytest

from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.domain.allowance import Priority, Rate, ServiceLimits, Unused
from ferrero_dagster.domain.errors import OutOfTime, SystemUnavailable
from ferrero_dagster.tracking.allowances import Ask, exchange
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.limiter import PARTS, PATIENCE, SharedLimiter
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.tracking.cron_database import run_sql


class Counting(Database):
    """A database that knows how often it was asked."""

    transactions = 0

    def transact(self, *args, **named):
        self.transactions += 1
        return super().transact(*args, **named)


@contextmanager
def opened(database_url, *, priority=Priority.REST, **limits) -> Iterator[SharedLimiter]:
    """The limiter of one process for a service with these limits."""
    database = Database(database_url, PATIENCE)
    with closing(SharedLimiter(ServiceLimits(service="Box", **limits), database, priority=priority)) as limiter:
        yield limiter


def turn(limiter, *kinds, within_s=20.0, patience_s=10.0):
    return limiter.turn(*kinds, deadline=Deadline.after(within_s), patience_s=patience_s)


def is_turn(limiter, *kinds, within_s=0.4):
    """Whether a request may be sent soon."""
    try:
        with turn(limiter, *kinds, within_s=within_s):
            return True
    except OutOfTime:
        return False


def ask_for(seconds, limiter, *kinds):
    """One request after the other."""
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        with turn(limiter, *kinds):
            pass


@pytest.mark.fault(82)
def test_two_processes_keep_the_limit_of_box_together(database_url, served_box):
    """Each has as many threads as the limit: without sharing Box would refuse half of it."""
    served_box.settings.uploads_per_minute, served_box.settings.minute_s = 40, 4
    told = {
        "url": served_box.url,
        "config": str(served_box.config),
        "database_url": database_url,
        "threads": 16,
        "files": 40,
        "rates": {"uploads": {"per_minute": 40, "minute_s": 4}},
    }
    command = [sys.executable, "-m", "ferrero_dagster_tests.tracking.limited_process"]
    running = [subprocess.Popen([*command, json.dumps({**told, "name": name})]) for name in ("a", "b")]
    assert [process.wait() for process in running] == [0, 0]
    assert len(served_box.store.tree()) == 80
    assert seen(served_box, "POST", "/files/content", times=80)
    assert {request.status for request in served_box.board.requests("POST", "/files/content")} == {201}


def test_a_request_costs_no_statement_of_its_own(database_url):
    database = Counting(database_url, PATIENCE)
    limits = ServiceLimits(service="Box", rates={"calls": Rate(per_minute=1000)})
    with closing(SharedLimiter(limits, database)) as limiter:

        def ask(_):
            with turn(limiter, "calls"):
                time.sleep(0.001)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(400)))
        assert database.transactions <= 80


def test_counting_a_request_costs_no_statement_of_its_own(database_url):
    database = Counting(database_url, PATIENCE)
    with closing(SharedLimiter(ServiceLimits(service="DAM"), database)) as limiter:
        for _ in range(450):
            limiter.note("reads")
    assert database.transactions <= 8
    assert run_sql(database_url, "SELECT sum(calls) FROM request_counts") == [(450,)]


def test_a_run_that_needs_little_and_waits_has_what_becomes_free_kept_for_it(database_url):
    rate, claimed = {"uploads": Rate(per_minute=4, minute_s=4)}, "SELECT claimed_by FROM request_allowances"
    small = {"small_uploads": 3, "small_wait_s": 0.0}
    with opened(database_url, rates=rate, **small) as large, opened(database_url, rates=rate, **small) as little:
        assert all(is_turn(large, "uploads", within_s=20) for _ in range(4))
        assert not is_turn(large, "uploads")
        assert run_sql(database_url, claimed) == [(Priority.REST,)]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(is_turn, little, "uploads", within_s=20)
            while run_sql(database_url, claimed) != [(Priority.SMALL,)]:
                assert not waiting.done()
            assert waiting.result()


def test_tokens_of_a_process_are_gone_for_the_others(database_url):
    rates = {"uploads": Rate(per_minute=3)}
    with opened(database_url, rates=rates) as one, opened(database_url, rates=rates) as other:
        assert all(is_turn(limiter, "uploads") for limiter in (one, other, one))
        assert not is_turn(other, "uploads")
        assert is_turn(other)


@pytest.mark.fault(82)
def test_a_pause_that_one_process_was_told_is_kept_by_all(database_url):
    with opened(database_url) as one, opened(database_url, rates={"calls": Rate(per_minute=100)}) as other:
        one.hold(30)
        for limiter in (one, other):
            with pytest.raises(SystemUnavailable, match="asked us to wait") as caught, turn(limiter, "calls"):
                pass
            assert 20 < (caught.value.retry_after_s or 0) <= 30
        assert run_sql(database_url, "SELECT account FROM request_pauses") == [("Box",)]


@pytest.mark.fault(82)
def test_a_pause_is_heard_of_by_who_has_tokens_left(database_url):
    with opened(database_url) as one, opened(database_url, rates={"calls": Rate(per_minute=100)}) as other:
        assert is_turn(other, "calls")
        one.hold(30)
        with pytest.raises(SystemUnavailable):
            ask_for(20, other, "calls")


def test_never_more_are_under_way_than_the_service_takes_at_once(database_url):
    with opened(database_url, parallel=2) as one, opened(database_url, parallel=2) as other, ExitStack() as under_way:
        under_way.enter_context(turn(one))
        second = under_way.enter_context(ExitStack())
        second.enter_context(turn(other))
        assert not is_turn(one)
        assert not is_turn(other)
        second.close()
        assert is_turn(other)


@pytest.mark.fault(82)
def test_a_process_that_ends_gives_its_places_back_at_once(database_url):
    with opened(database_url, parallel=1) as one:
        assert is_turn(one)
        with opened(database_url, parallel=1) as other:
            assert not is_turn(other)
            one.close()
            assert is_turn(other)
    assert run_sql(database_url, "SELECT count(*) FROM parallel_requests") == [(0,)]


@pytest.mark.fault(82)
def test_the_places_of_a_process_that_died_are_free_when_it_was_not_heard_of_for_long(database_url):
    run_sql(
        database_url,
        "INSERT INTO parallel_requests VALUES ('Box', 'killed', 1, clock_timestamp() + interval '1 hour')",
    )
    with opened(database_url, parallel=1) as limiter:
        assert not is_turn(limiter)
        run_sql(database_url, "UPDATE parallel_requests SET expires_at = clock_timestamp()")
        assert is_turn(limiter, within_s=5)


def test_a_request_that_takes_long_keeps_its_place(database_url):
    left = "SELECT extract(epoch FROM expires_at - clock_timestamp())::int FROM parallel_requests"
    with opened(database_url, parallel=1) as limiter, turn(limiter):
        run_sql(database_url, "UPDATE parallel_requests SET expires_at = clock_timestamp() + interval '9 s'")
        ends_s = time.monotonic() + 20
        while run_sql(database_url, left)[0][0] <= 9:
            assert time.monotonic() < ends_s
            time.sleep(0.2)


@pytest.mark.fault(82)
def test_work_goes_on_with_a_part_of_the_limits_while_postgresql_is_out():
    nobody = "postgresql://nobody@127.0.0.1:9/none"
    with opened(nobody, rates={"uploads": Rate(per_minute=2 * PARTS)}, parallel=PARTS) as limiter:
        assert is_turn(limiter, "uploads", within_s=20)
        assert is_turn(limiter, "uploads")
        assert not is_turn(limiter, "uploads")


@pytest.mark.fault(82)
def test_postgresql_that_is_locked_stops_nobody(database_url):
    with opened(database_url, rates={"calls": Rate(per_minute=800)}) as limiter:
        assert is_turn(limiter, "calls", within_s=20)
        with closing(Database(database_url)) as holder:

            def lock_and_ask(cursor):
                cursor.execute("LOCK TABLE request_allowances, request_pauses")
                time.sleep(0.6)  # until the tokens are too old
                return is_turn(limiter, "calls", within_s=20)

            assert holder.transact(lock_and_ask)


HANDED_OUT = "SELECT coalesce(sum(tokens), 0) FROM request_allowances, unnest(spent) AS tokens"


def ask_at_once(limiter, *, threads, times):
    """So many requests, and how many there were in the end."""

    def ask(_):
        with turn(limiter, "uploads"):
            pass

    with ThreadPoolExecutor(threads) as executor:
        return len(list(executor.map(ask, range(times))))


@pytest.mark.parametrize("pause_s", [0, 1])
def test_tokens_that_a_process_has_not_used_come_back_when_they_are_too_old_and_when_it_ends(database_url, pause_s):
    with opened(database_url, rates={"uploads": Rate(per_minute=10_000)}) as limiter:
        asked = ask_at_once(limiter, threads=16, times=301)
        time.sleep(pause_s)
        asked += ask_at_once(limiter, threads=1, times=1)
    assert run_sql(database_url, HANDED_OUT) == [(asked,)]


def test_what_one_process_gives_back_another_gets(database_url):
    rates = {"uploads": Rate(per_minute=10)}
    ask = Ask(account="Box", rates=rates, wanted={"uploads": 10})
    with closing(Database(database_url)) as database:
        taken = database.transact(exchange, ask).takings["uploads"]
        back = {"uploads": Unused(tokens=7, at_s=taken.at_s)}
        database.transact(exchange, Ask(account="Box", unused=back))
        assert (taken.tokens, database.transact(exchange, ask).takings["uploads"].tokens) == (10, 7)


@pytest.mark.fault(82)
def test_who_has_to_wait_while_another_process_takes_its_turns_asks_for_none_beside_it(database_url):
    rates = {"uploads": Rate(per_minute=2)}
    with (
        opened(database_url, rates=rates) as one,
        opened(database_url, rates=rates) as other,
        closing(Database(database_url)) as slow,
        ThreadPoolExecutor(1) as thread,
    ):
        assert [is_turn(one, "uploads", within_s=20) for _ in range(2)] == [True, True]

        def take_long(cursor):
            cursor.execute("SELECT FROM request_allowances FOR UPDATE")
            asked = thread.submit(is_turn, other, "uploads", within_s=4)
            time.sleep(2)
            return asked

        assert not slow.transact(take_long).result()
