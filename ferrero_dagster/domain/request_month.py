"""How many requests a month will have had at its end, and what of a licence that is. Pure."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

_WEEK_DAYS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthSoFar:
    """Requests from the first of the month until and with `last_day`, and of the seven days before its end."""

    calls: int
    week_calls: int
    last_day: date
    #: The first day that was ever counted.
    counted_since: date

    @property
    def forecast(self) -> int:
        """At the end of the month, if the days to come are as the last seven were, weekend and all."""
        days_left = monthrange(self.last_day.year, self.last_day.month)[1] - self.last_day.day
        days_seen = max(1, min(_WEEK_DAYS, (self.last_day - self.counted_since).days + 1))
        return self.calls + round(self.week_calls * days_left / days_seen)
