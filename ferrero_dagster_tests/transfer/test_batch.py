"""The engine of both directions tells of every file, and raises an incident only after all that had begun."""

from dataclasses import dataclass

import pytest

from ferrero_dagster.domain.errors import FileRefused, SystemUnavailable
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.transfer.batch import move_batch
from ferrero_dagster.transfer.systems import Watcher


@dataclass(frozen=True)
class Task:
    name: str
    size_bytes: int = 1


def moved(name):
    return MovedFile(name=name, stored_name=name, tracking_id="AAA001", size_bytes=1)


def test_the_watcher_hears_of_each_moved_file_and_reads_why_others_failed(world):
    def move(task, transit):
        with transit.area.room(1) as path:
            path.write_bytes(b"1")
        if task.name == "bad.jpg":
            raise FileRefused("It is bad.")
        return moved(task.name)

    log: list[str] = []
    told: list[MovedFile] = []
    watcher = Watcher(run_id="run", log=log.append, on_moved=told.append)
    tasks = [Task(name) for name in ("a.jpg", "bad.jpg", "c.jpg")]
    results = {task.name: result for task, result in move_batch(world.systems, watcher, tasks, move, total=3)}
    assert {file.name for file in told} == {"a.jpg", "c.jpg"}
    assert log == ["bad.jpg: It is bad."]
    assert str(results["bad.jpg"]) == "It is bad."


def test_an_incident_is_raised_after_what_had_begun_was_handed_on(world):
    def move(task, transit):
        raise SystemUnavailable("Box", "Box is out.")

    log: list[str] = []
    ended: list[object] = []
    watcher = Watcher(run_id="run", log=log.append, on_moved=ended.append)
    with pytest.raises(SystemUnavailable, match="Box is out"):
        ended.extend(move_batch(world.systems, watcher, [Task(str(n)) for n in range(100)], move, total=100))
    assert 1 <= len(ended) == len(log) < 100
