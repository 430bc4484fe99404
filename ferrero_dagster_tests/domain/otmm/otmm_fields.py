"""Field nodes as the DAM sends them, spelled out by hand after contract otmm.md 5.2."""

from typing import Any

Node = dict[str, Any]


def scalar(field_id: str, value: object, *, data_type: str = "CHAR", type_name: str = "string") -> Node:
    return {
        "id": field_id,
        "type": "com.artesia.metadata.MetadataField",
        "name": field_id.rpartition(".")[2].capitalize(),
        "data_type": data_type,
        "value": {
            "cascading_domain_value": False,
            "domain_value": False,
            "is_locked": False,
            "value": {"type": type_name, "value": value},
        },
    }


def domain_value(value: str, display: str) -> Node:
    return {
        "type": "com.artesia.metadata.DomainValue",
        "active_from": "2019-01-01T00:00:00Z",
        "active_to": None,
        "description": f"{display}, as maintained by brand communication",
        "display_value": f"{display} ",
        "expired_value": False,
        "field_value": {"type": "string", "value": value},
    }


def domained(field_id: str, value: str, display: str) -> Node:
    node = scalar(field_id, "")
    node["value"] |= {"domain_value": True, "value": domain_value(value, display)}
    return node


def cascading(field_id: str, value: str, display: str) -> Node:
    node = domained(field_id, value, display)
    node["value"]["cascading_domain_value"] = True
    node["value"]["value"]["type"] = "com.artesia.metadata.CascadingDomainValue"
    return node


def column(field_id: str, *values: Node) -> Node:
    rows = [{"domain_value": "field_value" in value, "value": value} for value in values]
    return {"id": field_id, "type": "com.artesia.metadata.MetadataTableField", "name": field_id, "values": rows}


def table(table_id: str, *columns: Node) -> Node:
    return {"id": table_id, "type": "com.artesia.metadata.MetadataTable", "metadata_element_list": list(columns)}


def empty(field_id: str) -> Node:
    node = scalar(field_id, "")
    del node["value"]["value"]
    return node


def without_value(field_id: str) -> Node:
    node = scalar(field_id, "")
    del node["value"]
    return node


def category(name: str, *members: Node) -> Node:
    return {"id": f"FERRERO.CATEGORY.{name}", "name": name, "metadata_element_list": list(members)}


def asset(*categories: Node) -> Node:
    model = {"type": "com.artesia.metadata.MetadataModel", "id": "ECOMMERCE", "metadata_element_list": list(categories)}
    return {"asset_id": "0" * 40, "name": "master.mp4", "metadata": model}
