"""The shapes of OTMM's metadata (contract otmm.md 5.2): makes elements, reads values, applies what clients send."""

from collections.abc import Iterable, Iterator
from typing import Any

from ferrero_dagster.sandbox.otmm.answers import Refusal

Element = dict[str, Any]

CATEGORY = "com.artesia.metadata.MetadataCategory"
FIELD = "com.artesia.metadata.MetadataField"
TABLE = "com.artesia.metadata.MetadataTable"
COLUMN = "com.artesia.metadata.MetadataTableField"

_VALUE_TYPES = {"CHAR": "string", "NUMBER": "number", "DATE": "datetime"}


def scalar_value(value: str | float, data_type: str = "CHAR") -> Element:
    """The innermost value of a plain field."""
    return {"type": "int" if isinstance(value, int) else _VALUE_TYPES[data_type], "value": value}


def domain_value(value_id: str, display: str) -> Element:
    """The innermost value of a pick-list field."""
    return {
        "type": "com.artesia.metadata.DomainValue",
        "active_from": "2020-01-01T00:00:00Z",
        "active_to": "2099-12-31T00:00:00Z",
        "description": display,
        "display_value": display,
        "expired_value": False,
        "field_value": {"type": "string", "value": value_id},
    }


def field(field_id: str, inner: Element | None = None, *, data_type: str = "CHAR") -> Element:
    """A field that holds `inner`, or the envelope of a value without one."""
    domained = inner is not None and "field_value" in inner
    holder = {"cascading_domain_value": False, "domain_value": domained, "is_locked": False}
    return {
        "type": FIELD,
        "id": field_id,
        "name": title(field_id),
        "data_type": data_type,
        "value": holder if inner is None else {**holder, "value": inner},
    }


def cascading(field_id: str, value_ids: tuple[str, ...], displays: tuple[str, ...]) -> Element:
    """A pick list that depends on others; its id combines theirs (`a^b`)."""
    inner = {
        **domain_value("^".join(value_ids), " > ".join(displays)),
        "type": "com.artesia.metadata.CascadingDomainValue",
    }
    element = field(field_id, inner)
    element["value"]["cascading_domain_value"] = True
    return element


def column(field_id: str, inners: Iterable[Element], *, table_id: str = "") -> Element:
    """A column of a table, one value per row; `table_id` tells its table while it is stored."""
    return {
        "type": COLUMN,
        "id": field_id,
        "name": title(field_id),
        "values": [{"is_locked": False, "value": inner} for inner in inners],
        "table_id": table_id or f"{field_id}.TABLE",
    }


def title(field_id: str) -> str:
    """What a person reads instead of an id."""
    return field_id.rpartition(".")[2].replace("_", " ").capitalize()


def in_tables(elements: Iterable[Element]) -> list[Element]:
    """Stored elements as OTMM shows them: the columns inside their tables."""
    shown: dict[str, Element] = {}
    for element in elements:
        if "values" not in element:
            shown[element["id"]] = element
            continue
        table_id = element["table_id"]
        bare = {key: value for key, value in element.items() if key != "table_id"}
        table = {"type": TABLE, "id": table_id, "name": title(table_id), "metadata_element_list": []}
        shown.setdefault(table_id, table)["metadata_element_list"].append(bare)
    return list(shown.values())


def texts(element: Element) -> tuple[str, ...]:
    """The values of a field or column as the index knows them: ids of pick lists, one per row, none where empty."""
    holders = as_list(element["values"]) if "values" in element else [element.get("value")]
    values = (_plain(holder) for holder in holders)
    return tuple(str(value) for value in values if value is not None)


def _plain(holder: Any) -> Any:
    inner = holder.get("value") if isinstance(holder, dict) else None
    if isinstance(inner, dict) and "field_value" in inner:
        inner = inner["field_value"]
    return inner.get("value") if isinstance(inner, dict) else None


def as_list(value: Any) -> list[Any]:
    """A list as it may come over the wire: absent, or one item instead of a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def sent_elements(nodes: Any) -> Iterator[Element]:
    """Every field and column in what a client sent, whether flat or within categories and tables.

    Raises:
        Refusal: 400, something is not an element.
    """
    for node in as_list(nodes):
        if not isinstance(node, dict) or not isinstance(node.get("id"), str):
            raise Refusal(400, "A metadata element is not an object with an id.")
        if "metadata_element_list" not in node:
            yield _with_table(node)
            continue
        for element in sent_elements(node["metadata_element_list"]):
            yield {**element, "table_id": node["id"]} if "values" in element else element


def _with_table(element: Element) -> Element:
    """A column that names its table is stored with it, as one that was found inside it (contract customer.md 2)."""
    bare = {key: value for key, value in element.items() if key != "parent_table_id"}
    return {**bare, "table_id": element["parent_table_id"]} if element.get("parent_table_id") else bare


def assigned(known: Element | None, sent: Element) -> Element:
    """What is stored where `sent` is written over `known`; a pick list takes the plain id, too (contract otmm.md 7.2).

    Raises:
        Refusal: 400, the value has another shape than a value, or than the field.
    """
    if known and ("values" in known) != ("values" in sent):
        raise Refusal(400, f"{sent['id']} is a column of a table in one place and a field in the other.")
    if "values" in sent:
        return {**column(sent["id"], ()), **(known or {}), **sent, "values": as_list(sent["values"])}
    holder = _holder(sent)
    if known is None:
        return {**field(sent["id"]), **sent, "value": holder}
    envelope = {key: value for key, value in known.get("value", {}).items() if key != "value"}
    if "value" not in holder:
        return {**known, "value": envelope}
    inner = holder["value"]
    if envelope.get("domain_value") and "field_value" not in inner:
        inner = domain_value(str(inner.get("value")), str(inner.get("value")))
    return {**known, "value": {**envelope, "domain_value": "field_value" in inner, "value": inner}}


def _holder(sent: Element) -> Element:
    holder = sent.get("value") or {}
    if isinstance(holder, dict) and isinstance(holder.get("value", {}), dict):
        return holder
    raise Refusal(400, f"The value of {sent['id']} is not an object with a type and a value.")
