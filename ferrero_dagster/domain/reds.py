"""What is red in Dagster, as one who watches sees it: a sensor, a schedule, a daemon, a check."""

import re
from dataclasses import dataclass
from datetime import datetime

_CHANGING = re.compile(r"\b(?=[0-9a-f-]*\d)[0-9a-f-]{6,}\b|\d+", re.IGNORECASE)
_MAX_CAUSE_LENGTH = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Red:
    """A thing that is red now; `times` it was in a row, since `began_at`, last at `last_at`."""

    name: str
    message: str
    began_at: datetime
    last_at: datetime
    times: int = 1
    #: Whether it may be green again without anybody acting.
    heals: bool = True

    @property
    def cause(self) -> str:
        """What two things that are red for the same reason have in common."""
        return cause_of(self.message.replace(self.name.rpartition(" ")[2], "#"))


def cause_of(message: str) -> str:
    """A message without what changes from time to time: numbers and ids."""
    return _CHANGING.sub("#", message.casefold())[:_MAX_CAUSE_LENGTH]
