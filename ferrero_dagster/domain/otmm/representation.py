"""The asset representation of a final (SPEC 6, 12): its fields, made as the site's rows say, in the customer's form."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.otmm.field_rows import Choice, FieldRow, FinalField, FinalInputs, MasterField
from ferrero_dagster.domain.otmm.forms import COLUMNS
from ferrero_dagster.domain.otmm.metadata import Scalar, fields_by_id, table_columns, table_ids


@dataclass(frozen=True, kw_only=True, slots=True)
class RepresentationRules:
    """What the site wants in the DAM for a final."""

    fields: tuple[FieldRow, ...]
    #: So many of the fields must be found in the master.
    min_fields: int
    metadata_model_id: str
    security_policy_ids: tuple[int, ...]
    #: By asset type code and field id: an empty value removes the field, another replaces or appends it.
    asset_type_overrides: Mapping[str, Mapping[str, Scalar]]
    #: Where a day begins at midnight.
    zone: tzinfo

    @property
    def field_ids(self) -> tuple[str, ...]:
        """The ids of the fields."""
        return tuple(row.id for row in self.fields)

    @property
    def needs_media(self) -> bool:
        """Whether a field takes what is read from the file itself."""
        return any(source.startswith("media_") for row in self.fields for source in row.sources)

    @property
    def creativex_field_ids(self) -> tuple[str, ...]:
        """The ids of the fields that take the score or its link."""
        return tuple(row.id for row in self.fields if {"creativex_score", "creativex_link"} & {*row.sources})


@dataclass(frozen=True, kw_only=True, slots=True)
class Representation:
    """A final's `asset_representation` for the import; `str()` is a line for logs."""

    #: `{"asset_resource": {"asset": …}}` with a flat field list (contract otmm.md 8.1).
    body: dict[str, Any]
    #: Every field that a row, a person or an override names, also those that are not sent.
    fields: tuple[FinalField, ...]
    #: Ids of the fields that the master has, be they empty.
    found: tuple[str, ...]
    #: Fields that the asset type's override takes out.
    removed: tuple[str, ...]
    #: What was set by a person or an override and could not be used.
    notes: tuple[str, ...]

    @property
    def made(self) -> tuple[str, ...]:
        """Fields that are sent and that the master lacks."""
        return tuple(field.id for field in self.fields if field.is_sent and not field.in_master)

    @property
    def missing(self) -> tuple[str, ...]:
        """Fields that nothing gives a value to."""
        return tuple(field.id for field in self.fields if not field.is_sent and field.id not in self.removed)

    def __str__(self) -> str:
        parts = (("made", self.made), ("removed", self.removed), ("without a value", self.missing), ("", self.notes))
        told = [f"{word}: {', '.join(items)}" if word else "; ".join(items) for word, items in parts if items]
        return "; ".join([f"{len(self.found)} fields found in the master", *told])


def build_representation(final: FinalInputs, rules: RepresentationRules) -> Representation:
    """The representation of a final.

    What comes later wins: the first source of a field's row that has a value, a person's edit, the asset type's
    override (contract customer.md 2).

    Raises:
        PermanentError: the master has too few of the fields; the sentence names those that it has.
    """
    making = _Making(final, rules)
    making.refuse_too_few()
    overrides = rules.asset_type_overrides.get(final.name.asset_type, {})
    making.fill()
    making.set({field_id: text for field_id, text in final.edits.items() if text.strip()}, "a person's override")
    making.set(overrides, f"override of {final.name.asset_type}")
    fields = making.in_parallel()
    return Representation(
        body=_body(fields, rules),
        fields=fields,
        found=making.found,
        removed=tuple(field_id for field_id, value in overrides.items() if value == ""),
        notes=making.notes,
    )


