"""Invented metadata of masters: the fields that finals take over, and the hundreds of others that a real asset carries.

All of it follows from the asset's name, so that two runs see the same DAM.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from ferrero_dagster.sandbox.otmm.metadata import (
    CATEGORY,
    Element,
    cascading,
    column,
    domain_value,
    field,
    in_tables,
    scalar_value,
)

ASSET_NAME = "ARTESIA.FIELD.ASSET NAME"
CAMPAIGN_STATUS = "CONTENT.SCALING.STATUS"
CAMPAIGN_TYPE = "FERRERO.FIELD.CAMPAIGN_TYPE"
CAMPAIGN_NUMBER = "FERRERO.FIELD.CAMPAIGN_NUMBER"
STATE = "FERRERO.FIELD.STATE"

#: Where a field sits; any other is found in the last category.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "Asset Info": (ASSET_NAME, "ARTESIA.FIELD.ASSET DESCRIPTION", STATE),
    "Brand": ("FERRERO.FIELD.BRAND", "FERRERO.FIELD.SUBBRAND"),
    "Product": ("FERRERO.FIELD.PRODUCT", "FERRERO.FIELD.PRODUCT LINE", "FERRERO.FIELD.SEASON"),
    "Market": ("FERRERO.FIELD.MAIN_COUNTRY", "MAIN_LANGUAGES"),
    "Campaign": (CAMPAIGN_STATUS, CAMPAIGN_TYPE, CAMPAIGN_NUMBER, "FERRERO.FIELD.CAMPAIGN_NAME", "FERRERO.FIELD.YEAR"),
    "Media": (
        "FERRERO.FIELD.CHANNEL",
        "FERRERO.FIELD.TOUCHPOINT",
        "FERRERO.FIELD.MKTG.ASSET TYPE",
        "FERRERO.FIELD.ASSET TYPE",
        "MARKETING_TAG",
    ),
    "Technical": ("FERRERO.FIELD.ASPECT RATIO", "FERRERO.FIELD.DURATION"),
    "Rights": (
        "FERRERO.FIELD.ASSET VALIDITY START PERIOD",
        "FERRERO.FIELD.ASSET VALIDITY END PERIOD",
        "FERRERO.FIELD.COPYRIGHT",
        "FERRERO.FIELD.RIGHTS START DATE",
        "FERRERO.FIELD.RIGHTS END DATE",
        "FERRERO.FIELD.CONFIDENTIALITY",
    ),
    "Talent": ("FERRERO.FIELD.TALENT", "FERRERO.FIELD.MUSIC"),
    "Production": ("FERRERO.FIELD.AGENCY", "FERRERO.MARKETING.FIELD.AGENCY NAME", "FERRERO.FIELD.FISCAL YEAR"),
    "Quality": (
        "FERRERO.TAB.FIELD.CREATIVEX",
        "FERRERO.FIELD.CREATIVEX LINK",
        "FERRERO.FIELD.ASSETCOMPLIANCE",
        "FERRERO.MASTERASSETIDS",
    ),
    "Legal": (),
    "Distribution": (),
    "Archive": (),
    "Other": (),
}

#: Fields that the search knows, even where no asset has a value yet.
SEARCHABLE = frozenset(field_id for ids in CATEGORIES.values() for field_id in ids)

#: What the domain of statuses knows, and how it shows each.
STATUSES = {
    "A1": "A1 - Masters ready",
    "A2": "A2 - Masters with agency",
    "A3": "A3 - Finals delivered",
    "A4": "A4 - Local review",
    "A5": "A5 - Rework requested",
    "A6": "A6 - Rework with agency",
    "B1": "B1 - Global masters ready",
    "B2": "B2 - Global masters with agency",
}
_BRANDS = (
    ("NUTELLA", "Nutella", "Plant-Based", "Nutella Plant-Based 350 g"),
    ("RAFFAELLO", "Raffaello", "Raffaello Classic", "Raffaello T15"),
    ("KINDER", "Kinder", "Kinder Bueno", "Kinder Bueno T2"),
    ("ROCHER", "Ferrero Rocher", "Rocher Origins", "Ferrero Rocher T16"),
    ("TICTAC", "Tic Tac", "Tic Tac Fresh", "Tic Tac Mint T37"),
)
_FILLER_PER_CATEGORY, _VARIANTS = 36, 20
_WORDS = ("territory", "usage", "owner", "version", "source", "approval", "release", "format", "colour", "contact")


def campaign_fields(*, status: str, campaign_type: str, number: str, domained: bool) -> list[Element]:
    """The metadata of a campaign folder; status and type as pick lists or as plain text."""
    if not domained:
        return [
            field(CAMPAIGN_STATUS, scalar_value(status)),
            field(CAMPAIGN_TYPE, scalar_value(campaign_type)),
            field(CAMPAIGN_NUMBER, scalar_value(number)),
        ]
    return [
        field(CAMPAIGN_STATUS, domain_value(status, STATUSES.get(status, status))),
        field(CAMPAIGN_TYPE, domain_value(campaign_type, campaign_type)),
        field(CAMPAIGN_NUMBER, scalar_value(number)),
    ]


def master_fields(name: str, *, campaign_name: str, campaign_number: str) -> list[Element]:
    """The fields of a master that finals take over, but its name.

    Missing, as at the customer: three columns and both fields of CreativeX (contract customer.md 2).
    """
    rng = random.Random(name)  # noqa: S311  # invented data
    brand_id, brand, subbrand, product = rng.choice(_BRANDS)
    year = rng.choice((2025, 2026))
    return [
        _text("ARTESIA.FIELD.ASSET DESCRIPTION", f"{subbrand} master: {name.rpartition('.')[0] or name}"),
        _pick("STATE", "Global", "Global"),
        _pick("MKTG.ASSET TYPE", "MST", "Master"),
        _pick("FISCAL YEAR", f"FY{year % 100}{year % 100 + 1}", f"{year}/{year + 1}"),
        field("FERRERO.MARKETING.FIELD.AGENCY NAME", domain_value("OLV01", "OLIVER")),
        _date("ASSET VALIDITY START PERIOD", f"{year}-02-01T00:00:00Z"),
        _date("ASSET VALIDITY END PERIOD", f"{year + 2}-01-31T00:00:00Z"),
        _pick("BRAND", brand_id, brand),
        _pick("SUBBRAND", f"{brand_id}_01", subbrand),
        cascading("FERRERO.FIELD.PRODUCT", (brand_id, "P1"), (brand, product)),
        _text("FERRERO.FIELD.PRODUCT LINE", f"{brand} core"),
        _pick("MAIN_COUNTRY", "IT", "Italy "),
        _pick("ASSET TYPE", "OLV", "Online video"),
        _text("FERRERO.FIELD.CAMPAIGN_NAME", campaign_name),
        _text(CAMPAIGN_NUMBER, campaign_number),
        _pick("SEASON", "CHR", "Christmas"),
        field("FERRERO.FIELD.YEAR", scalar_value(year), data_type="NUMBER"),
        column("FERRERO.FIELD.CHANNEL", [scalar_value("YouTube"), scalar_value("Meta")]),
        column("FERRERO.FIELD.TOUCHPOINT", [domain_value("DIG", "Digital")]),
        _text("FERRERO.FIELD.AGENCY", "OLIVER"),
        _text("FERRERO.FIELD.COPYRIGHT", f"© {year} Ferrero"),
        _date("RIGHTS START DATE", f"{year}-01-01T00:00:00Z"),
        _date("RIGHTS END DATE", f"{year + 2}-12-31T00:00:00Z"),
        {"type": "com.artesia.metadata.MetadataField", "id": "FERRERO.FIELD.MUSIC", "name": "Music"},
        _pick("ASPECT RATIO", "16x9", "16:9"),
        field("FERRERO.FIELD.DURATION", scalar_value(rng.choice((6, 15, 30))), data_type="NUMBER"),
        _pick("CONFIDENTIALITY", "INT", "Internal"),
    ]


def _text(field_id: str, value: str) -> Element:
    return field(field_id, scalar_value(value))


def _pick(last: str, value_id: str, display: str) -> Element:
    return field(f"FERRERO.FIELD.{last}", domain_value(value_id, display))


def _date(last: str, value: str) -> Element:
    return field(f"FERRERO.FIELD.{last}", scalar_value(value, "DATE"), data_type="DATE")


def in_categories(elements: Iterable[Element], *, seed: str | None = None) -> list[Element]:
    """Stored elements in OTMM's categories; with a seed among the fields that a real asset carries besides."""
    rng = random.Random(seed)  # noqa: S311  # invented data
    members: dict[str, list[Element]] = {name: [] for name in CATEGORIES}
    homes = {field_id: name for name, ids in CATEGORIES.items() for field_id in ids}
    for element in elements:
        members[homes.get(element["id"], "Other")].append(element)
    for name, inside in members.items():
        if seed is not None:
            inside.extend(_filler(name.upper(), rng.randrange(_VARIANTS)))
    return [_category(name, inside) for name, inside in members.items() if inside]


