"""The share of what Box and the DAM take that work of no hurry is content with."""

import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Pace:
    """Spreads calls over the minute, and says when their time is over; for one thread."""

    #: 0: no limit of ours.
    calls_per_minute: int
    max_minutes: float
    #: Made so far.
    calls: int = 0
    _began: float = field(default_factory=time.monotonic)
    _turn: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether its time is."""
        return time.monotonic() - self._began > 60 * self.max_minutes

    def take(self, calls: int = 1) -> None:
        """Wait until so many calls may be made; more than one are made at once, and the next waits longer."""
        time.sleep(max(0.0, self._turn - time.monotonic()))
        self.note(calls)

    def note(self, calls: int) -> None:
        """So many calls were made."""
        self.calls += calls
        pause_s = 60 * calls / self.calls_per_minute if self.calls_per_minute else 0.0
        self._turn = max(self._turn, time.monotonic()) + pause_s
