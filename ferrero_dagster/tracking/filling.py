"""Columns of the cron scripts' tables beyond those that the seeds name: filled, by name, where we have their value.

Other programs read them (contract customer.md 4). Only rows of ours are filled, and no column that others have filled.
"""

import re
from collections.abc import Mapping

from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.neighbours import column_types
from ferrero_dagster.tracking.storable import fitted

_TEXT, _TIME = "S", "D"
_NOW = "now()"

#: Our value of each column as SQL, where a row of the table is made.
FILLED: dict[str, dict[str, str]] = {
    "master_assets": {"original_filename": "asset_name", "created_at": _NOW, "updated_at": _NOW},
    "derivative_assets": {
        "original_filename": "source_name",
        "opentext_id": "target_id",
        "created_at": _NOW,
        "updated_at": _NOW,
    },
    "campaign_status": {"created_at": _NOW, "updated_at": _NOW},
}
#: Fields whose names as columns would mean something else.
_AMBIGUOUS = {"state", "status", "description", "asset_name"}


def can_fill(table: str, column: str, kind: str) -> bool:
    """Whether we have a value for such a column; `kind` is its `pg_type.typcategory`."""
    value = FILLED.get(table, {}).get(column)
    return value is not None and (kind == _TEXT or (kind == _TIME and value == _NOW))


def filled(cursor: Cursor, table: str) -> tuple[str, str]:
    """SQL for the columns that the table has of FILLED, and for their values; each begins with a comma, or is empty."""
    kinds = column_types(cursor, table)
    columns = {
        column: fitted(table, column, f"({value})::text") if kinds[column] == _TEXT else value
        for column, value in FILLED[table].items()
        if column in kinds and can_fill(table, column, kinds[column])
    }
    return "".join(f", {column}" for column in columns), "".join(f", {value}" for value in columns.values())


def extracted_columns(kinds: Mapping[str, str], extracted: Mapping[str, object]) -> dict[str, str]:
    """Values of metadata fields by the table's text columns that are called as the fields are.

    `kinds` are the table's columns as `column_types` has them.
    """
    named = {_column_of(field_id): _text(value) for field_id, value in extracted.items()}
    return {column: text for column, text in named.items() if kinds.get(column) == _TEXT and column not in _AMBIGUOUS}


def _column_of(field_id: str) -> str:
    """`fiscal_year` of `FERRERO.FIELD.FISCAL YEAR`."""
    return re.sub(r"\W+", "_", field_id.rpartition("FIELD.")[2]).strip("_").lower()


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
