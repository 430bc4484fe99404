"""The engine of both directions: a run's files move, a few at a time, until all are tried or a system is out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ferrero_dagster.clients.held_bytes import HeldBytes
from ferrero_dagster.domain.errors import Doubtful, EndedTurn, FerreroError, Incident
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.transfer.garbage import rarely_searched
from ferrero_dagster.transfer.pool import Pool
from ferrero_dagster.transfer.progress import Progress
from ferrero_dagster.transfer.staging import Staging, staging
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster.transfer.unforeseen import Turn, ended


class FileTask(Protocol):
    """A file to move; what else it holds is its direction's own."""

    @property
    def name(self) -> str:
        """The file's name, for the log."""

    @property
    def size_bytes(self) -> int:
        """How large it is, 0 where that is not known."""


#: So many in a row, with none moved between, and no further one is begun.
_MOST_DOUBTFUL_IN_A_ROW = 3

Task = TypeVar("Task", bound=FileTask)


@dataclass(frozen=True, slots=True)
class Transit:
    """What a file needs on its way: room on the disk and in memory, and somebody who counts its bytes."""

    area: Staging
    progress: Progress
    memory: HeldBytes


def move_batch(
    systems: Systems,
    watcher: Watcher,
    tasks: Iterable[Task],
    move: Callable[[Task, Transit], MovedFile],
    *,
    total: int,
) -> Iterator[tuple[Task, MovedFile | FerreroError]]:
    """Each task that was begun with what became of it, as they end; `move` is called from several threads.

    The watcher hears of every file that has moved, reads why others failed, and how far things are while nothing ends.

    Raises:
        Incident: a system is out, or fails several files in a row and none moved after them. No further file began;
            those under way have ended and were handed on.
        FerreroError: reading `tasks` failed, likewise.
    """
    site = systems.site.transfer
    progress = Progress(total)
    stopped_by: list[Incident] = []
    doubtful: list[Incident] = []
    with rarely_searched(), staging(systems.temp_dir, reserve_bytes=site.free_space_reserve_bytes) as area:
        transit = Transit(area, progress, HeldBytes(site.memory_bytes))
        pool: Pool[Task, MovedFile] = Pool(
            lambda task: move(task, transit),
            threads=site.threads,
            on_idle=lambda: watcher.log(str(progress)),
            size_bytes=lambda task: task.size_bytes,
            pushbacks=systems.pushbacks,
        )
        for task, result in pool.run(tasks):
            progress.finished_file()
            if isinstance(result, MovedFile):
                doubtful.clear()
                # It has moved, whatever becomes of those who want to hear of it.
                with ended(systems.database, Turn(name="event", about=task.name, run_id=watcher.run_id), watcher.log):
                    watcher.on_moved(result)
            else:
                watcher.log(f"{task.name}: {result}")
            if isinstance(result, EndedTurn):
                watcher.log(result.trace)
            if isinstance(result, Incident):
                stopped_by.append(result)
            if isinstance(result, Doubtful):
                doubtful.append(result.incident)
            if len(doubtful) == _MOST_DOUBTFUL_IN_A_ROW:
                pool.stop()
            yield task, result
    for incident in stopped_by + doubtful:
        raise incident