def _category(name: str, elements: list[Element]) -> Element:
    return {
        "type": CATEGORY,
        "id": f"FERRERO.CATEGORY.{name.upper()}",
        "name": name,
        "metadata_element_list": in_tables(elements),
    }


@cache
def _filler(category: str, variant: int) -> tuple[Element, ...]:
    """The other fields of a category; made once, as the metadata of hundreds of assets are asked for at once."""
    rng = random.Random(f"{category} {variant}")  # noqa: S311  # invented data
    ids = [f"FERRERO.FIELD.{category} {rng.choice(_WORDS)} {n:02}".upper() for n in range(_FILLER_PER_CATEGORY)]
    rows = rng.randrange(2, 6)
    table_id = f"FERRERO.TABLE.{category}"
    columns = [
        column(f"{table_id} {name}", [scalar_value(f"{name} {row}") for row in range(rows)], table_id=table_id)
        for name in ("COUNTRY", "MEDIUM", "VALID UNTIL")
    ]
    return (*(_filler_field(field_id, rng) for field_id in ids), *columns)


def _filler_field(field_id: str, rng: random.Random) -> Element:
    number = rng.randrange(10_000)
    made: Sequence[Callable[[], Element]] = (
        lambda: field(field_id),
        lambda: field(field_id, scalar_value(number), data_type="NUMBER"),
        lambda: _filler_date(field_id, number),
        lambda: field(field_id, scalar_value(" ".join(rng.choices(_WORDS, k=30)))),
        lambda: field(field_id, domain_value(f"V{number}", f"Value {number} ")),
        lambda: cascading(field_id, ("A", f"V{number}"), ("Group A", f"Value {number}")),
    )
    return rng.choice(made)()


def _filler_date(field_id: str, number: int) -> Element:
    return field(field_id, scalar_value(f"2026-01-{number % 28 + 1:02}T08:00:00Z", "DATE"), data_type="DATE")
