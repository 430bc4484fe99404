"""How many files move at once: more as long as that makes more move, fewer where a system asks us to slow down."""

import time
from collections.abc import Callable

#: Nobody knows yet how much a system takes.
_FIRST = 4
#: Twice as many at once are worth their threads if they move so many times as much.
_WORTH = 1.1
#: In the first climb, whose short rounds say little: as long as twice as many at once move hardly less.
_NOT_WORSE = 0.8
#: Rounds that a width is kept, and another tried, after that.
_ROUNDS_KEPT, _ROUNDS_TRIED = 8, 3
#: A file costs as much as moving so many bytes, beside its own.
_FILE_BYTES = 1 << 20


class Width:
    """Climbs from 4 up to `most`, then compares with half and twice as many in turn; for one thread at a time."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = min(_FIRST, most)
        self._least, self._most = self.now, most
        self._clock = clock
        self._is_climbing = True
        #: The width that another is compared with, and what it moved; the next comparison is with more, or with fewer.
        self._kept: tuple[int, float] | None = None
        self._tries_more = True
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
            self._settle(max(1, self.now // 2))
            self._begin_round()
        elif self._done >= self.now * self._rounds:
            self._measured(self._work_bytes / max(self._clock() - self._round_began, 1e-6))
            self._begin_round()

    @property
    def _rounds(self) -> int:
        if self._is_climbing:
            return 1
        return _ROUNDS_TRIED if self._kept else _ROUNDS_KEPT

    def _measured(self, rate: float) -> None:
        if self._kept is None:
            self._try_another(rate)
            return
        kept, rate_kept = self._kept
        worth = _NOT_WORSE if self._is_climbing else _WORTH if self.now > kept else 1 / _WORTH
        if rate < worth * rate_kept:
            self._settle(kept)
        elif self._is_climbing:
            self._try_another(rate)
        else:
            self._settle(self.now)

    def _try_another(self, rate: float) -> None:
        more, fewer = min(self._most, 2 * self.now), max(self._least, self.now // 2)
        wanted = more if self._is_climbing or self._tries_more else fewer
        self._tries_more = not self._tries_more
        if wanted == self.now:
            self._settle(self.now)
        else:
            self._kept, self.now = (self.now, rate), wanted

    def _settle(self, width: int) -> None:
        self.now, self._kept, self._is_climbing = width, None, False
