"""How many files move at once: more as long as that makes more move, fewer where a system asks us to slow down."""

import time
from collections.abc import Callable

#: Nobody knows yet how much a system takes.
_FIRST = 4
#: A round that moves less than this many times what one half as wide did was not worth its threads.
_WORTH = 1.1
#: Before more are tried again.
_ROUNDS_KEPT = 8
#: A file costs as much as moving so many bytes, beside its own.
_FILE_BYTES = 1 << 20


class Width:
    """Doubles from 4 up to `most` while that makes more move, tries again now and then; for one thread at a time."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = min(_FIRST, most)
        self._most = most
        self._clock = clock
        #: Of the last round before the width was doubled; None while it is kept.
        self._rate_before: float | None = 0.0
        self._rounds_kept = 0
        self._pushbacks = 0
        self._begin_round()

    def _begin_round(self) -> None:
        self._round_began, self._done, self._work_bytes = self._clock(), 0, 0

    def note(self, size_bytes: int, pushbacks: int) -> None:
        """A file has ended; `pushbacks` is how often the systems have asked us to slow down so far.

        A round is as many files as move at once.
        """
        self._done += 1
        self._work_bytes += _FILE_BYTES + size_bytes
        if pushbacks > self._pushbacks:
            self._pushbacks = pushbacks
            self._keep(max(1, self.now // 2))
            self._begin_round()
        elif self._done >= self.now:
            self._end_round(self._work_bytes / max(self._clock() - self._round_began, 1e-6))

    def _end_round(self, rate: float) -> None:
        self._rounds_kept += 1
        is_tried = self._rate_before is not None or self._rounds_kept == _ROUNDS_KEPT
        if self._rate_before is not None and rate < _WORTH * self._rate_before:
            self._keep(max(min(_FIRST, self._most), self.now // 2))
        elif is_tried and self.now == self._most:
            self._keep(self.now)
        elif is_tried:
            self._rate_before, self.now = rate, min(self._most, 2 * self.now)
        self._begin_round()

    def _keep(self, width: int) -> None:
        self.now, self._rate_before, self._rounds_kept = width, None, 0
