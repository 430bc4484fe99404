"""The components of file names (SPEC 5, 12; contract customer.md 3): what each may hold, and what was meant."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import cache, cached_property

from ferrero_dagster.domain.name_slips import plain_ascii, slips, tidied


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One kind of part that a file name is made of."""

    #: As patterns call it.
    key: str
    #: As `AgencyName` calls it.
    field: str
    title: str
    #: What is legal where no list of codes decides.
    pattern: str
    #: What an author probably meant for this place.
    resembles: str
    expected: str
    example: str
    #: Legal values of every length and kind: two components overlap where one of either is legal in the other.
    samples: tuple[str, ...]
    #: Turns a wrong value into the one that was probably meant; the result may still be wrong.
    repair: Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Codes:
    """The code lists of the site; ISO countries and languages come from pycountry."""

    asset_types: tuple[str, ...]
    #: Whether codes beside the known ones are legal.
    other_asset_types: bool
    #: Empty: every brand of 2-5 upper-case letters or digits.
    brands: tuple[str, ...]
    #: Empty: ISO 639 codes of two or three letters, such with a region, and `Global`.
    languages: tuple[str, ...]
    #: Codes in use beside ISO 3166-1.
    extra_countries: tuple[str, ...]
    #: Empty: every width x height.
    aspect_ratios: tuple[str, ...]
    max_subject_length: int

    def known(self, component: Component) -> tuple[str, ...]:
        """The codes of a component that are listed somewhere; empty where its pattern decides."""
        return self._listed(component.key)

    def takes_others(self, component: Component) -> bool:
        """Whether values beside the listed ones may be legal."""
        special = {"country": False, "language": not self.languages, "type": self.other_asset_types}
        return special.get(component.key, not self.known(component))

    def fits(self, component: Component, value: str) -> bool:
        """Whether the value is legal in this place."""
        if value in self._set(component.key):
            return True
        return (
            self.takes_others(component)
            and re.fullmatch(component.pattern, value) is not None
            and (component.key != "language" or self._is_language(value))
            and (component.key != "subject" or len(value) <= self.max_subject_length)
            and (component.key != "type" or not _FOLLOWS_THE_TYPE.fullmatch(value))
        )

    def expected(self, component: Component) -> str:
        """What is legal in this place, in words for the person who names files."""
        listed = () if component.key in ISO_KEYS else self.known(component)
        if component.key == "language" and self.languages:
            listed = self.languages
        if listed:
            return f"one of {', '.join(listed)}{' or another code of its form' if self.takes_others(component) else ''}"
        if component.key == "country" and self.extra_countries:
            return f"{component.expected}, or {', '.join(self.extra_countries)}"
        return component.expected.format(max_subject_length=self.max_subject_length)

    def example(self, component: Component) -> str:
        """A legal value."""
        return component.example if self.fits(component, component.example) else self.known(component)[0]

    def samples(self, component: Component) -> tuple[str, ...]:
        """Legal values of every length and kind."""
        return tuple(v for v in (*self.known(component), *component.samples) if self.fits(component, v))

    def nearest(self, component: Component, found: str) -> str | None:
        """The legal value that was probably meant, if one is near, and nearer than all others."""
        plain = plain_ascii(tidied(found))
        if any(char.isalnum() for char in plain if not char.isascii()):
            return None  # a letter of another script stands for one that nobody knows
        repaired = component.repair(plain)
        if self.fits(component, repaired):
            return repaired
        by_folded = {choice.casefold(): choice for choice in self.known(component)}
        likely = get_close_matches(repaired.casefold(), by_folded, n=5)
        ranked = sorted((_likeness(choice, repaired.casefold()), choice) for choice in likely)
        if not ranked or [likeness for likeness, _ in ranked].count(ranked[-1][0]) > 1:
            return None
        return by_folded[ranked[-1][1]]

    def certain(self, component: Component, found: str) -> str | None:
        """The legal value that was meant beyond doubt: the only one a slip away or, where none is, the repaired one."""
        # What stood for a `_` in a subject, or for one of two blanks, if anything, nobody knows.
        if "_" in found or re.search(r"\s\s", found):
            return None
        plain = plain_ascii(tidied(found)) if component.key == "subject" else tidied(found)
        if self.fits(component, plain):
            return plain
        near: set[str] = set()
        for value in slips(plain):
            if self.fits(component, value):
                near.add(value)
                if len(near) > 1:
                    return None
        repaired = component.repair(plain)
        return near.pop() if near else repaired if self.fits(component, repaired) else None

    def _listed(self, key: str) -> tuple[str, ...]:
        if key == "country":
            return (*_iso_countries(), *self.extra_countries)
        if key == "language":
            return self.languages or (*_iso_languages(), _EVERYWHERE)
        return {"brand": self.brands, "type": self.asset_types, "ratio": self.aspect_ratios}.get(key, ())

    def _set(self, key: str) -> frozenset[str]:
        if key not in self._sets:
            self._sets[key] = frozenset(self._listed(key))
        return self._sets[key]

    @cached_property
    def _sets(self) -> dict[str, frozenset[str]]:
        return {}

    def _is_language(self, value: str) -> bool:
        code, _, region = value.partition("-")
        is_region = not region or region.isdigit() or region in self._set("country")
        return is_region and (code in self._set("language") or code in _iso_languages_of_three_letters())


