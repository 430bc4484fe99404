"""The rows that make a final's fields (SPEC 12): which form each has, and where its value comes from."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Literal, get_args

from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.dates import dam_date, day_of
from ferrero_dagster.domain.otmm.forms import COLUMNS, Form, as_text, element
from ferrero_dagster.domain.otmm.metadata import Cell, FieldNode, Scalar, cells, is_column, table_columns

Kind = Literal["text", "pick", "column", "cascading", "date", "as_master"]
NamePart = Literal[
    "clean_name", "job_number", "brand", "country", "language", "subject", "asset_type", "version", "duration",
    "aspect_ratio", "media_code", "tracking_id", "extension",
]  # fmt: skip
OtherSource = Literal[
    "master", "fixed", "creativex_score", "creativex_link", "master_dam_id", "today", "media_width", "media_height",
    "media_duration",
]  # fmt: skip
Source = Literal[NamePart, OtherSource]
NAME_PARTS: tuple[str, ...] = get_args(NamePart)

_ORIGINS: dict[str, str] = {
    "master": "master",
    "fixed": "fixed text",
    "creativex_score": "CreativeX",
    "creativex_link": "CreativeX",
    "master_dam_id": "master's DAM id",
    "today": "day of upload",
    "media_width": "media",
    "media_height": "media",
    "media_duration": "media",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldRow:
    """One field of a final; what each setting means is told in `site.yaml`."""

    id: str
    kind: Kind
    #: The first that has a value gives it.
    sources: tuple[Source, ...] = ("master",)
    #: Table of a column; None: as in the master.
    table: str | None = None
    #: Whether the rows of a column are values of a pick list.
    picks: bool = True
    case: Literal["upper", "lower"] | None = None
    fixed: str = ""
    #: Added to the day of upload.
    days: int = 0
    #: Whether the field is made where the master lacks it.
    make: bool = True
    #: Of a pick list: what people see, by id.
    domain: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaFacts:
    """What could be read from the file itself."""

    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalInputs:
    """All that a final's fields are made of."""

    name: AgencyName
    #: The master's `full_metadata`, in whatever form it was stored.
    master_metadata: object
    master_dam_id: DamId | None
    #: The day of upload, in the site's time zone.
    today: date
    media: MediaFacts = MediaFacts()
    #: As the DAM is to show them, a row each; none where the final has no score.
    creativex_scores: tuple[str, ...] = ()
    creativex_link: str | None = None
    #: What a person set for this final, by field id; empty texts change nothing.
    edits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class MasterField:
    """A field as the master has it; without a node it lacks it."""

    node: FieldNode | None = None
    table: str | None = None

    @property
    def cells(self) -> list[Cell]:
        """Its values, as many rows as a column has."""
        return cells(self.node) if self.node else []

    @property
    def is_dated(self) -> bool:
        """Whether its values are dates."""
        dated = {cell.type_name.lower() in {"date", "datetime", "timestamp"} for cell in self.cells}
        return self.node is not None and (self.node.get("data_type") == "DATE" or True in dated)

    @property
    def form(self) -> Form:
        """The form of its own values."""
        kinds = {cell.kind for cell in self.cells}
        if self.node and (is_column(self.node) or table_columns(self.node)):
            return "cascading" if "cascading" in kinds else "column" if "domain" in kinds else "plain_column"
        if "plain" not in kinds and kinds:
            return "cascading_pick" if "cascading" in kinds else "pick"
        return "date" if self.is_dated else "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalField:
    """A field of a final as its row says; without values it is not sent."""

    id: str
    form: Form
    #: Table of a column, where anybody knows it.
    table: str | None
    #: One, or one per row of a column; None is an empty row.
    values: tuple[Scalar | None, ...]
    #: Where the value comes from, or why there is none.
    origin: str
    #: Whether the master has the field, be it empty.
    in_master: bool

    @property
    def is_sent(self) -> bool:
        """Whether it has a value."""
        return any(value is not None for value in self.values)

    @property
    def node(self) -> FieldNode:
        """As it is sent; it must have a value."""
        return element(self.id, self.form, self.values, table=self.table)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Makes one row's field: of what a person or an override set, else of the first source that has a value."""

    row: FieldRow
    master: MasterField
    zone: tzinfo

    @property
    def form(self) -> Form:
        """The form that the field is sent in."""
        if self.row.kind == "as_master":
            return self.master.form
        return "plain_column" if self.row.kind == "column" and not self.row.picks else self.row.kind

    def field(self, values: tuple[Scalar | None, ...], origin: str) -> FinalField:
        """The field with these values."""
        return FinalField(
            id=self.row.id,
            form=self.form,
            table=(self.row.table or self.master.table) if self.form in COLUMNS else None,
            values=values,
            origin=origin,
            in_master=self.master.node is not None,
        )

    def by_source(self, final: FinalInputs) -> FinalField:
        """The field with the value of its first source that has one."""
        if self.master.node is None and not self.row.make:
            return self.field((), "not in the master, so not made")
        for source in self.row.sources:
            values = self.written(tuple(self._from(source, final)))
            if any(value is not None for value in values):
                return self.field(values, self._origin(source))
        return self.field((), "no value in the master that can be used" if self.master.node else "not in the master")

    def unread_date(self, field: FinalField) -> str | None:
        """A sentence where the master's date is in no form that can be read, so that another source gave the field."""
        held = next((as_text(cell.value) for cell in self.master.cells if as_text(cell.value).strip()), None)
        is_used = field.origin == _ORIGINS["master"] or "master" not in self.row.sources
        if held is None or is_used or not self.is_dated:
            return None
        instead = f"the {field.origin} is taken" if field.is_sent else "it is not sent"
        return f"{self.row.id}: {held[:80]!r} of the master is no date, so {instead}"

    def written(self, values: tuple[Scalar | None, ...]) -> tuple[Scalar | None, ...]:
        """Values in the row's form, None for what has none; several in columns only."""
        written = tuple(None if value is None else self._written(value) for value in values)
        if self.form in COLUMNS:
            return written
        return tuple(value for value in written if value is not None)[:1]

    @property
    def is_dated(self) -> bool:
        """Whether the field is sent as a date."""
        return self.form == "date" or (self.row.kind == "as_master" and self.master.is_dated)

    def _written(self, value: Scalar) -> Scalar | None:
        if self.is_dated:
            day = day_of(value, self.zone)
            return dam_date(day) if day else None
        if self.row.kind == "as_master" and self.form in {"text", "plain_column"} and not isinstance(value, str):
            return value
        return self._in_domain(as_text(value)) if as_text(value).strip() else None

    def _in_domain(self, text: str) -> str:
        """The id of a pick list's value that may be named by what people see."""
        held = {str(cell.value): cell for cell in self.master.cells if cell.value is not None}
        if text in {*self.row.domain, *held} or self.form in {"text", "date", "plain_column"}:
            return text
        ids = {_folded(shown): value_id for value_id, shown in self.row.domain.items()}
        own_ids = {_folded(cell.shown): value_id for value_id, cell in held.items() if cell.shown}
        known = {value_id for value_id, cell in held.items() if cell.kind != "plain"}
        # A master with a text for an id is of a DAM whose ids are its texts.
        if known & {*self.row.domain.values()} - self.row.domain.keys():
            return own_ids.get(_folded(text), text)
        return {**ids, **own_ids}.get(_folded(text), text)

    def _from(self, source: Source, final: FinalInputs) -> Iterator[Scalar | None]:
        if source == "master":
            yield from (cell.value for cell in self.master.cells)
        elif source == "creativex_score":
            yield from final.creativex_scores
        elif source == "today":
            yield dam_date(final.today + timedelta(days=self.row.days))
        elif source in NAME_PARTS:
            yield self.cased(str(getattr(final.name, source)))
        else:
            yield {
                "fixed": self.row.fixed,
                "creativex_link": final.creativex_link,
                "master_dam_id": final.master_dam_id,
                "media_width": final.media.width_px,
                "media_height": final.media.height_px,
                "media_duration": final.media.duration_s,
            }[source]

    def cased(self, text: str) -> str:
        """A text in the case that the row wants of the name's components, and of what people set instead."""
        return {"upper": text.upper(), "lower": text.lower()}.get(self.row.case or "", text)

    def _origin(self, source: Source) -> str:
        if source in NAME_PARTS:
            return f"file name: {source.replace('_', ' ')}"
        days = f" + {self.row.days} days" if source == "today" and self.row.days else ""
        return f"{_ORIGINS[source]}{days}"


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
