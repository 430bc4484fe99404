"""Which component each part of a wrong V2 file name is, so that the right one is called missing or too many."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ferrero_dagster.domain.name_components import COMPONENTS, Component, NamingRules


class Placed(NamedTuple):
    """A part of a name in its place, with what this reading costs."""

    #: None: the part is one too many.
    component: Component | None
    #: None: the component is missing.
    found: str | None
    cost: float
    tokens: int


# A missing and an extra component together must cost more than one wrong value; a component without a list of codes
# takes nearly everything, so a listed one goes first.
_MISSING, _EXTRA, _UNDERSCORE_IN_SUBJECT = 2.0, 2.0, 1.0
_LISTED, _WELL_FORMED, _RESEMBLING, _STRANGE = 0.0, 0.1, 1.0, 2.5


def align(tokens: Sequence[str], rules: NamingRules) -> list[Placed]:
    """The most plausible reading of a name's tokens: which component each one is, which is missing or too many."""
    best: dict[tuple[int, int], list[Placed]] = {}
    for start in range(len(tokens), -1, -1):
        for place in range(len(COMPONENTS), -1, -1):
            readings = [
                [first, *best[start + first.tokens, place + (first.component is not None)]]
                for first in _readings(tokens[start:], place, rules)
            ]
            best[start, place] = min(readings, key=lambda reading: sum(p.cost for p in reading), default=[])
    return best[0, 0]


def _readings(tokens: Sequence[str], place: int, rules: NamingRules) -> Iterator[Placed]:
    """Ways to read the first of these tokens, when the component at `place` is due."""
    if place < len(COMPONENTS):
        component = COMPONENTS[place]
        if tokens:
            yield Placed(component, tokens[0], _cost(component, tokens[0], rules), 1)
        if component.field == "subject":
            for count in range(2, len(tokens) + 1):
                yield Placed(component, "_".join(tokens[:count]), _UNDERSCORE_IN_SUBJECT * (count - 1), count)
        yield Placed(component, None, _MISSING, 0)
    if tokens:
        yield Placed(None, tokens[0], _EXTRA, 1)


def _cost(component: Component, token: str, rules: NamingRules) -> float:
    if rules.fits(component, token):
        return _LISTED if rules.choices(component) else _WELL_FORMED
    return _RESEMBLING if re.fullmatch(component.resembles, token, re.DOTALL) else _STRANGE