class _Making:
    """The fields of one final while they are made."""

    def __init__(self, final: FinalInputs, rules: RepresentationRules) -> None:
        self._final = final
        self._rules = rules
        self._rows = {row.id: row for row in rules.fields}
        self._nodes, self._tables = fields_by_id(final.master_metadata), table_ids(final.master_metadata)
        self._fields: dict[str, FinalField] = {}
        self.found = tuple(field_id for field_id in self._rows if field_id in self._nodes)
        self._unread: dict[str, str] = {}
        self._unused: list[str] = []

    def refuse_too_few(self) -> None:
        """Raise PermanentError where the master has fewer fields than a final needs."""
        if len(self.found) >= self._rules.min_fields:
            return
        name = self._final.name
        raise PermanentError(
            f"The stored metadata of the master {name.tracking_id} hold {len(self.found)} of the fields that {name} "
            f"needs ({', '.join(self.found) or 'none'}), expected are at least {self._rules.min_fields}; correct "
            "full_metadata of that master in the table master_assets, or representation.min_fields.",
            code="master metadata unreadable",
        )

    def fill(self) -> None:
        """Make the field of every row."""
        for field_id, row in self._rows.items():
            if row.kind == "as_master" and (columns := table_columns(self._nodes.get(field_id, {}))):
                # The table itself is named: its columns are what is sent, where no row says more of them.
                unnamed = (column["id"] for column in columns if column["id"] not in self._rows)
                rows = [FieldRow(id=column_id, kind="as_master") for column_id in unnamed]
            else:
                rows = [row]
            for choice in map(self._choice, rows):
                self._fields[choice.row.id] = choice.by_source(self._final)
                if note := choice.unread_date(self._fields[choice.row.id]):
                    self._unread[choice.row.id] = note

    def set(self, values: Mapping[str, Scalar], origin: str) -> None:
        """Put these values in place of others, an empty one in place of the field."""
        for field_id, value in values.items():
            choice = self._choice(self._rows.get(field_id) or FieldRow(id=field_id, kind="as_master"))
            cased = choice.cased(value) if isinstance(value, str) else value
            written = choice.written((cased,)) if value != "" else ()
            if value == "" or any(one is not None for one in written):
                self._fields[field_id] = choice.field(written, origin)
                self._unread.pop(field_id, None)
            else:
                what = "date" if choice.form == "date" else "text"
                self._unused.append(f"{field_id}: {str(value)[:80]!r} of {origin} is no {what}, so it is not used")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was set, or is in the master, and is not used."""
        return (*self._unused, *self._unread.values())

    def in_parallel(self) -> tuple[FinalField, ...]:
        """The fields; columns of one table have equally many rows, a single value that is not the master's in each."""
        by_table: dict[str, list[FinalField]] = defaultdict(list)
        for field in self._fields.values():
            if field.form in COLUMNS and field.is_sent:
                by_table[field.table or field.id].append(field)
        for columns in by_table.values():
            rows = max(len(column.values) for column in columns)
            for column in columns:
                self._fields[column.id] = _with_rows(column, rows if len(columns) > 1 else 0)
        return tuple(self._fields.values())

    def _choice(self, row: FieldRow) -> Choice:
        master = MasterField(node=self._nodes.get(row.id), table=self._tables.get(row.id))
        return Choice(row=row, master=master, zone=self._rules.zone)


def _with_rows(column: FinalField, rows: int) -> FinalField:
    """A column that others are parallel to, or, with no rows told, alone: without empty ones."""
    if not rows:
        return replace(column, values=tuple(value for value in column.values if value is not None))
    if len(column.values) == 1 and column.origin != "master":
        return replace(column, values=column.values * rows)
    return replace(column, values=column.values + (None,) * (rows - len(column.values)))


def _body(fields: tuple[FinalField, ...], rules: RepresentationRules) -> dict[str, Any]:
    asset = {
        "metadata_model_id": rules.metadata_model_id,
        "security_policy_list": [{"id": policy_id} for policy_id in rules.security_policy_ids],
        "metadata": {"metadata_element_list": [field.node for field in fields if field.is_sent]},
    }
    return {"asset_resource": {"asset": asset}}
