"""What the DAM wants of a final (SPEC 6, 12), typed: the rows that make its fields, one for each field id."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ferrero_dagster.domain.otmm.field_rows import NAME_PARTS, FieldRow, Kind, Source

_ROW = "expected a row such as {kind: text, value: master}"
_DATED: frozenset[str] = frozenset({"master", "fixed", "today"})


def _sound_id(text: str) -> str:
    if text != text.strip() or not re.fullmatch(r"[\w .:/&+#()-]+", text):
        raise ValueError(f"expected an id of letters, digits, blanks and . _ - : / & + # ( ), found {text[:80]!r}")
    return text


def _not_boolean(value: object) -> object:
    if isinstance(value, bool):
        found = str(value).lower()
        raise ValueError(f"expected text or a number, found {found}; in quotes it is text")  # noqa: TRY004  # pydantic's
    return value


def _as_list(value: object) -> object:
    if value in ([], None):
        raise ValueError("expected a source, such as master, or a list of them")
    return value if isinstance(value, list | tuple) else [value]


FieldId = Annotated[str, AfterValidator(_sound_id)]
FieldValue = Annotated[str | int | float, BeforeValidator(_not_boolean)]
Sources = Annotated[tuple[Source, ...], BeforeValidator(_as_list)]


class FieldRowSite(BaseModel):
    """A row of `representation.fields`, which site.yaml explains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    value: Sources = ("master",)
    table: FieldId | None = None
    picks: bool = True
    case: Literal["upper", "lower"] | None = None
    fixed: Annotated[str, BeforeValidator(_not_boolean)] = ""
    days: Annotated[int, Field(ge=-36_500, le=36_500)] = 0
    make: bool = True
    domain: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _has_a_kind(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            raise ValueError(_ROW)  # noqa: TRY004  # pydantic's
        if "kind" not in row:
            raise ValueError(f"expected a kind ({', '.join(get_args(Kind))}), found none")
        return row

    @model_validator(mode="after")
    def _fits_together(self) -> "FieldRowSite":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> "list[str]":
        is_column = self.kind in {"column", "cascading"}
        checks = (
            (is_column and "table" not in self.model_fields_set,
             f"a {self.kind} needs table, the id of its table, or table: null where only the master may tell it"),
            (not is_column and self.table is not None, f"only column and cascading have a table, not {self.kind}"),
            (len(set(self.value)) < len(self.value), "a source stands twice in value"),
            (self.kind == "as_master" and self.value != ("master",), "as_master takes its value from the master only"),
            (self.kind == "date" and not _DATED.issuperset(self.value), "a date comes from master, fixed or today"),
            (("fixed" in self.value) != bool(self.fixed), "the source fixed and the text fixed need each other"),
            (bool(self.days) and "today" not in self.value, "days are for the source today"),
            (self.case is not None and not set(NAME_PARTS) & set(self.value), "case is for components of the name"),
        )  # fmt: skip
        return [problem for is_wrong, problem in checks if is_wrong]

    def rule(self, field_id: str) -> FieldRow:
        """The row as the domain has it."""
        values = self.model_dump()
        return FieldRow(id=field_id, sources=values.pop("value"), **values)


class RepresentationSite(BaseModel):
    """What the DAM wants of a final (SPEC 6)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: A row, or null for a field that the site does not want, by field id.
    fields: dict[FieldId, FieldRowSite | None]
    min_fields: Annotated[int, Field(ge=0)]
    metadata_model_id: str
    security_policy_ids: tuple[int, ...]
    asset_type_overrides: dict[str, dict[FieldId, FieldValue]]

    @property
    def rows(self) -> tuple[FieldRow, ...]:
        """The rows as the domain has them."""
        return tuple(row.rule(field_id) for field_id, row in self.fields.items() if row)

    @model_validator(mode="after")
    def _are_unlike(self) -> "RepresentationSite":
        ids: dict[str, str] = {}
        for field_id in (row.id for row in self.rows):
            other = ids.setdefault(field_id.casefold(), field_id)
            if other != field_id:
                raise ValueError(f"fields has {other} and {field_id}, which differ in case only; name one of them")
        if self.min_fields > len(ids):
            raise ValueError(f"min_fields expects {self.min_fields} fields, but fields has only {len(ids)} rows")
        return self
