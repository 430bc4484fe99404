"""Which component each part of a wrong file name is, so that the right one is called missing or too many."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ferrero_dagster.domain.name_components import ASSET_TYPE, Codes
from ferrero_dagster.domain.name_schemes import Order, Slot


class Placed(NamedTuple):
    """A part of a name in its place, with what this reading costs."""

    #: None: the part is one too many.
    slot: Slot | None
    #: None: the component is missing.
    found: str | None
    cost: float
    tokens: int


# A missing and an extra component together must cost more than one wrong value; a component without a list of codes
# takes nearly everything, so a listed one goes first.
_MISSING, _EXTRA, _UNDERSCORE_IN_SUBJECT = 2.0, 2.0, 1.0
_LISTED, _WELL_FORMED, _UNLISTED, _RESEMBLING, _STRANGE = 0.0, 0.1, 0.6, 1.0, 2.5


#: How little a token looks like what belongs into a slot.
Strangeness = Callable[[Slot, str], float]


def align(tokens: Sequence[str], order: Order, strangeness: Strangeness) -> tuple[float, list[Placed]]:
    """The most plausible reading of a name's tokens, with its cost: what each one is, what is missing or too many."""
    end = len(tokens), len(order.slots)
    costs, firsts = {end: 0.0}, {}
    for start in range(len(tokens), -1, -1):
        for place in range(len(order.slots), -1, -1):
            for first in _readings(tokens[start:], order.slots[place:], strangeness):
                cost = first.cost + costs[_after(first, start, place)]
                if cost < costs.get((start, place), float("inf")):
                    costs[start, place], firsts[start, place] = cost, first
    at, reading = (0, 0), []
    while at != end:
        reading.append(firsts[at])
        at = _after(firsts[at], *at)
    return costs[0, 0], reading


def _after(first: Placed, start: int, place: int) -> tuple[int, int]:
    return start + first.tokens, place + (first.slot is not None)


def _readings(tokens: Sequence[str], slots: Sequence[Slot], strangeness: Strangeness) -> Iterator[Placed]:
    """Ways to read the first of these tokens, when the first of these slots is due."""
    if slots:
        slot = slots[0]
        if tokens:
            yield Placed(slot, tokens[0], strangeness(slot, tokens[0]), 1)
        if slot.component and slot.component.key == "subject":
            for count in range(2, len(tokens) + 1):
                if tokens[0] and tokens[count - 1]:
                    yield Placed(slot, "_".join(tokens[:count]), _UNDERSCORE_IN_SUBJECT * (count - 1), count)
        yield Placed(slot, None, _MISSING, 0)
    if tokens:
        yield Placed(None, tokens[0], _EXTRA, 1)


def strangeness_by(codes: Codes) -> Strangeness:
    """The same measure for several orders, which have most slots in common: each pair is looked at once."""
    known: dict[tuple[str, str], float] = {}

    def strangeness(slot: Slot, token: str) -> float:
        key = slot.title, token
        if key not in known:
            known[key] = _strangeness(slot, token, codes)
        return known[key]

    return strangeness


def _strangeness(slot: Slot, token: str, codes: Codes) -> float:
    if slot.fits(token, codes):
        known = codes.known(slot.component) if slot.component else ()
        # Nearly every short word may be an asset type.
        return _UNLISTED if slot.component == ASSET_TYPE and token not in known else _LISTED if known else _WELL_FORMED
    values = slot.values(token)
    resembles = values and all(re.fullmatch(c.resembles, values[c.key], re.DOTALL) for c in slot.components)
    return _RESEMBLING if resembles else _STRANGE
