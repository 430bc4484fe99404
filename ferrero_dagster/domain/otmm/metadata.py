"""OTMM's metadata tree, read and written (contract otmm.md 5.2): scalar, domained, cascading, table and empty fields.

A tree is an asset or folder as the DAM sent it, its `metadata`, or a flat list of fields. Fields sit in categories of
any depth; a list of one may come as the bare object. What is no field is skipped: a malformed tree has fewer fields,
and whoever needs one notices.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import datetime
from itertools import chain
from typing import Any, TypeGuard

FieldNode = dict[str, Any]
Scalar = str | int | float

_CONTAINERS = ("asset_resource", "folder_resource", "asset", "folder", "metadata", "metadata_element_list")
_FIELD = "com.artesia.metadata.MetadataField"
_TABLE = "com.artesia.metadata.MetadataTable"
_TABLE_COLUMN = "com.artesia.metadata.MetadataTableField"
#: No metadata of a real asset are nested deeper; what is read may be copied and written by functions that recurse.
LEVELS = 100
_DOMAIN_VALUE, _CASCADING = "com.artesia.metadata.DomainValue", "com.artesia.metadata.CascadingDomainValue"


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
            pending.extend(reversed(_inside(node)))
            if isinstance(node.get("id"), str):
                yield node


def _inside(node: FieldNode) -> list[Any]:
    return [node[key] for key in _CONTAINERS if key in node]


def _columns(node: FieldNode) -> list[FieldNode]:
    """The columns of a table, none of anything else."""
    inside = _inside(node)
    members = inside[0] if len(inside) == 1 and isinstance(inside[0], list) else inside
    are_columns = all(_is_field(member) and _is_column(member) for member in members)
    return members if are_columns and node.get("type") == _TABLE else []


def _is_field(node: object) -> TypeGuard[FieldNode]:
    return isinstance(node, dict) and isinstance(node.get("id"), str) and not _inside(node)


def field_value(tree: object, field_id: str) -> Scalar | None:
    """The value of a field: the id if it is domained, the first row of a table column, None if empty or not there."""
    return next(iter(field_values(tree, field_id)), None)


def field_values(tree: object, field_id: str) -> list[Scalar]:
    """All values of a field: one per filled row of a table column, of a table all columns', at most one of others."""
    return _values(fields_by_id(tree).get(field_id, {}))


def is_readable(tree: object, field_id: str) -> bool:
    """Whether a field is empty, not there, or holds a value; not where something stands in the place of its value."""
    node = fields_by_id(tree).get(field_id, {})
    return all(
        not leaf or _is_scalar(leaf) for leaf in map(_innermost_node, _rows(node) if _is_column(node) else [node])
    )


def is_deeper_than(value: object, levels: int) -> bool:
    """Whether objects and lists are nested deeper than this, however deep they are."""
    layer = [value]
    for _ in range(levels + 1):
        nested = (node.values() if isinstance(node, dict) else node for node in layer if isinstance(node, dict | list))
        layer = [inner for inners in nested for inner in inners]
    return bool(layer)


def extracted_values(tree: object, field_ids: Iterable[str]) -> dict[str, Scalar | list[Scalar]]:
    """The values of these fields by id, a list for a table or its column; empty fields are left out."""
    nodes = fields_by_id(tree)
    found = {field_id: nodes[field_id] for field_id in field_ids if field_id in nodes}
    values = {field_id: (_values(node), _is_column(node) or bool(_columns(node))) for field_id, node in found.items()}
    return {field_id: rows if has_rows else rows[0] for field_id, (rows, has_rows) in values.items() if rows}


def fields_by_id(tree: object) -> dict[str, FieldNode]:
    """The fields, columns and whole tables of a tree by id.

    Where an id occurs twice the first that holds anything is meant, and a column rather than the table around it.
    """
    nodes: dict[str, FieldNode] = {}
    for node in chain(fields(tree), filter(_columns, _nodes(tree))):
        known = nodes.get(node["id"])
        if known is None or (not _values(known) and _values(node)):
            nodes[node["id"]] = node
    return nodes


def columns_beside(tree: object, node: FieldNode) -> list[FieldNode]:
    """The other columns of the table in the tree that this column belongs to; their rows are parallel to its own."""
    tables = (columns for columns in map(_columns, _nodes(tree)) if any(column is node for column in columns))
    return [column for column in next(tables, []) if column is not node]


def row_count(column: FieldNode) -> int:
    """How many rows a table column has, filled or empty."""
    return len(_rows(column))


