"""The agency's V2 file names (SPEC 5): parsed exactly, or every problem told at once; nothing is repaired."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.domain.name_alignment import Placed, align
from ferrero_dagster.domain.name_components import COMPONENTS, NamingRules

EXAMPLE_NAME = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"
MAX_NAME_LENGTH = 255
_MAX_TOLD = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class V2Name:
    """The ten components of a V2 file name and its extension (without dot); `str()` gives the file name back."""

    job_number: str
    brand: str
    country: str
    language: str
    subject: str
    asset_type: str
    sequence: str
    duration: str
    aspect_ratio: str
    tracking_id: TrackingId
    extension: str

    def __str__(self) -> str:
        return f"{'_'.join(astuple(self)[:10])}.{self.extension}"

    @property
    def clean_name(self) -> str:
        """The name for the DAM: components 2-9, so without job number and tracking ID."""
        return f"{'_'.join(astuple(self)[1:9])}.{self.extension}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NameProblem:
    """One thing that is wrong in a file name."""

    component: str
    #: 1-10 as in the V2 scheme, 11 for the extension, 0 for what belongs to no component.
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
    #: What its author probably meant, where everything that is wrong has one nearest value; a suggestion, as those are.
    meant: V2Name | None = None
    #: The tracking ID in it, or the one that was probably meant, whatever else is wrong.
    tracking_id: TrackingId | None = None

    def __str__(self) -> str:
        if len(self.problems) > _MAX_TOLD:
            return (
                f"This is not a V2 file name, {len(self.problems)} parts are wrong or missing; "
                f"a correct one looks like {EXAMPLE_NAME}."
            )
        told = [str(problem) for problem in self.problems if problem.found]
        if missing := [problem.component for problem in self.problems if not problem.found]:
            told.append(f"missing: {', '.join(missing)}")
        return f"The name is wrong: {'; '.join(told)}."


def parse_v2(name: str, rules: NamingRules) -> V2Name | NameProblems:
    """The parsed name, or every problem at once; missing and surplus components are named as such."""
    if len(name) > MAX_NAME_LENGTH:
        return NameProblems(name=name, problems=(_too_long(name),))
    stem, _, extension = name.rpartition(".")
    if not stem or "_" in extension:
        stem, extension = name, ""
    tokens = stem.split("_")
    placed = _placed(tokens, rules)
    component_problems = [problem for part in placed if (problem := _problem(part, rules))]
    problems = (*component_problems, *_extension_problems(extension))
    if not problems:
        parts: dict[str, Any] = {c.field: token for c, token in zip(COMPONENTS, tokens, strict=True)}
        return V2Name(**parts, extension=extension)
    meant: dict[str, Any] = {
        part.component.field: value for part in placed if part.component and (value := _meant(part, rules))
    }
    return NameProblems(
        name=name,
        problems=problems,
        meant=_meant_name(meant, extension, problems),
        tracking_id=meant.get("tracking_id"),
    )


def _placed(tokens: list[str], rules: NamingRules) -> list[Placed]:
    if len(tokens) == len(COMPONENTS) and all(map(rules.fits, COMPONENTS, tokens)):
        return [Placed(component, token, 0, 1) for component, token in zip(COMPONENTS, tokens, strict=True)]
    return align(tokens, rules)


def _meant(part: Placed, rules: NamingRules) -> str | None:
    """The value of a component, or the one that was probably meant."""
    if part.component is None or not part.found:
        return None
    return part.found if rules.fits(part.component, part.found) else rules.nearest(part.component, part.found)


def _meant_name(meant: dict[str, Any], extension: str, problems: Sequence[NameProblem]) -> V2Name | None:
    if any(problem.nearest is None for problem in problems):
        return None
    name = V2Name(**meant, extension=problems[-1].nearest or "" if problems[-1].component == "extension" else extension)
    return name if len(str(name)) <= MAX_NAME_LENGTH else None


def _problem(placed: Placed, rules: NamingRules) -> NameProblem | None:
    component, found = placed.component, placed.found
    if component is None:
        return _surplus(found or "")
    if found is not None and rules.fits(component, found):
        return None
    return NameProblem(
        component=component.title,
        position=COMPONENTS.index(component) + 1,
        found=found or "",
        expected=rules.expected(component),
        nearest=rules.nearest(component, found) if found else None,
        example=rules.example(component),
    )


def _surplus(found: str) -> NameProblem:
    return NameProblem(
        component="one component too many",
        position=0,
        found=found or "__",
        expected="10 components joined by '_'",
        nearest=None,
        example=EXAMPLE_NAME,
    )


def _too_long(name: str) -> NameProblem:
    return NameProblem(
        component="length",
        position=0,
        found=f"{len(name)} characters",
        expected=f"at most {MAX_NAME_LENGTH} characters",
        nearest=None,
        example=EXAMPLE_NAME,
    )


def _extension_problems(extension: str) -> list[NameProblem]:
    if re.fullmatch(r"[A-Za-z0-9]{1,10}", extension):
        return []
    return [
        NameProblem(
            component="extension",
            position=len(COMPONENTS) + 1,
            found=extension,
            expected="a dot and 1 to 10 letters or digits at the end",
            nearest=re.sub(r"[^A-Za-z0-9]", "", extension)[:10] or None,
            example="mp4",
        )
    ]
