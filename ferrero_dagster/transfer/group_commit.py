"""Writes down what several threads have done in one transaction, as databases commit in groups."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from ferrero_dagster.domain.errors import FerreroError, Incident
from ferrero_dagster.domain.unforeseen import foreseen

Thing = TypeVar("Thing")
Question = TypeVar("Question")
Answer = TypeVar("Answer")
#: Metadata are 200 KB each, and are sent in one statement.
_MOST_AT_ONCE = 50


class GroupCommit(Generic[Thing]):
    """`write` writes all of its things or, if it raises, none; safe to share between threads.

    The first thread that comes writes; what others bring meanwhile is written together, next.
    """

    def __init__(self, write: Callable[[Sequence[Thing]], None]) -> None:
        self._write = write
        self._waiting: deque[tuple[Thing, Future[None]]] = deque()
        self._turn = threading.Lock()

    def add(self, thing: Thing) -> None:
        """Return when the thing is written, and raise what keeps it, and it alone, from being written.

        Raises:
            FerreroError: as `write`.
        """
        written: Future[None] = Future()
        self._waiting.append((thing, written))
        with self._turn:
            while not written.done():
                self._write_group([self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))])
        written.result()

    def _write_group(self, group: Sequence[tuple[Thing, "Future[None]"]]) -> None:
        try:
            with foreseen():
                self._write([thing for thing, _ in group])
        except FerreroError as error:
            if len(group) == 1 or isinstance(error, Incident):
                for _, written in group:
                    written.set_exception(error)
                return
            for one in group:
                self._write_group([one])
        else:
            for _, written in group:
                written.set_result(None)


class GroupQuestion(Generic[Question, Answer]):
    """`ask` has an answer to each of its questions, in their order; safe to share between threads."""

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._ask = ask
        self._group = GroupCommit(self._answer)

    def answer(self, question: Question) -> Answer:
        """The answer; questions of others that come at the same time are asked together.

        Raises:
            FerreroError: as `ask`.
        """
        place: list[Answer] = []
        self._group.add((question, place))
        return place[0]

    def _answer(self, asked: Sequence[tuple[Question, list[Answer]]]) -> None:
        answers = self._ask([question for question, _ in asked])
        for (_, place), answer in zip(asked, answers, strict=True):
            place.append(answer)