def new_field(field_id: str, value: Scalar) -> FieldNode:
    """A scalar field in the plain form of contract otmm.md 8.1."""
    return {"id": field_id, "type": _FIELD, "value": {"value": _plain(value)}}


def with_value(node: FieldNode, value: Scalar, *, rows: int = 1) -> FieldNode:
    """A copy of a field that holds exactly this value, in the structure that it has; a column holds it in all `rows`.

    A domained field stays domained, but what described the former value goes: its dates, its description, and of a
    table, which holds the value in its first column, what the other columns said.
    """
    copy = deepcopy(node)
    if columns := _columns(node):
        others = [{**column, "values": [{} for _ in range(rows)]} for column in columns[1:]]
        copy["metadata_element_list"] = [with_value(columns[0], value, rows=rows), *others]
    elif _is_column(node):
        if _values(node) != [value] * rows:
            copy["values"] = [_holding(next(iter(_rows(node)), None), value) for _ in range(rows)]
    elif _values(node) != [value]:
        copy["value"] = _holding(node.get("value"), value)
    return copy


def in_plain_form(node: FieldNode) -> FieldNode:
    """A field as contract otmm.md 7.2 edits it: nothing but its values, a pick list's as the plain id."""
    bare = {"id": node["id"], "type": _TABLE_COLUMN if _is_column(node) else _FIELD}
    if _is_column(node):
        return {**bare, "values": [{"value": inner} if inner else {} for inner in map(_innermost, _rows(node))]}
    return {**bare, "value": {"value": _innermost(node.get("value"))}}


def differing_fields(wanted: object, shown: object) -> list[FieldNode]:
    """The fields and columns of one tree that hold anything, where another tree does not hold the same.

    A number may be text there, a date written otherwise, the rows of a column in another order.
    """
    there = fields_by_id(shown)
    return [
        node
        for node in fields(wanted)
        if _values(node) and not _are_same(_values(node), _values(there.get(node["id"], {})))
    ]


def _are_same(wanted: list[Scalar], shown: list[Scalar]) -> bool:
    left = list(shown)
    for value in wanted:
        place = next((place for place, other in enumerate(left) if _is_same(value, other)), None)
        if place is None:
            return False
        del left[place]
    return not left


def _is_same(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (_moment(one) is not None and _moment(one) == _moment(other))
    if isinstance(one, bool) or isinstance(other, bool):
        return str(one).lower() == str(other).lower()
    return _number(one) == _number(other)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def _number(value: Scalar) -> float | None:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _is_column(node: FieldNode) -> bool:
    return "values" in node or node.get("type") == _TABLE_COLUMN


def _rows(node: FieldNode) -> list[Any]:
    rows = node.get("values")
    return rows if isinstance(rows, list) else [rows]


def _values(node: FieldNode) -> list[Scalar]:
    if columns := _columns(node):
        return [value for column in columns for value in _values(column)]
    leaves = map(_leaf, _rows(node) if _is_column(node) else [node])
    return [leaf for leaf in leaves if leaf is not None]


def _leaf(node: Any) -> Scalar | None:
    node = _innermost_node(node)
    return node if _is_scalar(node) else None


def _innermost_node(node: Any) -> Any:
    while isinstance(node, dict):
        node = node.get("field_value", node.get("value"))
    return node


def _innermost(node: Any) -> dict[str, Any]:
    """The type and value inside all that surrounds them, empty where there is no value."""
    holder: FieldNode = {}
    while isinstance(node, dict):
        holder, node = node, node.get("field_value", node.get("value"))
    if not _is_scalar(node):
        return {}
    plain = _plain(node)
    return {**plain, "type": holder.get("type", plain["type"])}


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, Scalar) and value != ""


def _holding(holder: object, value: Scalar) -> dict[str, Any]:
    """What surrounds a value (`domain_value`, `is_locked`, …) with another value inside."""
    around = holder if isinstance(holder, dict) else {}
    former = around.get("value")
    if former is None and around.get("cascading_domain_value"):
        former = {"type": _CASCADING, "field_value": None}
    elif former is None and around.get("domain_value"):
        former = {"type": _DOMAIN_VALUE, "field_value": None}
    return {**around, "value": _inner(former, value)}


def _inner(former: object, value: Scalar) -> dict[str, Any]:
    if not isinstance(former, dict):
        return _plain(value)
    if "field_value" in former:
        inner = _inner(former["field_value"], value)
        return {"type": former.get("type"), "field_value": inner, "display_value": str(value)}
    return {**former, "value": str(value) if former.get("type") == "string" else value}


def _plain(value: Scalar) -> dict[str, Any]:
    names = {str: "string", int: "int"}
    return {"type": names.get(type(value), "number"), "value": value}
