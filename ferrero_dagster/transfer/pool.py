"""Moves many files, as many at once as help; an incident stops what has not begun."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from ferrero_dagster.domain.errors import FerreroError, Incident, TransientError
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.transfer.width import Width

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Of such files at most half of those under way are, as long as others wait.
LARGE_BYTES = 20 << 20


class Pool(Generic[Task, Result]):
    """Runs `work` on tasks in at most `threads` threads.

    `on_idle` is called from the caller's thread whenever nothing has ended for `idle_s`. After an incident (a system is
    out) no further task begins. `size_bytes` says how large a task is, and `pushbacks` how often the systems have asked
    us to slow down so far.
    """

    def __init__(
        self,
        work: Callable[[Task], Result],
        *,
        threads: int,
        on_idle: Callable[[], None],
        idle_s: float = 10,
        size_bytes: Callable[[Task], int] = lambda _: 0,
        pushbacks: Callable[[], int] = lambda: 0,
    ) -> None:
        self._work = work
        self._threads = threads
        self._on_idle = on_idle
        self._idle_s = idle_s
        self._size_bytes = size_bytes
        self._pushbacks = pushbacks
        self._width = Width(threads)
        self._changed = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._under_way: dict[object, Task] = {}
        self._ended: SimpleQueue[tuple[Task, Result | FerreroError] | None] = SimpleQueue()
        self._is_stopped = False

    def stop(self) -> None:
        """Let no further task begin."""
        with self._changed:
            self._is_stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | FerreroError]]:
        """Each task that was begun with its result or error, as they end; once.

        `tasks` is read by a thread of its own, a little ahead of what is done, so that it may fetch what it needs batch
        by batch while others move.

        Raises:
            FerreroError: reading `tasks` failed; all that had begun has been handed on before.
        """
        with ThreadPoolExecutor(self._threads + 1, thread_name_prefix="transfer") as executor:
            reading = executor.submit(self._read, tasks, executor)
            try:
                yield from self._handed_on()
                reading.result()
            finally:
                self.stop()

    def _handed_on(self) -> Iterator[tuple[Task, Result | FerreroError]]:
        while True:
            try:
                ended = self._ended.get(timeout=self._idle_s)
            except Empty:
                self._on_idle()
                continue
            if ended is None:
                return
            yield ended

    def _read(self, tasks: Iterable[Task], executor: ThreadPoolExecutor) -> None:
        """Begin all tasks, and say so when the last of them has ended."""
        try:
            for task in tasks:
                with self._changed:
                    if not self._is_stopped:
                        self._waiting.append(task)
                        self._begin(executor)
                    self._changed.wait_for(lambda: self._is_stopped or len(self._waiting) < self._width.now)
                    if self._is_stopped:
                        break
        except BaseException:
            self.stop()
            raise
        finally:
            with self._changed:
                self._changed.wait_for(lambda: not self._waiting and not self._under_way)
            self._ended.put(None)

    def _begin(self, executor: ThreadPoolExecutor) -> None:
        """Begin what may begin now; the caller holds the lock."""
        while not self._is_stopped and len(self._under_way) < self._width.now:
            task = self._next()
            if task is None:
                return
            turn = object()
            self._under_way[turn] = task
            executor.submit(self._move, turn, task, executor)

    def _next(self) -> Task | None:
        """The first that may begin: large files leave half of the room to others that wait."""
        large = sum(self._size_bytes(task) >= LARGE_BYTES for task in self._under_way.values())
        if 2 * large >= self._width.now:
            for task in self._waiting:
                if self._size_bytes(task) < LARGE_BYTES:
                    self._waiting.remove(task)
                    return task
        return self._waiting.popleft() if self._waiting else None

    def _move(self, turn: object, task: Task, executor: ThreadPoolExecutor) -> None:
        result: Result | FerreroError = TransientError("It was left for the next run.", code="not tried")
        try:
            with foreseen():
                result = self._work(task)
        except FerreroError as error:
            result = error
        finally:
            if isinstance(result, Incident):
                self.stop()
            self._end(turn, result, executor)

    def _end(self, turn: object, result: Result | FerreroError, executor: ThreadPoolExecutor) -> None:
        with self._changed:
            task = self._under_way.pop(turn)
            self._ended.put((task, result))
            self._changed.notify_all()
            self._width.note(self._size_bytes(task), self._pushbacks())
            self._begin(executor)
