"""The agency's file names (SPEC 5, 12): read exactly, or every problem told at once; nothing is repaired."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, permutations
from typing import Any

from ferrero_dagster.domain.extensions import Extensions
from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.domain.name_alignment import Placed, align, strangeness_by
from ferrero_dagster.domain.name_components import COMPONENTS, Codes
from ferrero_dagster.domain.name_schemes import Order, Slot, clean_pattern, filled
from ferrero_dagster.domain.name_slips import slips, without_copy_marks

MAX_NAME_LENGTH = 255
#: More are not explained one by one: it would take long, and help nobody.
_MAX_COMPONENTS = 25
_MAX_TOLD = 4
_FIELDS = {component.key: component.field for component in COMPONENTS}


@dataclass(frozen=True, kw_only=True, slots=True)
class AgencyName:
    """A file name that fits one of the site's schemes; `str()` gives the file name back.

    A component that the scheme lacks, or that may be missing and is, is empty.
    """

    #: As the site calls it.
    scheme: str
    #: The order of this name, such as `{job}_{brand}_{tracking}`.
    pattern: str
    tracking_id: TrackingId
    #: Without dot.
    extension: str
    job_number: str = ""
    brand: str = ""
    country: str = ""
    language: str = ""
    subject: str = ""
    asset_type: str = ""
    version: str = ""
    duration: str = ""
    aspect_ratio: str = ""
    media_code: str = ""
    #: Sentences about what is taken, but not known.
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{filled(self.pattern, self.components)}.{self.extension}"

    @property
    def clean_name(self) -> str:
        """The name for the DAM, in the same order: without job number and tracking ID."""
        return f"{filled(clean_pattern(self.pattern), self.components)}.{self.extension}"

    @property
    def components(self) -> dict[str, str]:
        """The components' values, by the words of the patterns: `language`, `type`, …"""
        return {key: getattr(self, field) for key, field in _FIELDS.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class NameProblem:
    """One thing that is wrong in a file name."""

    component: str
    #: Its place in the scheme, from 1 on, one more for the extension, 0 for what belongs to no component.
    position: int
    #: Empty if the component is missing.
    found: str
    expected: str
    #: A suggestion for the author, never used instead of what was found.
    nearest: str | None
    example: str

    def __str__(self) -> str:
        found = f"{self.component} “{self.found}”"
        return f"{found} → “{self.nearest}”" if self.nearest else f"{found}, expected {self.expected}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NameProblems:
    """Everything that is wrong in one file name, from left to right; `str()` is one sentence for its author."""

    name: str
    problems: tuple[NameProblem, ...]
    #: A right name of the scheme that comes nearest.
    example: str = ""
    #: What its author meant, where that is beyond doubt; a suggestion, as the nearest values are.
    meant: AgencyName | None = None
    #: The tracking ID in it, or the one that was meant, whatever else is wrong.
    tracking_id: TrackingId | None = None

    def __str__(self) -> str:
        looks_like = f"; a correct one looks like {self.example}" if self.example else ""
        if len(self.problems) > _MAX_TOLD:
            return f"This is no name of a final, {len(self.problems)} parts are wrong or missing{looks_like}."
        told = [str(problem) for problem in self.problems if problem.found]
        if missing := [problem.component for problem in self.problems if not problem.found]:
            told.append(f"missing: {', '.join(missing)}")
        is_clear = all(problem.nearest for problem in self.problems)
        return f"The name is wrong: {'; '.join(told)}{'' if is_clear else looks_like}."


@dataclass(frozen=True, kw_only=True)
class NamingRules:
    """What names the site takes; of its schemes a name fits exactly one."""

    orders: tuple[Order, ...]
    codes: Codes
    extensions: Extensions

    @cached_property
    def examples(self) -> dict[str, str]:
        """A right name of each order, by its pattern."""
        return {order.pattern: f"{order.example(self.codes)}.mp4" for order in self.orders}

    @property
    def example_name(self) -> str:
        """A right name of the site's first scheme."""
        return self.examples[self.orders[0].pattern]

    def read(self, name: str) -> AgencyName | None:
        """The name, if it fits; cheaper than to explain one that does not."""
        stem, _, extension = name.rpartition(".")
        if not stem or len(name) > MAX_NAME_LENGTH or extension.lower() not in self.extensions.all:
            return None
        tokens = stem.split("_")
        found = ((order, order.values(tokens, self.codes)) for order in self.orders)
        return next((self._named(order, values, extension) for order, values in found if values), None)

    def _named(self, order: Order, values: Mapping[str, str], extension: str) -> AgencyName | None:
        asset_type = values.get("type", "")
        if not self.extensions.takes(extension, asset_type):
            return None
        is_known = asset_type in ("", *self.codes.asset_types)
        note = f"The asset type {asset_type} is not among the known ones (naming.asset_types)."
        fields: dict[str, Any] = {_FIELDS[key]: value for key, value in values.items()}
        return AgencyName(
            scheme=order.scheme,
            pattern=order.pattern,
            extension=extension,
            notes=() if is_known else (note,),
            **fields,
        )


def parse_name(name: str, rules: NamingRules) -> AgencyName | NameProblems:
    """The parsed name, or every problem at once, held against the scheme that comes nearest."""
    if len(name) > MAX_NAME_LENGTH or name.count("_") > _MAX_COMPONENTS:
        return NameProblems(name=name, problems=(_too_long(name, rules),), example=rules.example_name)
    return rules.read(name) or _explained(name, rules)


def _explained(name: str, rules: NamingRules) -> NameProblems:
    stem, extension = _split(name)
    rest, mark = without_copy_marks(stem)
    order, reading = _nearest(rest.split("_"), rules)
    asset_type = next((part.found for part in reading if part.found and part.slot and _is(part.slot, "type")), "")
    meant = _meant(reading, rules.extensions.certain(extension, asset_type), rules)
    problems = [problem for part in reading if (problem := _problem(part, order, rules))]
    if meant is None and any(rules.read(f"{'_'.join(tokens)}.{extension}") for tokens in _reordered(reading, rules)):
        # Each part may be right as it is, in another place.
        problems = [problem if _is_lone_case(problems) else replace(problem, nearest=None) for problem in problems]
    problems += [_copy_mark(mark, rules)] if mark else []
    problems += (
        [] if rules.extensions.takes(extension, asset_type) else [_extension(extension, asset_type, order, rules)]
    )
    return NameProblems(
        name=name,
        problems=tuple(problems),
        example=rules.example_name if len(problems) > _MAX_TOLD else rules.examples[order.pattern],
        meant=meant,
        tracking_id=_tracking_id(reading, rules),
    )


def _split(name: str) -> tuple[str, str]:
    """The stem and the extension, which may be doubled as in `mp4.mp4`; neither has a `_` too many."""
    stem, _, extension = name.rpartition(".")
    if not stem or "_" in extension:
        return name, ""
    first, _, doubled = without_copy_marks(stem)[0].rpartition(".")
    is_doubled = first and doubled.strip().lower() == without_copy_marks(extension)[0].strip().lower()
    return (first, name[len(first) + 1 :]) if is_doubled else (stem, extension)


def _nearest(tokens: Sequence[str], rules: NamingRules) -> tuple[Order, list[Placed]]:
    """The order that comes nearest, and how the tokens are read in it; of two that come as near, the site's first."""
    strangeness = strangeness_by(rules.codes)
    readings = [(*align(tokens, order, strangeness), order) for order in rules.orders]
    _, reading, order = min(readings, key=lambda found: found[0])
    return order, reading


def _meant(reading: Sequence[Placed], extension: str | None, rules: NamingRules) -> AgencyName | None:
    """The name that was meant beyond doubt."""
    tokens = [_certain(part, rules) for part in reading]
    if None in tokens or not extension:
        return None
    meant = rules.read(f"{'_'.join(token for token in tokens if token)}.{extension}")
    others = [rules.read(f"{'_'.join(found)}.{extension}") for found in _otherwise(reading, rules)]
    # Nearly every short word may be an asset type: against a known one, no other counts as another explanation.
    likely = {
        found
        for found in others
        if found and meant and (meant.notes or not found.notes or found.asset_type == meant.asset_type)
    }
    return meant if likely <= {meant} else None


def _otherwise(reading: Sequence[Placed], rules: NamingRules) -> Iterator[list[str]]:
    """Other names that this one may have been: with its components in another order, or with one more `_`."""
    yield from _reordered(reading, rules)
    tokens, wrong = _tokens(reading), _wrong(reading, rules)
    for at in wrong:
        for place in range(1, len(tokens[at])):
            for rest in (place, place + 1):
                yield [*tokens[:at], tokens[at][:place], tokens[at][rest:], *tokens[at + 1 :]]
    # A mark of a copy or a sign of another alphabet explains itself: no finger slipped.
    if wrong and all(tokens[at].isascii() for at in wrong):
        slots = tuple(part.slot for part in reading)
        yield from chain.from_iterable(
            _a_slip_away(tokens, order, rules.codes) for order in rules.orders if order.slots != slots
        )


def _reordered(reading: Sequence[Placed], rules: NamingRules) -> Iterator[list[str]]:
    """The components of this name with two exchanged, or with one in another place."""
    wrong = _wrong(reading, rules)
    for one, other in permutations(range(len(reading)), 2):
        tokens, between = _tokens(reading), set(range(min(one, other), max(one, other) + 1))
        if one < other and wrong and wrong <= {one, other}:
            yield [*tokens[:one], tokens[other], *tokens[one + 1 : other], tokens[one], *tokens[other + 1 :]]
        if wrong and wrong <= between:
            tokens.insert(other, tokens.pop(one))
            yield tokens


def _tokens(reading: Sequence[Placed]) -> list[str]:
    return [part.found or "" for part in reading]


def _wrong(reading: Sequence[Placed], rules: NamingRules) -> set[int]:
    """The places of the components that are not legal where they stand."""
    found = zip(reading, _tokens(reading), strict=True)
    return {at for at, (part, token) in enumerate(found) if part.slot and not part.slot.fits(token, rules.codes)}


def _a_slip_away(tokens: Sequence[str], order: Order, codes: Codes) -> Iterator[list[str]]:
    """Names of this order that differ in one slip, which made the only token that is wrong in it."""
    pairs = list(zip(order.slots, tokens, strict=False)) if len(order.slots) == len(tokens) else []
    wrong = [at for at, (slot, token) in enumerate(pairs) if not slot.fits(token, codes)]
    if len(wrong) == 1:
        [at] = wrong
        for token in filter(lambda slip: order.slots[at].fits(slip, codes), slips(tokens[at])):
            yield [*tokens[:at], token, *tokens[at + 1 :]]


def _certain(part: Placed, rules: NamingRules) -> str | None:
    if part.slot is None or part.found is None:
        return None
    return (
        part.found
        if part.slot.fits(part.found, rules.codes)
        else part.slot.nearest(part.found, rules.codes, certain=True)
    )


def _tracking_id(reading: Sequence[Placed], rules: NamingRules) -> TrackingId | None:
    part = next(part for part in reading if part.slot and _is(part.slot, "tracking"))
    token = _certain(part, rules)
    return TrackingId((part.slot.values(token) or {})["tracking"]) if part.slot and token else None


def _is(slot: Slot, key: str) -> bool:
    return any(component.key == key for component in slot.components)


def _problem(placed: Placed, order: Order, rules: NamingRules) -> NameProblem | None:
    slot, found = placed.slot, placed.found
    if slot is None:
        return _surplus(found or "", order, rules)
    if found is not None and slot.fits(found, rules.codes):
        return None
    return NameProblem(
        component=slot.title,
        position=order.slots.index(slot) + 1,
        found=found or "",
        expected=slot.expected(rules.codes),
        nearest=slot.nearest(found, rules.codes) if found and not _may_be_seconds(slot, found, order) else None,
        example=slot.example(rules.codes),
    )


def _surplus(found: str, order: Order, rules: NamingRules) -> NameProblem:
    return NameProblem(
        component="one component too many",
        position=0,
        found=found or "__",
        expected=f"{len(order.slots)} components joined by '_'",
        nearest=None,
        example=rules.examples[order.pattern],
    )


def _is_lone_case(problems: Sequence[NameProblem]) -> bool:
    """Whether nothing is wrong but one component's case."""
    return [str(problem.nearest).casefold() for problem in problems] == [problems[0].found.casefold()]


def _may_be_seconds(slot: Slot, found: str, order: Order) -> bool:
    """Whether digits in the place of a version may be a duration, which this order lacks: `30` for `30S`."""
    return _is(slot, "version") and found.isdigit() and not any(_is(other, "duration") for other in order.slots)


def _copy_mark(mark: str, rules: NamingRules) -> NameProblem:
    return NameProblem(
        component="mark of a copy",
        position=0,
        found=mark.strip(),
        expected="nothing before the first component and behind the last",
        nearest=None,
        example=rules.example_name,
    )


def _too_long(name: str, rules: NamingRules) -> NameProblem:
    return NameProblem(
        component="length",
        position=0,
        found=f"{len(name)} characters, {name.count('_') + 1} parts",
        expected=f"at most {MAX_NAME_LENGTH} characters and {_MAX_COMPONENTS} components joined by '_'",
        nearest=None,
        example=rules.example_name,
    )


def _extension(found: str, asset_type: str, order: Order, rules: NamingRules) -> NameProblem:
    return NameProblem(
        component="extension",
        position=len(order.slots) + 1,
        found=found,
        expected=rules.extensions.expected(asset_type),
        nearest=rules.extensions.nearest(found, asset_type),
        example="mp4",
    )
