"""The agency's V2 file names (SPEC 5): parsed exactly, or every problem told at once; nothing is repaired."""

import re
from dataclasses import astuple, dataclass

from ferrero_dagster.domain.name_alignment import Placed, align
from ferrero_dagster.domain.name_components import COMPONENTS, NamingRules

EXAMPLE_NAME = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"
MAX_NAME_LENGTH = 255


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
    tracking_id: str
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
        nearest = f", nearest is {self.nearest!r}" if self.nearest else ""
        return f"{self.component}: found {self.found!r}, expected {self.expected}{nearest}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NameProblems:
    """Everything that is wrong in one file name, from left to right; `str()` is one sentence for its author."""

    name: str
    problems: tuple[NameProblem, ...]

    def __str__(self) -> str:
        told = [str(problem) for problem in self.problems if problem.found]
        if missing := [problem.component for problem in self.problems if not problem.found]:
            told.append(f"missing: {', '.join(missing)}")
        return f"{self.name!r} is not a V2 file name; {'; '.join(told)}. A correct one looks like {EXAMPLE_NAME}."


def parse_v2(name: str, rules: NamingRules) -> V2Name | NameProblems:
    """The parsed name, or every problem at once; missing and surplus components are named as such."""
    if len(name) > MAX_NAME_LENGTH:
        return NameProblems(name=name, problems=(_too_long(name),))
    stem, _, extension = name.rpartition(".")
    if not stem or "_" in extension:
        stem, extension = name, ""
    tokens = stem.split("_")
    problems = (*_component_problems(tokens, rules), *_extension_problems(extension))
    if problems:
        return NameProblems(name=name, problems=problems)
    return V2Name(**{c.field: token for c, token in zip(COMPONENTS, tokens, strict=True)}, extension=extension)


def _component_problems(tokens: list[str], rules: NamingRules) -> list[NameProblem]:
    if len(tokens) == len(COMPONENTS) and all(map(rules.fits, COMPONENTS, tokens)):
        return []
    return [problem for placed in align(tokens, rules) if (problem := _problem(placed, rules))]


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
