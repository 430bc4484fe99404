"""OTMM's metadata tree, read (contract otmm.md 5.2): scalar, domained, cascading, table and empty fields.

A tree is an asset or folder as the DAM sent it, its `metadata`, or a flat list of fields. Fields sit in categories of
any depth; a list of one may come as the bare object. What is no field is skipped: a malformed tree has fewer fields,
and whoever needs one notices.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, TypeGuard

from ferrero_dagster.domain.otmm.dates import is_same_date

FieldNode = dict[str, Any]
Scalar = str | int | float

FIELD = "com.artesia.metadata.MetadataField"
TABLE_COLUMN = "com.artesia.metadata.MetadataTableField"
DOMAIN_VALUE, CASCADING = "com.artesia.metadata.DomainValue", "com.artesia.metadata.CascadingDomainValue"

_CONTAINERS = ("asset_resource", "folder_resource", "asset", "folder", "metadata", "metadata_element_list")
_CONTAINER_KEYS = frozenset(_CONTAINERS)
_TABLE = "com.artesia.metadata.MetadataTable"
#: No metadata of a real asset are nested deeper; what is read may be copied and written by functions that recurse.
LEVELS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One value of a field, or one row of a column."""

    #: Of a pick list the id; None where it is empty.
    value: Scalar | None = None
    #: What people see of a pick list's value, where the DAM says so.
    shown: str | None = None
    kind: Literal["plain", "domain", "cascading"] = "plain"
    #: The DAM's name for the type of the value itself, such as `string`.
    type_name: str = ""


def fields(tree: object) -> Iterator[FieldNode]:
    """The raw fields and table columns of a tree, in its order."""
    return filter(_is_field, _nodes(tree))


def _nodes(tree: object) -> Iterator[FieldNode]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, dict):
            if _holds_others(node):
                pending.extend(reversed(_inside(node)))
            if isinstance(node.get("id"), str):
                yield node


def _holds_others(node: FieldNode) -> bool:
    """Whether there is anything `_inside`, told fast: hardly any of a thousand nodes has."""
    return not _CONTAINER_KEYS.isdisjoint(node)


def _inside(node: FieldNode) -> list[Any]:
    return [node[key] for key in _CONTAINERS if key in node]


def table_columns(node: FieldNode) -> list[FieldNode]:
    """The columns of a table, none of anything else."""
    if node.get("type") != _TABLE:
        return []
    inside = _inside(node)
    members = inside[0] if len(inside) == 1 and isinstance(inside[0], list) else inside
    return members if all(_is_field(member) and is_column(member) for member in members) else []


def _is_field(node: object) -> TypeGuard[FieldNode]:
    return isinstance(node, dict) and isinstance(node.get("id"), str) and not _holds_others(node)


def field_value(tree: object, field_id: str) -> Scalar | None:
    """The value of a field: the id if it is domained, the first row of a table column, None if empty or not there."""
    return next(iter(field_values(tree, field_id)), None)


def field_values(tree: object, field_id: str) -> list[Scalar]:
    """All values of a field: one per filled row of a table column, of a table all columns', at most one of others."""
    return values_in(fields_by_id(tree), field_id)


def values_in(nodes: Mapping[str, FieldNode], field_id: str) -> list[Scalar]:
    """As `field_values`, of a tree's fields by id: to go through a tree costs milliseconds."""
    return _values(nodes.get(field_id, {}))


def shown_text(tree: object, field_id: str) -> str:
    """What people see of a field's first value; empty where the DAM shows no text of its own for it."""
    held = cells(fields_by_id(tree).get(field_id, {}))
    return next((cell.shown for cell in held if cell.shown), "")


def is_readable(tree: object, field_id: str) -> bool:
    """Whether a field is empty, not there, or holds a value; not where something stands in the place of its value."""
    node = fields_by_id(tree).get(field_id, {})
    leaves = map(_innermost_node, _rows(node) if is_column(node) else [node])
    return all(not leaf or _is_scalar(leaf) for leaf in leaves)


