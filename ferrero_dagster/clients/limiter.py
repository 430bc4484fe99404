"""Whose turn it is to ask a service: what the clients need of that, and what they do where nobody says it."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ferrero_dagster.config.deadline import NEVER, Deadline

#: What limits count: all calls, and the uploads among them.
CALLS, UPLOADS = "calls", "uploads"


class Limiter(Protocol):
    """Hands out the turns at one service, to all threads that share it."""

    def turn(self, *kinds: str, deadline: Deadline = NEVER, patience_s: float) -> AbstractContextManager[None]:
        """Wait until one request that counts for these limits may be sent; inside it is under way.

        Raises:
            SystemUnavailable: the service wants to be left alone for longer than `patience_s`.
            OutOfTime: it cannot be sent before the deadline.
        """

    def wait(self, deadline: Deadline = NEVER) -> None:
        """Sleep until the service wants to hear from us again, but not past the deadline."""

    def hold(self, pause_s: float) -> None:
        """Let nobody ask for `pause_s` seconds: the service has asked for it."""

    def note(self, kind: str, *, calls: int = 1, size_bytes: int = 0) -> None:
        """Count requests of a kind, in the words of the report, and the bytes that they carried."""


class OwnLimiter:
    """Keeps the pauses that a service asks for, in this process alone; nothing else is limited or counted."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._not_before = 0.0

    @contextmanager
    def turn(self, *kinds: str, deadline: Deadline = NEVER, patience_s: float) -> Iterator[None]:  # noqa: ARG002  # as declared
        """As every limiter."""
        self.wait(deadline)
        yield

    def wait(self, deadline: Deadline = NEVER) -> None:
        """As every limiter."""
        time.sleep(min(max(0.0, self._not_before - time.monotonic()), deadline.left_s))

    def hold(self, pause_s: float) -> None:
        """As every limiter."""
        self._not_before = max(self._not_before, time.monotonic() + pause_s)

    def note(self, kind: str, *, calls: int = 1, size_bytes: int = 0) -> None:
        """As every limiter."""
