"""Log-ins are few: a process keeps one token for each, whatever opens connections with it.

Sensors open their connections anew at every tick, and OTMM counts sessions.
"""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import FerreroError, OutOfTime


class Token:
    """A token that one thread renews while the others wait: for it, or for the reason why there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: str | None = None
        self._failure: FerreroError | None = None
        self._failed_at = 0.0
        #: What has been learned of the system, for as long as its log-in is kept.
        self.learned: dict[str, Any] = {}

    def get(
        self, log_in: Callable[[], str], *, other_than: str | None = None, system: str = "", deadline: Deadline = NEVER
    ) -> str:
        """The token; asked for with `log_in`, once for all threads, while there is none but the refused `other_than`.

        Raises:
            FerreroError: `log_in`'s, also to those who waited for it.
            OutOfTime: another thread was still asking `system` for it at the deadline.
        """
        asked_at = time.monotonic()
        with self._locked(system, deadline):
            if self._failure and self._failed_at > asked_at:
                raise self._failure
            if self._value in {None, other_than}:
                self._value = self._renewed(log_in)
            return self._value

    @contextmanager
    def _locked(self, system: str, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=min(deadline.left_s, threading.TIMEOUT_MAX)):
            raise OutOfTime(system, f"Logging in: {system} had not answered when the time of this look was over.")
        try:
            yield
        finally:
            self._lock.release()

    def _renewed(self, log_in: Callable[[], str]) -> str:
        self._value = self._failure = None
        try:
            return log_in()
        except FerreroError as error:
            # That one who asked had no more time says nothing to the others.
            if not isinstance(error, OutOfTime):
                self._failure, self._failed_at = error, time.monotonic()
            raise


class Tokens:
    """The tokens of a process by what identifies the log-in: two that differ in anything never share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Hashable, ...], Token] = {}

    def of(self, *log_in: Hashable) -> Token:
        """The token of the log-in with this address, name and secret, and whatever else there is to it."""
        with self._lock:
            return self._kept.setdefault(log_in, Token())

    def forget(self) -> None:
        """Let everybody log in anew."""
        with self._lock:
            self._kept.clear()


OF_THIS_PROCESS = Tokens()
