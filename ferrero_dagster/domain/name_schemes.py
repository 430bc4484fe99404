"""Orders of the components of a file name, as the site's patterns tell them (SPEC 12, `naming.schemes`).

`{job}_{brand}_{type}[_{version}]_{tracking}`: components in braces, joined by `_`; what is in brackets may be missing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice, product

from ferrero_dagster.domain.name_components import COMPONENTS, ISO_KEYS, Codes, Component

_BY_KEY = {component.key: component for component in COMPONENTS}
_MAX_OPTIONAL = 6
_MAX_SAMPLES = 200


@dataclass(frozen=True)
class Slot:
    """What stands between two `_`: one component, or several and fixed signs, as in `{media}${tracking}`."""

    parts: tuple[Component | str, ...]

    @cached_property
    def component(self) -> Component | None:
        """The only component, where there is nothing else."""
        [*others, part] = self.parts
        return part if not others and isinstance(part, Component) else None

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Its components, from left to right."""
        return tuple(part for part in self.parts if isinstance(part, Component))

    @cached_property
    def title(self) -> str:
        """What people call it."""
        return "".join(part if isinstance(part, str) else part.title for part in self.parts)

    def values(self, token: str) -> dict[str, str] | None:
        """The components' values by key, legal or not; None where the fixed signs are not there."""
        if self.component:
            return {self.component.key: token}
        match = self._shape.fullmatch(token)
        return dict(zip((c.key for c in self.components), match.groups(), strict=True)) if match else None

    def fits(self, token: str, codes: Codes) -> bool:
        """Whether the token is legal here."""
        if self.component:
            return codes.fits(self.component, token)
        values = self.values(token)
        return values is not None and all(codes.fits(_BY_KEY[key], value) for key, value in values.items())

    def expected(self, codes: Codes) -> str:
        """What is legal here, in words."""
        return ", then ".join(
            codes.expected(part) if isinstance(part, Component) else f"“{part}”" for part in self.parts
        )

    def example(self, codes: Codes) -> str:
        """A legal token."""
        return "".join(codes.example(part) if isinstance(part, Component) else part for part in self.parts)

    def nearest(self, token: str, codes: Codes, *, certain: bool = False) -> str | None:
        """The legal token that was probably meant, or that was meant beyond doubt."""
        values = self.values(token) or {}
        find = codes.certain if certain else codes.nearest
        meant = {key: find(_BY_KEY[key], value) for key, value in values.items()}
        return self.text({key: value or "" for key, value in meant.items()}) if meant and all(meant.values()) else None

    def text(self, values: Mapping[str, str]) -> str:
        """The token of these values."""
        return "".join(part if isinstance(part, str) else values[part.key] for part in self.parts)

    def samples(self, codes: Codes) -> list[str]:
        """Legal tokens of every kind."""
        choices = [codes.samples(part) if isinstance(part, Component) else (part,) for part in self.parts]
        return ["".join(parts) for parts in islice(product(*choices), _MAX_SAMPLES if len(choices) > 1 else None)]

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        return re.compile("".join(re.escape(p) if isinstance(p, str) else "(.*)" for p in self.parts), re.DOTALL)


@dataclass(frozen=True)
class Order:
    """One order of components, without anything optional."""

    scheme: str
    #: Such as `{job}_{brand}_{tracking}`.
    pattern: str
    slots: tuple[Slot, ...]

    def values(self, tokens: Sequence[str], codes: Codes) -> dict[str, str] | None:
        """The components' values by key, if all tokens are legal."""
        if len(tokens) != len(self.slots):
            return None
        if not all(slot.fits(token, codes) for slot, token in zip(self.slots, tokens, strict=True)):
            return None
        pairs = zip(self.slots, tokens, strict=True)
        return {key: value for slot, token in pairs for key, value in (slot.values(token) or {}).items()}

    def example(self, codes: Codes) -> str:
        """A legal name, without extension."""
        return "_".join(slot.example(codes) for slot in self.slots)


