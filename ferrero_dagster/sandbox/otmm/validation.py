"""What the customer's dialect takes as an asset representation: the form of contract customer.md 2, and no other."""

import re
from collections import Counter
from datetime import date
from typing import Any

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.metadata import COLUMN, FIELD, Element, domain_value

_CASCADING = "com.artesia.metadata.CascadingDomainValue"
_FLAGS = {"cascading_domain_value", "domain_value", "is_locked"}

_COLUMN_KINDS = {"pick": "column", "cascading pick": "cascading column", "plain": "plain column"}

#: Of the fields that the contract knows, the kinds that each may have, and the table of a column.
_KINDS: dict[str, tuple[set[str], str | None]] = {
    "ARTESIA.FIELD.ASSET NAME": ({"text"}, None),
    "ARTESIA.FIELD.ASSET DESCRIPTION": ({"text"}, None),
    "FERRERO.FIELD.STATE": ({"pick"}, None),
    "MAIN_LANGUAGES": ({"column"}, "FERRERO.TABULAR.FIELD.MAIN LANGUAGES"),
    "FERRERO.FIELD.ASSETCOMPLIANCE": ({"column"}, "FERRERO.TABULAR.FIELD.ASSETCOMPLIANCE"),
    "MARKETING_TAG": ({"column"}, None),
    "FERRERO.TAB.FIELD.CREATIVEX": ({"column", "cascading column"}, "FERRERO.TABULAR.FIELD.PLATFORMRATING"),
    "FERRERO.FIELD.CREATIVEX LINK": ({"text"}, None),
    "FERRERO.MASTERASSETIDS": ({"column"}, None),
    "FERRERO.FIELD.MKTG.ASSET TYPE": ({"pick"}, None),
    "FERRERO.FIELD.FISCAL YEAR": ({"pick"}, None),
    "FERRERO.MARKETING.FIELD.AGENCY NAME": ({"pick"}, None),
    "FERRERO.FIELD.ASSET VALIDITY START PERIOD": ({"date"}, None),
    "FERRERO.FIELD.ASSET VALIDITY END PERIOD": ({"date"}, None),
}


def refuse_malformed(elements: Any) -> None:
    """Look at a representation's `metadata_element_list`.

    Raises:
        Refusal: 400 for the first element that does not have the form of its kind.
    """
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise Refusal(400, "Validation error: metadata_element_list is no list of fields.")
    for element in elements:
        _check_element(element)
    counts = Counter(element["id"] for element in elements)
    for field_id, count in counts.items():
        _expect(count == 1, field_id, "stands there once")
    _check_rows(elements)


def _expect(is_so: bool, field_id: object, expected: str) -> None:
    if not is_so:
        raise Refusal(400, f"Validation error: {field_id}: expected that it {expected}.")


def _check_element(element: Element) -> None:
    field_id = element.get("id")
    _expect(isinstance(field_id, str) and bool(field_id), field_id, "has an id")
    _expect(element.get("type") in {FIELD, COLUMN}, field_id, "has the type of a field or of a table's column")
    if element["type"] == COLUMN:
        kind = _column_kind(element)
    else:
        _expect(element.keys() == {"id", "type", "value"}, field_id, "has id, type, value and nothing else")
        kind = _value_kind(field_id, element["value"])
    _check_known(element, kind)


def _column_kind(column: Element) -> str:
    field_id, rows = column["id"], column.get("values")
    _expect(column.keys() - {"parent_table_id"} == {"id", "type", "values"}, field_id, "has id, type and values only")
    table = column.get("parent_table_id", "any")
    _expect(isinstance(table, str) and bool(table.strip()), field_id, "names its table")
    _expect(isinstance(rows, list) and bool(rows), field_id, "has rows")
    kinds = {_row_kind(field_id, row) for row in rows or ()} - {"empty"}
    _expect(len(kinds) == 1, field_id, "has rows of one kind, and one at least that is not empty")
    return _COLUMN_KINDS[kinds.pop()]


def _row_kind(field_id: str, row: Any) -> str:
    _expect(isinstance(row, dict) and row.keys() >= _FLAGS, field_id, "has flags in each row, directly")
    kind = _value_kind(field_id, row) if "value" in row else "empty"
    return "plain" if kind in {"text", "date", "number"} else kind


def _value_kind(field_id: Any, holder: Any) -> str:
    _expect(isinstance(holder, dict) and holder.keys() - _FLAGS == {"value"}, field_id, "has a value, not wrapped")
    inner = holder["value"]
    _expect(isinstance(inner, dict) and isinstance(inner.get("type"), str), field_id, "has a value with a type")
    if "field_value" not in inner:
        _expect(not holder.get("domain_value"), field_id, "has a domain value, as it says")
        return _scalar_kind(field_id, inner)
    _expect(holder.keys() >= _FLAGS and holder["domain_value"] is True, field_id, "has the flags of a pick list")
    is_cascading = holder["cascading_domain_value"]
    expected = _CASCADING if is_cascading else domain_value("", "")["type"]
    _expect(inner["type"] == expected and inner.keys() == {"type", "field_value"}, field_id, f"is a {expected}")
    _expect(_scalar_kind(field_id, inner["field_value"]) in {"text", "date"}, field_id, "has an id that is text")
    return "cascading pick" if is_cascading else "pick"


def _scalar_kind(field_id: Any, inner: Any) -> str:
    is_scalar = isinstance(inner, dict) and inner.keys() == {"type", "value"}
    _expect(is_scalar and inner["type"] in {"string", "int", "number"}, field_id, "is text or a number")
    value, type_name = inner["value"], inner["type"]
    if type_name == "string":
        _expect(isinstance(value, str) and value != "", field_id, "has a text that is not empty")
        return "date" if _is_date(value) else "text"
    allowed = int if type_name == "int" else float
    _expect(isinstance(value, allowed) and not isinstance(value, bool), field_id, f"has a value of type {type_name}")
    return "number"


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", text):
        return False
    month, day, year = map(int, text.split("/"))
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


def _check_known(element: Element, kind: str) -> None:
    field_id = element["id"]
    kinds, table = _KINDS.get(field_id, (set(), None))
    # A text may look like a date.
    _expect(not kinds or kind in kinds or (kind == "date" and "text" in kinds), field_id, f"is {' or '.join(kinds)}")
    _expect(table is None or element.get("parent_table_id") == table, field_id, f"is in the table {table}")


def _check_rows(elements: list[Element]) -> None:
    rows: dict[str, int] = {}
    for column in elements:
        table: Any = column.get("parent_table_id")
        if table:
            expected = rows.setdefault(table, len(column["values"]))
            _expect(len(column["values"]) == expected, column["id"], f"has {expected} rows, as others of its table")
