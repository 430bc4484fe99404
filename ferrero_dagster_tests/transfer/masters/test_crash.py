"""A run that is killed anywhere leaves nothing lost and nothing double once another run ends (FAULTS 30, 31)."""

import os
import random
import signal
import threading
from contextlib import contextmanager

import psutil
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import ASSETS
from ferrero_dagster_tests.tracking.test_database import KILL_ALL
from ferrero_dagster_tests.transfer.commits import commits_watched
from ferrero_dagster_tests.transfer.masters.child import Run


class Executioner:
    """Called before each request is served and before each transaction is committed; strikes the child at one of them.

    What comes before one boundary has happened, so all boundaries together are before and after every step.
    """

    def __init__(self, at, number=signal.SIGKILL):
        self.at, self._number, self._lock = at, number, threading.Lock()
        self.boundaries = 0
        self._child = 0
        self._is_known = threading.Event()

    def watch(self, process):
        self._child = process.pid
        self._is_known.set()

    def __call__(self):
        with self._lock:
            self.boundaries += 1
            if self.boundaries != self.at:
                return
        self._is_known.wait()
        os.kill(self._child, self._number)
        if self._number == signal.SIGKILL:
            raise ConnectionAbortedError("whoever asked is dead")


@contextmanager
def watched(world, executioner, tmp_path):
    """The address of the database whose commits the executioner watches, as well as all requests to DAM and Box."""
    boards = (world.dam.board, world.box.board)
    for board in boards:
        board.add(Fault(times=None, before=executioner))
    with commits_watched(world.database_url, tmp_path / f"until-{executioner.at}", before=executioner) as database_url:
        yield database_url
    for board in boards:
        board.clear()


def start_child(world, campaign_id, executioner, tmp_path, *, database_url=None, threads=1, **more):
    process = Run(
        campaign_id=campaign_id,
        dam_url=world.dam.url,
        box_config=world.box.config,
        box_urls=world.box.base_urls,
        database_url=database_url or world.database_url,
        temp_dir=tmp_path / "transit",
        threads=threads,
        **more,
    ).start()
    executioner.watch(process)
    return process


def run_child(world, campaign_id, executioner, tmp_path, **how):
    with watched(world, executioner, tmp_path) as database_url:
        process = start_child(world, campaign_id, executioner, tmp_path, database_url=database_url, **how)
        process.join()
    return process.exitcode


def run_again(world, campaign_id):
    """As the next run: the lock of the dead one is free as soon as PostgreSQL has noticed."""
    while "Another run" in (world.run(campaign_id).nothing or ""):
        pass


@pytest.mark.fault(30)
def test_a_run_that_is_killed_at_any_step_is_completed_by_the_next(world, tmp_path):
    two = dict(list(ASSETS.items())[:2])
    calm = world.campaign(two)
    world.run(calm)
    expected, at = world.end_state(calm), 0
    while True:
        at += 1
        campaign_id, executioner = world.campaign(two), Executioner(at)
        world.box.board.seen.clear()
        exit_code = run_child(world, campaign_id, executioner, tmp_path)
        if exit_code == 0:
            break
        assert exit_code == -signal.SIGKILL
        assert [found.id for found in world.look().starts] == [campaign_id], f"killed at step {at}"
        run_again(world, campaign_id)
        assert world.end_state(campaign_id) == expected, f"killed at step {at}"
        assert len(world.box.board.requests("POST", "files/content")) <= 2 + 1, f"killed at step {at}"
    assert at > 30, "so many steps has a run"
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(30)
@pytest.mark.parametrize("seed", range(3))
def test_runs_that_are_killed_again_and_again_with_files_in_flight_end_the_same(world, tmp_path, seed):
    expected, campaign_id, numbers = world.no_fault(), world.campaign(), random.Random(seed)
    for at in numbers.sample(range(8, 36), 3):
        run_child(world, campaign_id, Executioner(at), tmp_path, threads=4)
    run_again(world, campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(31)
def test_a_run_that_is_told_to_stop_finishes_what_is_in_flight_and_leaves_nothing_behind(world, tmp_path):
    expected, campaign_id, stop = world.no_fault(), world.campaign(), Executioner(1, signal.SIGINT)
    world.dam.board.add(Fault(path="/contents", skip=1, before=stop))
    process = start_child(world, campaign_id, stop, tmp_path)
    process.join()
    assert process.exitcode == 1
    assert not list((tmp_path / "transit").iterdir())
    stopped = world.end_state(campaign_id)
    moved = [row for row in stopped["transfers"] if row[4] == "moved"]
    assert len(stopped["Box"]) == len(moved) > 0, "every file that was begun is in Box and written down"
    run_again(world, campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(37)
def test_a_run_that_slept_while_another_took_its_place_changes_nothing_when_it_wakes(world, tmp_path):
    expected, campaign_id, sleep = world.no_fault(), world.campaign(), Executioner(1, signal.SIGSTOP)
    world.box.board.add(Fault(path="files/content$", skip=1, before=sleep))
    process = start_child(world, campaign_id, sleep, tmp_path)
    while process.pid is None or psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        pass
    assert "Another run" in world.run(campaign_id).nothing, "asleep it still holds the lock"
    world.sql(KILL_ALL)
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected
    os.kill(process.pid, signal.SIGCONT)
    process.join()
    assert world.end_state(campaign_id) == expected
    assert world.dam.store.status(campaign_id) == "A2"
