"""Quiet hours: when nobody waits for a look, so that looks are fewer; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietTime:
    """A time of some days of the week, by the wall clock; one that ends before it begins ends on the next day."""

    #: Those on which it begins; Monday is 0.
    weekdays: frozenset[int]
    begins: time = time(0)
    ends: time = time(0)

    def holds(self, local: datetime) -> bool:
        """Whether it is quiet then, by the local clock."""
        now, today, yesterday = local.time(), local.weekday(), (local.weekday() - 1) % 7
        if self.begins < self.ends:
            return today in self.weekdays and self.begins <= now < self.ends
        return (today in self.weekdays and now >= self.begins) or (yesterday in self.weekdays and now < self.ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietHours:
    """All of them by the clocks of a zone, and how often there is a look in them: at multiples of so many minutes."""

    zone: tzinfo
    times: Sequence[QuietTime] = ()
    every_minutes: int = 30

    def hold(self, moment: datetime) -> bool:
        """Whether it is quiet then."""
        return any(one.holds(moment.astimezone(self.zone)) for one in self.times)

    def next_look(self, now: datetime, *, last: datetime | None) -> datetime | None:
        """When the next look comes; None where one is due now. `last` is the tick before, None before the first.

        A look is due outside of quiet hours, at a first tick, and where one of the multiples lies between the ticks.
        """
        if last is None or not self.hold(now) or self._slot(last) != self._slot(now):
            return None
        moment = now.astimezone(timezone.utc).replace(second=0, microsecond=0) + _MINUTE
        while self._slot(moment) == self._slot(now) and self.hold(moment):
            moment += _MINUTE
        return moment.astimezone(self.zone)

    def _slot(self, moment: datetime) -> int:
        # In time as it passes: the night in which clocks go back has as many looks an hour as any other.
        return int(moment.timestamp() // (60 * self.every_minutes))
