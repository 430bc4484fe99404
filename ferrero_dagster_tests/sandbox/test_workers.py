"""What `make workers ONLY=limits` makes of what Box was asked. Nothing is started here."""

import os

import pytest

from ferrero_dagster.sandbox.box import BoxSettings
from ferrero_dagster.sandbox.faults import Seen
from ferrero_dagster.sandbox.workers.allowance import calls_each, each_minute, refused, whole_minutes
from ferrero_dagster.sandbox.workers.machines import Machine
from ferrero_dagster.sandbox.workers.processors import used_s

LIMITS = BoxSettings(uploads_per_minute=240, calls_per_minute=1000)
SAID = """
[… INFO/MainProcess] celery@machine-1 ready.
[… INFO/MainProcess] Task execute_job[killed] received
[… INFO/MainProcess] celery@machine-1 ready.
[… INFO/MainProcess] Task execute_job[moved] received
[… INFO/MainProcess] Task execute_job[at work] received
[… INFO/ForkPoolWorker-2] Task execute_job[moved] succeeded in 4.7s: 0
"""


def every(seconds, *, minutes):
    """Moments so far apart."""
    return [1000 + place * seconds for place in range(int(60 * minutes / seconds) + 1)]


def answers(*statuses):
    return [Seen("GET", "/2.0/files/1", "", status) for status in statuses]


@pytest.mark.parametrize(
    ("moments", "counted"),
    [
        ([], []),
        ([5.0], []),
        ([0.0, 59.9], []),
        ([0.0, 30.0, 60.0, 185.0], [2, 1, 0]),
        (every(0.25, minutes=2.1), [240, 240]),
        ([*every(0.25, minutes=2.1), 2000.0], [240, 240]),
    ],
)
def test_only_whole_minutes_between_the_first_file_and_the_last_are_counted(moments, counted):
    assert whole_minutes(moments) == counted


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (each_minute("", every(0.25, minutes=3), LIMITS), each_minute("", every(0.27, minutes=3), LIMITS)),
        (refused("", answers(*[200] * 199, 429)), refused("", answers(*[200] * 198, 429, 429))),
        (calls_each("", 4000, 1000, LIMITS), calls_each("", 4200, 1000, LIMITS)),
    ],
)
def test_each_kind_of_row_is_right_or_wrong(right, wrong):
    assert (right.is_right, wrong.is_right) == (True, False)


def test_a_file_that_comes_to_an_end_too_soon_to_be_measured_is_not_right():
    assert not each_minute("", every(0.1, minutes=0.5), LIMITS).is_right


def test_a_worker_has_at_work_what_it_was_given_since_it_began_and_has_not_ended(tmp_path):
    machine = Machine(1, tmp_path, {}, {})
    assert machine.tasks_at_work == []
    (tmp_path / "worker-1.log").write_text(SAID.replace("at work", "at-work"))
    assert machine.tasks_at_work == ["at-work"]


def test_what_processors_did_for_this_process_is_counted():
    before = used_s({"also this one": [os.getpid()], "one that is gone": [2**30]})
    sum(range(10_000_000))
    after = used_s({"also this one": [os.getpid()]})
    assert after["stand-ins"] > before["stand-ins"]
    assert after["also this one"] >= after["stand-ins"]
    assert before["one that is gone"] == 0
