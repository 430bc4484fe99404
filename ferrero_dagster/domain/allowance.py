"""What a service takes in a minute, and whose turn it is (contract box.md, Box platform limits). Pure.

A service counts either the last sixty seconds or the minutes of its clock: never more than its limit in any sixty
seconds keeps both. What a quiet minute has left may be used at once.
"""

import math
from dataclasses import dataclass, field, replace
from enum import IntEnum

#: How long a token that was handed out may be kept before it is used.
TOKEN_LIFE_S = 0.5
#: What a request may take longer on its way to the service than another, plus `TOKEN_LIFE_S`.
_SLACK_S = 1.0
#: Who waits for a token comes back when there are so many, so that not each one costs a question.
_WORTH_ASKING = 4
_LONGEST_WAIT_S = 5.0
#: So long nobody of less hurry takes what somebody waits for; renewed while that goes on.
CLAIM_S = 2.0
#: Tokens handed out within so short a time are remembered as one.
_SAME_MOMENT_S = 0.1


class Priority(IntEnum):
    """Who goes first where there is not enough for all."""

    REST = 0
    #: A small campaign that has waited long.
    SMALL = 1
    #: Looks of sensors: few calls, in limited time.
    LOOK = 2
    #: A person waits.
    PEOPLE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """What a service takes of one kind of requests in a minute."""

    per_minute: int
    #: So many of them are left to looks and people.
    reserve: int = 0
    #: So many seconds' worth of them may be asked at once.
    burst_s: float = 60
    minute_s: float = 60

    def windows(self, priority: Priority) -> tuple[tuple[float, int], ...]:
        """Seconds, and what may be asked in any that many."""
        limit = max(1, self.per_minute - (self.reserve if priority < Priority.LOOK else 0))
        minute = (self.minute_s + _SLACK_S, limit)
        if self.burst_s >= self.minute_s:
            return (minute,)
        return minute, (self.burst_s, math.ceil(limit * self.burst_s / self.minute_s))

    def share(self, part: int) -> "Rate":
        """One of so many parts."""
        return replace(self, per_minute=max(1, self.per_minute // part), reserve=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthLimit:
    """What a licence gives of all calls of a month, and the share that all but people may use."""

    calls: int
    brake_share: float

    def is_used(self, calls: int) -> bool:
        """Whether the rest is people's."""
        return calls >= self.calls * self.brake_share


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceLimits:
    """What one service, or one of its users, takes; `parallel` 0: as many at once as we like."""

    service: str
    #: As whom it is asked, where that is not the service account.
    user: str = ""
    rates: dict[str, Rate] = field(default_factory=dict)
    parallel: int = 0
    #: A process that has had so few uploads and waits for one so long goes before those that have had more.
    small_uploads: int = 0
    small_wait_s: float = 30
    month: MonthLimit | None = None
    #: Whose days and months count.
    zone: str = "UTC"

    @property
    def account(self) -> str:
        """Who has these limits."""
        return f"{self.service} as {self.user}" if self.user else self.service


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What was handed out of late, and who waits; all moments are those of one clock."""

    #: Moment and number of tokens, oldest first.
    spent: tuple[tuple[float, int], ...] = ()
    #: Nobody below this priority gets any until then.
    claimed_by: Priority = Priority.REST
    claimed_until_s: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Taking:
    """So many tokens now, at `at_s`; more can be asked for after `wait_s`."""

    tokens: int
    wait_s: float
    standing: Standing
    at_s: float


def take(rate: Rate, standing: Standing, *, now_s: float, wanted: int, priority: Priority) -> Taking:
    """As many tokens as there are of those that are wanted; who gets too few and may be in a hurry has them kept."""
    claim_left_s = min(standing.claimed_until_s - now_s, CLAIM_S)
    if priority < standing.claimed_by and claim_left_s > 0:
        return Taking(tokens=0, wait_s=claim_left_s, standing=standing, at_s=now_s)
    spent = _of_late(rate, standing, now_s)
    tokens = max(0, min(wanted, *(limit - _within(spent, now_s - s) for s, limit in rate.windows(priority))))
    changed = replace(
        standing,
        spent=_with(spent, now_s, tokens),
        claimed_by=priority if tokens < wanted else Priority.REST,
        claimed_until_s=now_s + CLAIM_S,
    )
    wait_s = 0.0 if tokens else _wait_s(rate, spent, now_s=now_s, wanted=wanted, priority=priority)
    return Taking(tokens=tokens, wait_s=wait_s, standing=changed, at_s=now_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unused:
    """Tokens that nobody made use of, of those that were handed out at that moment."""

    tokens: int
    at_s: float


def give_back(standing: Standing, unused: Unused) -> Standing:
    """The standing as if they had not been handed out; unchanged where that is long ago."""
    earlier = tuple(one for one in standing.spent if one[0] < unused.at_s)
    # What was handed out just after is remembered with them.
    of_then = standing.spent[len(earlier) : len(earlier) + 1]
    left = tuple((at_s, tokens - unused.tokens) for at_s, tokens in of_then if tokens > unused.tokens)
    return replace(standing, spent=earlier + left + standing.spent[len(earlier) + 1 :])


def _of_late(rate: Rate, standing: Standing, now_s: float) -> tuple[tuple[float, int], ...]:
    # A clock that was put back must not keep everybody waiting until it is that late again.
    begins_s = now_s - rate.minute_s - _SLACK_S
    return tuple((min(at_s, now_s), tokens) for at_s, tokens in standing.spent if at_s > begins_s)


def _within(spent: tuple[tuple[float, int], ...], since_s: float) -> int:
    return sum(tokens for at_s, tokens in spent if at_s > since_s)


def _with(spent: tuple[tuple[float, int], ...], now_s: float, tokens: int) -> tuple[tuple[float, int], ...]:
    if not tokens:
        return spent
    if spent and now_s - spent[-1][0] < _SAME_MOMENT_S:
        tokens, spent = tokens + spent[-1][1], spent[:-1]
    return (*spent, (now_s, tokens))


def _wait_s(
    rate: Rate, spent: tuple[tuple[float, int], ...], *, now_s: float, wanted: int, priority: Priority
) -> float:
    """Until so many are free that asking is worth it, in all windows; who is in a hurry renews its claim in time."""
    longest_s = _LONGEST_WAIT_S if priority == Priority.REST else CLAIM_S / 2
    waits = [_until_free(spent, now_s, *window, min(wanted, _WORTH_ASKING)) for window in rate.windows(priority)]
    return min(max(waits), longest_s)


def _until_free(spent: tuple[tuple[float, int], ...], now_s: float, length_s: float, limit: int, wanted: int) -> float:
    used = _within(spent, now_s - length_s)
    for at_s, tokens in spent:
        if at_s > now_s - length_s:
            if used + min(wanted, limit) <= limit:
                break
            used -= tokens
            free_at_s = at_s + length_s
            if used + min(wanted, limit) <= limit:
                return free_at_s - now_s
    return 0.0
