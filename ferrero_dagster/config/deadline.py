"""When a look ends: one moment for all that it asks of DAM, Box, mail server, Make.com and PostgreSQL."""

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """A moment on a clock that only goes forward, `budget_s` after the look began."""

    budget_s: float
    ends_at_s: float

    @classmethod
    def after(cls, budget_s: float) -> "Deadline":
        """So many seconds from now on."""
        return cls(budget_s=budget_s, ends_at_s=time.monotonic() + budget_s)

    @property
    def left_s(self) -> float:
        """Seconds until then, 0 when it is over."""
        return max(0.0, self.ends_at_s - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nothing may begin any more."""
        return self.left_s <= 0


#: For whom nobody waits, such as runs.
NEVER = Deadline(budget_s=math.inf, ends_at_s=math.inf)
