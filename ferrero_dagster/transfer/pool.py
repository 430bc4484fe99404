"""Moves many files with few threads; an incident stops what has not begun."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from ferrero_dagster.domain.errors import FerreroError, Incident, TransientError
from ferrero_dagster.domain.unforeseen import foreseen

Task = TypeVar("Task")
Result = TypeVar("Result")


class Pool(Generic[Task, Result]):
    """Runs `work` on tasks, at most `threads` at once.

    `on_idle` is called from the caller's thread whenever nothing has ended for `idle_s`. After an incident (a system is
    out) no further task begins.
    """

    def __init__(
        self, work: Callable[[Task], Result], *, threads: int, on_idle: Callable[[], None], idle_s: float = 10
    ) -> None:
        self._work = work
        self._threads = threads
        self._on_idle = on_idle
        self._idle_s = idle_s
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let no further task begin."""
        self._stopped.set()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result | FerreroError]]:
        """Each task that was begun with its result or error, as they end.

        `tasks` is read only a little ahead of what is done, so that it may fetch what it needs batch by batch.

        Raises:
            FerreroError: reading `tasks` failed; all that had begun has been handed on before.
        """
        with ThreadPoolExecutor(self._threads, thread_name_prefix="transfer") as executor:
            under_way: dict[Future[Result], Task] = {}
            try:
                for task in tasks:
                    under_way[executor.submit(self._guarded, task)] = task
                    yield from self._ended(under_way, leave=2 * self._threads)
                    if self._stopped.is_set():
                        break
            except Exception:
                self._stopped.set()
                yield from self._ended(under_way, leave=0)
                raise
            else:
                yield from self._ended(under_way, leave=0)
            finally:
                self._stopped.set()
                executor.shutdown(cancel_futures=True)

    def _guarded(self, task: Task) -> Result:
        if self._stopped.is_set():
            raise TransientError("It was left for the next run.", code="not tried")
        try:
            return self._work(task)
        except Incident:
            self._stopped.set()
            raise

    def _ended(
        self, under_way: dict[Future[Result], Task], *, leave: int
    ) -> Iterator[tuple[Task, Result | FerreroError]]:
        while len(under_way) > leave:
            done, _ = wait(under_way, timeout=self._idle_s, return_when=FIRST_COMPLETED)
            if not done:
                self._on_idle()
            for future in done:
                yield under_way.pop(future), self._outcome(future)

    @staticmethod
    def _outcome(future: Future[Result]) -> Result | FerreroError:
        try:
            with foreseen():
                return future.result()
        except FerreroError as error:
            return error