#: Version or duration: where the type is missing, they are not taken for it, unless they are known codes.
_FOLLOWS_THE_TYPE = re.compile(r"[0-9]{3}|MST|[0-9]{1,3}S|NA")
#: Components whose codes come from ISO.
ISO_KEYS = frozenset({"country", "language"})
#: A language for finals of no language.
_EVERYWHERE = "Global"


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


@cache
def _iso_languages_of_three_letters() -> frozenset[str]:
    """ISO 639-3 with the older codes of 639-2, so that `deu` and `ger` are both there."""
    import pycountry  # noqa: PLC0415  # slow to import: only who parses names pays

    older = {language.bibliographic for language in pycountry.languages if hasattr(language, "bibliographic")}
    return frozenset(language.alpha_3 for language in pycountry.languages) | older


def _upper_code(found: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", found.upper())


def _country(found: str) -> str:
    """`DEU` means `DE`."""
    import pycountry  # noqa: PLC0415  # as above

    country = pycountry.countries.get(alpha_3=_upper_code(found))
    return country.alpha_2 if country else _upper_code(found)


def _language(found: str) -> str:
    """`FR-ca` means `fr-CA`."""
    if found.casefold() == _EVERYWHERE.casefold():
        return _EVERYWHERE
    code, _, region = found.replace(" ", "").partition("-")
    code = re.sub(r"[^a-z]", "", code.lower())
    return f"{code}-{_upper_code(region)}" if region else code


def _job(found: str) -> str:
    """`OMG 1234567` means `1234567`; of `12x34` and `ABC123` nobody knows."""
    number = re.fullmatch(r"(OMG|JOB|NO|NR)?[\W_]*([0-9]+)\W*", found, re.IGNORECASE)
    return number[2] if number else ""


def _title(found: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ]*[^A-Za-z0-9 -][^A-Za-z0-9 ]*", "-", plain_ascii(found)).strip("- ")


def _version(found: str) -> str:
    number, mark = re.sub(r"[^0-9]", "", found), "MST" if "MST" in found.upper() else ""
    return (number.lstrip("0").zfill(3) if number else "") + mark


def _duration(found: str) -> str:
    code = re.sub(r"S(EC)?(OND)?S?$", "", _upper_code(found))
    return f"{code}S" if code.isdigit() else code


COMPONENTS = (
    Component(
        key="job",
        field="job_number",
        title="OMG job number",
        pattern=r"[0-9]{1,10}",
        resembles=r".*[0-9]{3,}.*",
        expected="1 to 10 digits",
        example="1234567",
        samples=tuple("1" * length for length in range(1, 11)),
        repair=_job,
    ),
    Component(
        key="brand",
        field="brand",
        title="brand",
        pattern=r"[A-Z0-9]{2,5}",
        resembles=r"[A-Za-z0-9]{2,6}",
        expected="2 to 5 upper-case letters or digits",
        example="RAF",
        samples=tuple(sign * length for sign in ("A", "1") for length in range(2, 6)),
        repair=_upper_code,
    ),
    Component(
        key="country",
        field="country",
        title="country",
        pattern=r"[A-Z]{2}",
        resembles=r"[A-Za-z]{2,3}",
        expected="an ISO 3166-1 code of two upper-case letters",
        example="DE",
        samples=(),
        repair=_country,
    ),
    Component(
        key="language",
        field="language",
        title="language",
        pattern=r"[a-z]{2,3}(-([A-Z]{2}|[0-9]{3}))?",
        resembles=r"[A-Za-z]{2,3}(-.{2,3})?",
        expected="an ISO 639 code of two or three lower-case letters, also with a region as in fr-CA, or Global",
        example="de",
        samples=("deu", "fr-CA", "es-419", "fil-PH"),
        repair=_language,
    ),
    Component(
        key="subject",
        field="subject",
        title="subject title",
        pattern=r"[A-Za-z0-9-]+( [A-Za-z0-9-]+)*",
        resembles=r".+",
        expected="1 to {max_subject_length} letters A-Z and a-z, digits, '-' and single blanks, no '_'",
        example="TEST-JOB",
        samples=("A", "a", "1", "-", "A A"),
        repair=_title,
    ),
    Component(
        key="type",
        field="asset_type",
        title="asset type",
        pattern=r"[A-Z0-9]{2,4}",
        resembles=r"[A-Za-z]{2,4}",
        expected="an asset type code",
        example="OLV",
        samples=tuple(sign * length for sign in ("A", "1") for length in range(2, 5)),
        repair=_upper_code,
    ),
    Component(
        key="version",
        field="version",
        title="version",
        pattern=r"[0-9]{3}(MST)?|MST",
        resembles=r"[A-Za-z]?[0-9]{1,4}(MST|mst)?",
        expected="3 digits, 3 digits and MST, or MST",
        example="001",
        samples=("001", "001MST", "MST"),
        repair=_version,
    ),
    Component(
        key="duration",
        field="duration",
        title="duration",
        pattern=r"[0-9]{1,3}S|NA",
        resembles=r"[0-9]{1,2}|[0-9]+ ?[Ss][A-Za-z]*|[Nn].?[Aa]",
        expected="seconds followed by S, or 00S or NA for stills",
        example="6S",
        samples=("1S", "10S", "100S", "NA"),
        repair=_duration,
    ),
    Component(
        key="ratio",
        field="aspect_ratio",
        title="aspect ratio",
        pattern=r"[1-9][0-9]{0,3}x[1-9][0-9]{0,3}",
        resembles=r"[0-9]+[^0-9][0-9]+",
        expected="width x height",
        example="16x9",
        samples=tuple(f"{'1' * width}x{'1' * height}" for width in range(1, 5) for height in range(1, 5)),
        repair=lambda found: re.sub(r"[^0-9]+", "x", found),
    ),
    Component(
        key="media",
        field="media_code",
        title="media code",
        pattern=r"[A-Z0-9]{3}",
        resembles=r"[A-Za-z0-9]{3}",
        expected="3 upper-case letters or digits",
        example="IGR",
        samples=("AAA", "111"),
        repair=_upper_code,
    ),
    Component(
        key="tracking",
        field="tracking_id",
        title="tracking ID",
        pattern=r"[A-Za-z0-9]{6}",
        resembles=r"[A-Za-z0-9-]{5,7}",
        expected="6 letters or digits, letter by letter as in the master's name in Box",
        example="ABC123",
        samples=("AAAAAA", "aaaaaa", "111111"),
        repair=lambda found: re.sub(r"[^A-Za-z0-9]", "", found),
    ),
)
ASSET_TYPE = next(component for component in COMPONENTS if component.key == "type")
