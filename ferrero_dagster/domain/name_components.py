"""The ten components of a V2 file name (SPEC 5): what each may hold, and what was probably meant."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import cache


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One of the ten places of a V2 file name."""

    field: str
    title: str
    #: What is legal where no list of codes decides.
    pattern: str
    #: What an author probably meant for this place.
    resembles: str
    expected: str
    example: str
    #: Turns a wrong value into the one that was probably meant; the result may still be wrong.
    repair: Callable[[str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class NamingRules:
    """The code lists of the site; ISO countries and languages come from pycountry."""

    asset_types: tuple[str, ...]
    #: Empty: every brand of 2-5 upper-case letters or digits.
    brands: tuple[str, ...]
    #: Codes in use beside ISO 3166-1.
    extra_countries: tuple[str, ...]
    aspect_ratios: tuple[str, ...]

    def choices(self, component: Component) -> tuple[str, ...]:
        """The legal codes of a component; empty where its pattern decides."""
        if component.field == "country":
            return (*_iso_countries(), *self.extra_countries)
        return _iso_languages() if component.field == "language" else self._listed(component)

    def fits(self, component: Component, value: str) -> bool:
        """Whether the value is legal in this place."""
        if choices := self.choices(component):
            return value in choices
        return re.fullmatch(component.pattern, value) is not None

    def expected(self, component: Component) -> str:
        """What is legal in this place, in words for the person who names files."""
        if listed := self._listed(component):
            return f"one of {', '.join(listed)}"
        if component.field == "country" and self.extra_countries:
            return f"{component.expected}, or {', '.join(self.extra_countries)}"
        return component.expected

    def example(self, component: Component) -> str:
        """A legal value."""
        return component.example if self.fits(component, component.example) else self.choices(component)[0]

    def nearest(self, component: Component, found: str) -> str | None:
        """The legal value that was probably meant, if one is near, and nearer than all others."""
        repaired = component.repair(found)
        if self.fits(component, repaired):
            return repaired
        by_folded = {choice.casefold(): choice for choice in self.choices(component)}
        likely = get_close_matches(repaired.casefold(), by_folded, n=5)
        ranked = sorted((_likeness(choice, repaired.casefold()), choice) for choice in likely)
        if not ranked or [likeness for likeness, _ in ranked].count(ranked[-1][0]) > 1:
            return None
        return by_folded[ranked[-1][1]]

    def _listed(self, component: Component) -> tuple[str, ...]:
        lists = {"brand": self.brands, "asset_type": self.asset_types, "aspect_ratio": self.aspect_ratios}
        return lists.get(component.field, ())


def _likeness(choice: str, found: str) -> tuple[float, int]:
    """How much the two have in common, and how much of it in the same place."""
    return SequenceMatcher(None, choice, found).ratio(), sum(map(str.__eq__, choice, found))


@cache
def _iso_countries() -> tuple[str, ...]:
    import pycountry  # noqa: PLC0415  # slow to import: only who parses names pays

    return tuple(country.alpha_2 for country in pycountry.countries)


@cache
def _iso_languages() -> tuple[str, ...]:
    import pycountry  # noqa: PLC0415  # slow to import: only who parses names pays

    return tuple(language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2"))


def _upper_code(found: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", found.upper())


def _country(found: str) -> str:
    """`DEU` means `DE`."""
    import pycountry  # noqa: PLC0415  # as above

    country = pycountry.countries.get(alpha_3=_upper_code(found))
    return country.alpha_2 if country else _upper_code(found)


def _language(found: str) -> str:
    """`DEU` means `de`."""
    import pycountry  # noqa: PLC0415  # as above

    code = _upper_code(found).lower()
    return getattr(pycountry.languages.get(alpha_3=code), "alpha_2", code)


def _without_copy_mark(found: str) -> str:
    """`ABC123 (1)`, a second download, means `ABC123`."""
    return _upper_code(re.sub(r"\(.*\)$", "", found))


def _digits(found: str) -> str:
    return re.sub(r"[^0-9]", "", found)


def _title(found: str) -> str:
    plain = unicodedata.normalize("NFKD", found).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")


def _duration(found: str) -> str:
    code = re.sub(r"S(EC)?(OND)?S?$", "", _upper_code(found))
    return f"{code}S" if code.isdigit() else code


COMPONENTS = (
    Component(
        field="job_number",
        title="OMG job number",
        pattern=r"[0-9]{5,10}",
        resembles=r".*[0-9]{4,}.*",
        expected="5 to 10 digits",
        example="1234567",
        repair=_digits,
    ),
    Component(
        field="brand",
        title="brand",
        pattern=r"[A-Z0-9]{2,5}",
        resembles=r"[A-Za-z0-9]{2,6}",
        expected="2 to 5 upper-case letters or digits",
        example="RAF",
        repair=_upper_code,
    ),
    Component(
        field="country",
        title="country",
        pattern=r"[A-Z]{2}",
        resembles=r"[A-Za-z]{2,3}",
        expected="an ISO 3166-1 code of two upper-case letters",
        example="DE",
        repair=_country,
    ),
    Component(
        field="language",
        title="language",
        pattern=r"[a-z]{2}",
        resembles=r"[A-Za-z]{2,3}",
        expected="an ISO 639-1 code of two lower-case letters",
        example="de",
        repair=_language,
    ),
    Component(
        field="subject",
        title="subject title",
        pattern=r"[A-Za-z0-9-]+",
        resembles=r".+",
        expected="letters A-Z and a-z, digits and '-', no '_'",
        example="TEST-JOB",
        repair=_title,
    ),
    Component(
        field="asset_type",
        title="asset type",
        pattern=r"[A-Z0-9]+",
        resembles=r"[A-Za-z]{2,4}",
        expected="an asset type code",
        example="OLV",
        repair=_upper_code,
    ),
    Component(
        field="sequence",
        title="sequence",
        pattern=r"[0-9]{3}",
        resembles=r"[A-Za-z]?[0-9]{1,4}",
        expected="3 digits",
        example="001",
        repair=lambda found: _digits(found).lstrip("0").zfill(3),
    ),
    Component(
        field="duration",
        title="duration or size",
        pattern=r"[0-9]{1,3}S|NA",
        resembles=r"[0-9]+ ?[A-Za-z]*|[Nn].?[Aa]",
        expected="seconds followed by S, or 00S or NA for stills",
        example="6S",
        repair=_duration,
    ),
    Component(
        field="aspect_ratio",
        title="aspect ratio",
        pattern=r"[0-9]+x[0-9]+",
        resembles=r"[0-9]+[^0-9][0-9]+",
        expected="width x height",
        example="16x9",
        repair=lambda found: re.sub(r"[^0-9]+", "x", found),
    ),
    Component(
        field="tracking_id",
        title="tracking ID",
        pattern=r"[A-Z0-9]{6}",
        resembles=r"[A-Za-z0-9-]{5,7}",
        expected="6 upper-case letters or digits",
        example="ABC123",
        repair=_without_copy_mark,
    ),
)
