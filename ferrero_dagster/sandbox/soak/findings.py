"""What was promised and what was found, one row of the table each; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: How long Dagster gives a tick.
TICK_S = 60
#: How the subject of a mail begins that tells that all is well.
_ROUTINE = "✅"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure, and whether it is what was promised."""

    what: str
    promised: str
    found: str
    is_right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One tick of a sensor that has ended."""

    took_s: float
    #: Empty where it did not fail.
    error: str = ""


def exactly(what: str, promised: int, found: int) -> Finding:
    """So many, neither less nor more."""
    return Finding(what, str(promised), str(found), promised == found)


def within(what: str, limit_s: float, took_s: float | None) -> Finding:
    """It happened, in less than so many seconds; None where it never did."""
    found = "never" if took_s is None else f"{took_s:.0f} s"
    return Finding(what, f"< {limit_s:.0f} s", found, took_s is not None and took_s < limit_s)


def ticks_in_time(ticks: Sequence[Tick]) -> Finding:
    """There were ticks, and Dagster gave up none of them."""
    longest_s = max((tick.took_s for tick in ticks), default=None)
    return within(f"longest of {len(ticks)} ticks", TICK_S, longest_s)


def no_red_tick(ticks: Sequence[Tick]) -> Finding:
    """None has failed; the first that did says why."""
    red = [tick.error for tick in ticks if tick.error]
    return Finding("red ticks", "0", f"{len(red)}: {red[0][:120]}" if red else "0", not red)


def red_ticks_name(holder: str, ticks: Sequence[Tick]) -> Finding:
    """Ticks failed, and each says who was in the way."""
    red = [tick.error for tick in ticks if tick.error]
    naming = sum(holder in error for error in red)
    return Finding(f"red ticks that name {holder}", "all", f"{naming} of {len(red)}", 0 < naming == len(red))


def mails(subjects: Iterable[str], promised: Mapping[str, int]) -> list[Finding]:
    """How many mails have these words in their subject, that there is no other one of trouble, and none twice."""
    found = list(subjects)
    others = [one for one in found if not one.startswith(_ROUTINE) and not any(words in one for words in promised)]
    twice = [one for one, number in Counter(found).items() if number > 1]
    return [
        *(
            exactly(f"mails “{words}”", number, sum(words in one for one in found))
            for words, number in promised.items()
        ),
        Finding("mails of other trouble", "0", f"{len(others)}{_named(others)}", not others),
        Finding("mails that came twice", "0", f"{len(twice)}{_named(twice)}", not twice),
    ]


def _named(subjects: Sequence[str]) -> str:
    return f": {subjects[0]}" if subjects else ""