def types_inside(value: object, *, levels: int) -> set[type] | None:
    """The types of all that is inside objects and lists; None where they are nested deeper than this."""
    found: set[type] = set()
    layer = [value]
    for _ in range(levels + 1):
        found.update(map(type, layer))
        inner: list[Any] = []
        for node in layer:
            if isinstance(node, dict):
                inner.extend(node.values())
            elif isinstance(node, list):
                inner.extend(node)
        if not inner:
            return found
        layer = inner
    return None


def extracted_values(nodes: Mapping[str, FieldNode], field_ids: Iterable[str]) -> dict[str, Scalar | list[Scalar]]:
    """The values of these fields by id, a list for a table or its column; empty fields are left out."""
    found = {field_id: nodes[field_id] for field_id in field_ids if field_id in nodes}
    values = {
        field_id: (_values(node), is_column(node) or bool(table_columns(node))) for field_id, node in found.items()
    }
    return {field_id: rows if has_rows else rows[0] for field_id, (rows, has_rows) in values.items() if rows}


def fields_by_id(tree: object) -> dict[str, FieldNode]:
    """The fields, columns and whole tables of a tree by id.

    Where an id occurs twice the first that holds anything is meant, and a column rather than the table around it.
    """
    found: dict[str, FieldNode] = {}
    tables: list[FieldNode] = []
    for node in _nodes(tree):
        if _holds_others(node):
            tables.append(node)
        elif found.setdefault(node["id"], node) is not node:
            _keep(found, node)
    for table in filter(table_columns, tables):
        _keep(found, table)
    return found


def _keep(found: dict[str, FieldNode], node: FieldNode) -> None:
    known = found.get(node["id"])
    if known is None or (not _values(known) and _values(node)):
        found[node["id"]] = node


def table_ids(tree: object) -> dict[str, str]:
    """The table of each column by its id, as the column itself or the table around it says."""
    around: dict[str, str] = {}
    own: dict[str, str] = {}
    for node in _nodes(tree):
        table = node.get("parent_table_id")
        if _holds_others(node):
            around |= {column["id"]: str(node["id"]) for column in table_columns(node)}
        elif isinstance(table, str) and table.strip() and is_column(node):
            own[node["id"]] = table
    return around | own


def cells(node: FieldNode) -> list[Cell]:
    """The value of a field, or the rows of a column, empty ones too; a table's are those of its first column."""
    if columns := table_columns(node):
        return cells(columns[0])
    return [_cell(row) for row in (_rows(node) if is_column(node) else [node])]


def in_plain_form(node: FieldNode) -> FieldNode:
    """A field as contract otmm.md 7.2 edits it: nothing but its values, a pick list's as the plain id."""
    inner = [_innermost(cell) for cell in cells(node)]
    if is_column(node):
        table = {"parent_table_id": node["parent_table_id"]} if "parent_table_id" in node else {}
        values = [{"value": value} if value else {} for value in inner]
        return {"id": node["id"], **table, "type": TABLE_COLUMN, "values": values}
    return {"id": node["id"], "type": FIELD, "value": {"value": inner[0]}}


def differing_fields(wanted: object, shown: object) -> list[FieldNode]:
    """The fields and columns of one tree that hold anything, where another tree does not hold the same.

    A number may be text there, a date without its time, a text with other line ends, what people see of a pick list's
    value instead of its id. Columns that it shows in one table are its rows, in whatever order; where a row is another
    one, those that differ are all that must be written again for the rows to be right. Columns that it shows in no
    table have no rows, each is compared by itself.
    """
    there = fields_by_id(shown)
    missing = {column_id: table for column_id, table in table_ids(wanted).items() if column_id not in there}
    tables = missing | table_ids(shown)
    filled = [node for node in fields(wanted) if _values(node)]
    groups: dict[str, list[FieldNode]] = {}
    for node in filled:
        groups.setdefault(str(tables.get(node["id"]) or node["id"]), []).append(node)
    differing = [node["id"] for group in groups.values() for node in _differing(group, there)]
    return [node for node in filled if node["id"] in differing]


