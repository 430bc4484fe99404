"""Requests of a look end with it, however their answers trickle in."""

import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ferrero_dagster.clients.http import limits_within
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.clients.tokens import Token
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.domain.errors import OutOfTime, SystemUnavailable
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import opened_box, opened_dam

BUDGET_S = 1.5


def limits():
    return limits_within(Deadline.after(BUDGET_S))


@contextmanager
def out_of_time(match="the time of this look"):
    """What is asked inside ends with the look."""
    began = time.monotonic()
    with pytest.raises(OutOfTime, match=match):
        yield
    assert time.monotonic() - began < BUDGET_S + 1


@pytest.mark.fault(71, 12)
@pytest.mark.parametrize("headers", [(), ("Content-Length: 5000",)], ids=["no length", "length"])
def test_an_answer_that_comes_byte_by_byte_is_cut_at_the_deadline(headers):
    with answering(ok(b"{", *headers, content_type="application/json"), *[b" "] * 30, pause_s=0.1) as wire:
        session = OtmmSession(wire.url(), login=None, limits=limits())
        with out_of_time("Reading: DAM had not answered when the time of this look was over"):
            session.call("GET", "/folders/1", "Reading")
        with out_of_time("not asked any more"):
            session.call("GET", "/folders/2", "Reading")
        assert len(wire.asked) == 1


@pytest.mark.fault(71, 12)
def test_headers_that_come_byte_by_byte_are_cut_at_the_deadline():
    with answering(b"HTTP/1.1 200 OK\r\n", *[b"X"] * 30, pause_s=0.1) as wire:
        session = OtmmSession(wire.url(), login=None, limits=limits())
        with out_of_time():
            session.call("GET", "/folders/1", "Reading")


@pytest.mark.fault(71, 10)
def test_no_pause_that_the_dam_asks_for_lasts_past_the_deadline(served_dam):
    served_dam.board.add(Fault(path="/folders", status=503, headers={"Retry-After": "1"}, times=None))
    in_a_hurry = replace(limits(), attempts=9)
    began = time.monotonic()
    with opened_dam(served_dam.url, limits=in_a_hurry) as dam, pytest.raises((OutOfTime, SystemUnavailable)):
        dam.check()
    assert time.monotonic() - began < BUDGET_S + 1


@pytest.mark.fault(71, 10)
@pytest.mark.parametrize("fault", [{"status": 202, "headers": {"Retry-After": "0.4"}}, {"delay_s": 0.9}], ids=str)
def test_a_box_that_puts_us_off_is_left_at_the_deadline(served_box, fault):
    with opened_box(served_box, limits=replace(limits(), attempts=9)) as box:
        served_box.board.add(Fault(path="/2.0/", times=None, **fault))
        with out_of_time():
            for folder_id in "000":
                box.folder_name(BoxId(folder_id))


@pytest.mark.fault(71)
def test_who_waits_for_the_log_in_of_another_waits_no_longer_than_its_look():
    token = Token()
    with token._lock, pytest.raises(OutOfTime, match="Logging in: DAM had not answered"):
        token.get(lambda: "new", system="DAM", deadline=Deadline.after(0.1))
