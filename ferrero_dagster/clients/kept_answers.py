"""Answers of a look that was cut off, for the next one: however slowly a system answers, each look gets further."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import OutOfTime

#: What nothing was added to for so long is asked for anew.
_KEPT_FOR_S = 600
_Answer = dict[str, Any]


class KeptAnswers:
    """What a `system` answered, on shelves by what it was asked for; nothing is kept outside of `on`."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._shelves: dict[str, dict[str, _Answer]] = {}
        self._filled_at: dict[str, float] = {}
        self._now_on = ""
        self._until = NEVER
        #: Whether the last answer was asked for now.
        self.is_news = True

    @contextmanager
    def on(self, shelf: str, *, until: Deadline = NEVER) -> Iterator[None]:
        """What was asked on this shelf before is not asked again inside; after `until` nothing new is.

        Raises:
            OutOfTime: something new was to be asked.
        """
        if time.monotonic() - self._filled_at.get(shelf, 0) > _KEPT_FOR_S:
            self.forget(shelf)
        self._now_on, self._until = shelf, until
        try:
            yield
        finally:
            self._now_on, self._until = "", NEVER

    @contextmanager
    def until_done(self, shelf: str, *, until: Deadline) -> Iterator[None]:
        """As `on`, but what was answered is kept only where time runs out inside."""
        try:
            with self.on(shelf, until=until):
                yield
        except OutOfTime:
            raise
        except BaseException:
            self.forget(shelf)
            raise
        self.forget(shelf)

    def forget(self, shelf: str) -> None:
        """Ask for this anew."""
        self._shelves.pop(shelf, None)

    def clear(self) -> None:
        """Ask for everything anew."""
        self._shelves.clear()

    def answer(self, what: str, question: tuple[Any, ...], ask: Callable[[], _Answer]) -> _Answer:
        """The answer to the question, asked for if it is not there; `what` says in words what is asked for."""
        self.is_news = True
        if not self._now_on:
            return ask()
        shelf, key = self._shelves.setdefault(self._now_on, {}), json.dumps(question, sort_keys=True)
        self.is_news = key not in shelf
        if self.is_news:
            if self._until.is_over:
                raise OutOfTime(self._system, f"{what}: the next look goes on with it.")
            shelf[key] = ask()
            self._filled_at[self._now_on] = time.monotonic()
        return shelf[key]
