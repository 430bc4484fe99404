"""The exact form in which the DAM takes the fields of a final (contract customer.md 2)."""

from collections.abc import Sequence
from typing import Any, Literal

from ferrero_dagster.domain.otmm.metadata import (
    CASCADING,
    DOMAIN_VALUE,
    FIELD,
    TABLE_COLUMN,
    FieldNode,
    Scalar,
    type_of,
)

#: `plain_column` has rows that are no pick list, `cascading_pick` one value without rows; a `date` is text already.
Form = Literal["text", "pick", "cascading_pick", "column", "plain_column", "cascading", "date"]
#: The forms with rows.
COLUMNS: tuple[Form, ...] = ("column", "plain_column", "cascading")


def element(field_id: str, form: Form, values: Sequence[Scalar | None], *, table: str | None = None) -> FieldNode:
    """A field with its value, or a column with its rows; None is an empty row."""
    if form not in COLUMNS:
        return {"id": field_id, "type": FIELD, "value": _holder(form, values[0])}
    parent = {"parent_table_id": table} if table else {}
    return {"id": field_id, **parent, "type": TABLE_COLUMN, "values": [_holder(form, value) for value in values]}


def _holder(form: Form, value: Scalar | None) -> dict[str, Any]:
    if form in {"text", "date"}:
        return {"value": plain(value)}
    is_cascading = form in {"cascading", "cascading_pick"}
    flags = {"cascading_domain_value": is_cascading, "domain_value": form != "plain_column", "is_locked": False}
    if value is None:
        return flags
    if form == "plain_column":
        return {**flags, "value": plain(value)}
    kind = CASCADING if is_cascading else DOMAIN_VALUE
    return {**flags, "value": {"type": kind, "field_value": {"type": "string", "value": as_text(value)}}}


def plain(value: Scalar | None) -> dict[str, Any]:
    """The innermost value, numbers as numbers."""
    kept = value if isinstance(value, int | float) and not isinstance(value, bool) else as_text(value)
    return {"type": type_of(kept), "value": kept}


def as_text(value: Scalar | None) -> str:
    """`6`, not `6.0`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