def _differing(columns: list[FieldNode], there: dict[str, FieldNode]) -> list[FieldNode]:
    """Of a table's columns those that hold other values, or all where only their pairing is another, if any."""
    shown = [there.get(column["id"], {}) for column in columns]
    if _are_same(_filled(columns), _filled(shown)):
        return []
    pairs = list(zip(columns, shown, strict=True))
    if all(_are_same(_filled([column]), _filled([other])) for column, other in pairs):
        return columns
    # What only stands in other rows is meant, too: written beside it, the new values would be paired the wrong way.
    return [column for column, other in pairs if not _is_in_place(column, other)]


def _is_in_place(column: FieldNode, shown: FieldNode) -> bool:
    rows = zip_longest(cells(column), cells(shown), fillvalue=Cell())
    return all(_is_same(cell, other) for cell, other in rows)


def _filled(columns: list[FieldNode]) -> list[tuple[Cell, ...]]:
    """The rows of parallel columns but those that are empty in all."""
    rows = zip_longest(*map(cells, columns), fillvalue=Cell())
    return [row for row in rows if any(cell.value is not None for cell in row)]


def _are_same(wanted: list[tuple[Cell, ...]], shown: list[tuple[Cell, ...]]) -> bool:
    left = list(shown)
    for row in wanted:
        place = next((place for place, other in enumerate(left) if all(map(_is_same, row, other))), None)
        if place is None:
            return False
        del left[place]
    return not left


def _is_same(wanted: Cell, shown: Cell) -> bool:
    if wanted.value is None or shown.value is None:
        return wanted.value is shown.value
    return _is_same_value(wanted.value, shown.value) or shown.shown == _plain_text(wanted.value)


def _is_same_value(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return _plain_text(one) == _plain_text(other) or is_same_date(one, other)
    if isinstance(one, bool) or isinstance(other, bool):
        return str(one).lower() == str(other).lower()
    return (_number(one) is not None and _number(one) == _number(other)) or is_same_date(one, other)


def _plain_text(value: Scalar) -> str:
    """Text without what a DAM may write otherwise: Unicode form, line ends, blanks around it."""
    lines = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines).strip()


def _number(value: Scalar) -> float | None:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def is_column(node: FieldNode) -> bool:
    """Whether it is a column of a table, wherever it is found."""
    return "values" in node or node.get("type") == TABLE_COLUMN


def _rows(node: FieldNode) -> list[Any]:
    rows = node.get("values", node.get("value"))
    return rows if isinstance(rows, list) else [rows]


def _values(node: FieldNode) -> list[Scalar]:
    columns = table_columns(node) or [node]
    return [cell.value for column in columns for cell in cells(column) if cell.value is not None]


def _cell(node: object) -> Cell:
    """What is inside all that may surround a value: the row of a table, flags, a domain value."""
    around: list[FieldNode] = []
    while isinstance(node, dict):
        around.append(node)
        node = node.get("field_value", node.get("value"))
    shown = [_plain_text(outer["display_value"]) for outer in around if isinstance(outer.get("display_value"), str)]
    type_name = around[-1].get("type") if around else None
    return Cell(
        value=node if _is_scalar(node) else None,
        shown=shown[-1] if shown else None,
        kind="cascading"
        if any(map(_is_cascading, around))
        else "domain"
        if any(map(_is_domained, around))
        else "plain",
        type_name=type_name if isinstance(type_name, str) else "",
    )


def _is_cascading(outer: FieldNode) -> bool:
    return outer.get("cascading_domain_value") is True or outer.get("type") == CASCADING


def _is_domained(outer: FieldNode) -> bool:
    return outer.get("domain_value") is True or outer.get("type") == DOMAIN_VALUE or "field_value" in outer


def _innermost_node(node: Any) -> Any:
    while isinstance(node, dict):
        node = node.get("field_value", node.get("value"))
    return node


def _innermost(cell: Cell) -> dict[str, Any]:
    """The type and value inside all that surrounds them, empty where there is no value."""
    if cell.value is None:
        return {}
    return {"type": cell.type_name or type_of(cell.value), "value": cell.value}


def type_of(value: Scalar) -> str:
    """The DAM's name for a value's type."""
    if isinstance(value, bool | str):
        return "string"
    return "int" if isinstance(value, int) else "number"


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    if isinstance(value, str):
        return value != ""
    return isinstance(value, int | float) and _number(value) is not None and math.isfinite(value)