def orders_of(scheme: str, pattern: str) -> tuple[Order, ...]:
    """Every order that the pattern of a scheme allows, that with all optional parts first.

    Raises:
        ValueError: the pattern cannot work; the text says why.
    """
    if pattern.count("[") > _MAX_OPTIONAL:
        raise ValueError(f"expected at most {_MAX_OPTIONAL} parts in brackets")
    return tuple(_order(scheme, text) for text in dict.fromkeys(_spelled_out(pattern)))


def clean_pattern(pattern: str) -> str:
    """The pattern of the name in the DAM: without job number and tracking ID and the signs that join them (SPEC 5)."""
    for key in ("job", "tracking"):
        pattern = re.sub(rf"(?<=}})[^{{}}]*{{{key}}}|^[^{{}}]*{{{key}}}[^{{}}]*", "", pattern)
    return pattern


def filled(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with these values, by component's key, in its braces."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], pattern)


def name_of_two_orders(orders: Sequence[Order], codes: Codes) -> tuple[str, Order, Order] | None:
    """A name, without extension, that can be read in two ways, and the two."""
    for one, other in combinations(orders, 2):
        if len(one.slots) == len(other.slots) and (tokens := _common(one, other, codes)):
            return "_".join(tokens), one, other
    return None


def _common(one: Order, other: Order, codes: Codes) -> list[str]:
    """A token for each place that fits there in both orders; none where one place has none."""
    places = list(zip(one.slots, other.slots, strict=True))
    # Places without ISO's codes, which are slow to import, mostly decide.
    if any(_common_token(*slots, codes) is None for slots in sorted(places, key=_has_iso_codes)):
        return []
    return [token for slots in places if (token := _common_token(*slots, codes)) is not None]


def _has_iso_codes(slots: tuple[Slot, Slot]) -> bool:
    return any(isinstance(part, Component) and part.key in ISO_KEYS for slot in slots for part in slot.parts)


def _common_token(one: Slot, other: Slot, codes: Codes) -> str | None:
    both = [*one.samples(codes), *other.samples(codes)]
    return next((token for token in both if one.fits(token, codes) and other.fits(token, codes)), None)


def _spelled_out(pattern: str) -> list[str]:
    match = re.search(r"\[([^\[\]]*)\]", pattern)
    if match is None:
        if "[" in pattern or "]" in pattern:
            raise ValueError("expected a ] for every [")
        return [pattern]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [*_spelled_out(before + match[1] + after), *_spelled_out(before + after)]


def _order(scheme: str, pattern: str) -> Order:
    pieces = re.split(r"\{(.*?)\}", pattern)
    keys, signs = pieces[1::2], pieces[::2]
    if unknown := [key for key in keys if key not in _BY_KEY]:
        raise ValueError(f"{{{unknown[0]}}} is no component; expected {', '.join(f'{{{key}}}' for key in _BY_KEY)}")
    if wrong := re.search(r"[{}./\\]", "".join(signs)):
        raise ValueError(f"expected no {wrong[0]!r} beside components in braces")
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"expected {{{twice[0]}}} once")
    if "tracking" not in keys:
        raise ValueError("expected {tracking}, not in brackets: it ties a final to its master")
    if "" in signs[1:-1]:
        raise ValueError("expected a sign such as '_' between two components")
    if "" in pattern.split("_"):
        raise ValueError(f"expected a component on both sides of every '_', found {pattern!r}; brackets take one along")
    if not clean_pattern(pattern):
        raise ValueError("expected a component beside {job} and {tracking}: they are no part of a name in the DAM")
    return Order(scheme, pattern, tuple(_slot(token) for token in pattern.split("_")))


def _slot(token: str) -> Slot:
    pieces = [piece for piece in re.split(r"(\{\w+\})", token) if piece]
    return Slot(tuple(_BY_KEY[piece[1:-1]] if piece.startswith("{") else piece for piece in pieces))
