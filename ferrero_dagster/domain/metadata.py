"""OTMM's metadata tree, read and written (contract otmm.md 5.2): scalar, domained, cascading, table and empty fields.

A tree is an asset or folder as the DAM sent it, its `metadata`, or a flat list of fields. Fields sit in categories of
any depth; a list of one may come as the bare object. What is no field is skipped: a malformed tree has fewer fields,
and whoever needs one notices.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

FieldNode = dict[str, Any]
Scalar = str | int | float

_CONTAINERS = ("asset_resource", "folder_resource", "asset", "folder", "metadata", "metadata_element_list")
_FIELD = "com.artesia.metadata.MetadataField"
_TABLE_COLUMN = "com.artesia.metadata.MetadataTableField"


def fields(tree: object) -> Iterator[FieldNode]:
    """The raw fields and table columns of a tree, in its order."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, dict):
            inside = [node[key] for key in _CONTAINERS if key in node]
            if inside:
                pending.extend(reversed(inside))
            elif isinstance(node.get("id"), str):
                yield node


def field_value(tree: object, field_id: str) -> Scalar | None:
    """The value of a field: the id if it is domained, the first row of a table column, None if empty or not there."""
    return next(iter(field_values(tree, field_id)), None)


def field_values(tree: object, field_id: str) -> list[Scalar]:
    """All values of a field: one per filled row of a table column, at most one of other fields."""
    return _values(_found(tree, field_id))


def extracted_values(tree: object, field_ids: Iterable[str]) -> dict[str, Scalar | list[Scalar]]:
    """The values of these fields by id, a list for a table column; empty fields are left out."""
    nodes = first_by_id(tree)
    found = {field_id: nodes[field_id] for field_id in field_ids if field_id in nodes}
    values = {field_id: (_values(node), _is_column(node)) for field_id, node in found.items()}
    return {field_id: rows if is_column else rows[0] for field_id, (rows, is_column) in values.items() if rows}


def first_by_id(tree: object) -> dict[str, FieldNode]:
    """The fields of a tree by id; where an id occurs twice, its first field."""
    nodes: dict[str, FieldNode] = {}
    for node in fields(tree):
        nodes.setdefault(node["id"], node)
    return nodes


def new_field(field_id: str, value: Scalar) -> FieldNode:
    """A scalar field in the plain form of contract 8.1."""
    return {"id": field_id, "type": _FIELD, "value": {"value": _plain(value)}}


def with_value(node: FieldNode, value: Scalar) -> FieldNode:
    """A copy of a field that holds exactly this value, in the structure that it has; a table column gets one row.

    A domained field stays domained, but what described the former domain value (its dates, its description) goes.
    """
    copy = deepcopy(node)
    if _values(node) == [value]:
        return copy
    if _is_column(node):
        copy["values"] = [_holding(next(iter(_rows(node)), None), value)]
    else:
        copy["value"] = _holding(node.get("value"), value)
    return copy


def _found(tree: object, field_id: str) -> FieldNode:
    return next((node for node in fields(tree) if node["id"] == field_id), {})


def _is_column(node: FieldNode) -> bool:
    return "values" in node or node.get("type") == _TABLE_COLUMN


def _rows(node: FieldNode) -> list[Any]:
    rows = node.get("values")
    return rows if isinstance(rows, list) else [rows]


def _values(node: FieldNode) -> list[Scalar]:
    leaves = map(_leaf, _rows(node) if _is_column(node) else [node])
    return [leaf for leaf in leaves if leaf is not None]


def _leaf(node: Any) -> Scalar | None:
    while isinstance(node, dict):
        node = node.get("field_value", node.get("value"))
    return node if _is_scalar(node) else None


def _is_scalar(value: object) -> bool:
    return isinstance(value, Scalar) and value != ""


def _holding(holder: object, value: Scalar) -> dict[str, Any]:
    """What surrounds a value (`domain_value`, `is_locked`, …) with another value inside."""
    around = holder if isinstance(holder, dict) else {}
    return {**around, "value": _inner(around.get("value"), value)}


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
