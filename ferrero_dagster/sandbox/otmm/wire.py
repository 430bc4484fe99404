"""How folders and assets look over the wire (contract otmm.md 4.1, 5.1-5.3), and what `load_type` leaves out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.metadata import Element, field, in_tables, scalar_value
from ferrero_dagster.sandbox.otmm.records import Item
from ferrero_dagster.sandbox.otmm.sample import ASSET_NAME, in_categories

_CONTENT_TYPES = {"video": "VIDEO", "image": "BITMAP", "application/pdf": "ACROBAT"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a client asked for beyond the system properties."""

    metadata: bool
    content: bool
    policies: bool
    #: Only these fields, without categories; None: all.
    field_ids: tuple[str, ...] | None


def load_of(params: Mapping[str, str]) -> Load:
    """Reads `load_type`, `data_load_request`, `metadata_to_return`.

    Raises:
        Refusal: 400, `data_load_request` is not the JSON that is expected.
    """
    load_type = params.get("load_type", "system")
    wanted = json_param(params, "data_load_request", "data_load_request") if load_type == "custom" else {}
    everything = load_type == "full"
    field_ids = params.get("metadata_to_return")
    return Load(
        metadata=everything or load_type in {"metadata", "inherited_metadata"} or _is_true(wanted, "load_metadata"),
        content=everything or _is_true(wanted, "load_asset_content_info"),
        policies=everything or _is_true(wanted, "load_security_policies"),
        field_ids=tuple(field_id.strip() for field_id in field_ids.split(",")) if field_ids else None,
    )


def json_param(params: Mapping[str, str], name: str, *path: str) -> dict[str, Any]:
    """The object at `path` inside the JSON parameter `name`; empty where there is none.

    Raises:
        Refusal: 400, it is not JSON or not of this shape.
    """
    try:
        value = json.loads(params.get(name, "{}"))
        for key in path:
            value = value.get(key, {})
        return dict(value.items())
    except (ValueError, AttributeError):
        raise Refusal(400, f"{name} is not the JSON that is expected.") from None


def _is_true(request: Mapping[str, Any], key: str) -> bool:
    return str(request.get(key)).lower() == "true"


def shown(item: Item, load: Load) -> dict[str, Any]:
    """A folder or asset as JSON; keys without a value are left out."""
    properties = {
        **_properties(item),
        **_lock(item),
        **(_folder(item) if item.kind == "folder" else _asset(item, load)),
        "metadata": _metadata(item, load) if load.metadata else None,
        "security_policy_list": [{"id": policy} for policy in item.security_policies] if load.policies else None,
    }
    return {key: value for key, value in properties.items() if value not in (None, [])}


def _properties(item: Item) -> dict[str, Any]:
    return {
        "asset_id": item.id,
        "original_asset_id": item.original_id,
        "name": item.name,
        "version": item.version,
        "latest_version": item.latest,
        "metadata_model_id": item.model,
        "legacy_model_id": 101,
        "creator_id": "1001",
        "date_imported": timestamp(item.created_s),
        "date_last_updated": timestamp(item.changed_s),
        "deleted": item.deleted,
        "expired": item.expired,
        "in_review": False,
        "content_state": "DELETED" if item.deleted else "NORMAL",
        "import_job_id": item.job_id,
    }


def _lock(item: Item) -> dict[str, Any]:
    return {
        "locked": item.locked_by is not None,
        "checked_out": item.checked_out,
        "asset_state": "NORMAL" if item.locked_by is None else "LOCKED",
        "metadata_lock_state_user_name": item.locked_by,
    }


def _folder(item: Item) -> dict[str, Any]:
    return {
        "type": "com.artesia.container.Container",
        "data_type": "CONTAINER",
        "container_id": item.id,
        "container_type_id": "ARTESIA.BASIC.FOLDER",
        "container_type_name": "Folder",
    }


def _asset(item: Item, load: Load) -> dict[str, Any]:
    mime_type = item.mime_type or ""
    content_type = _CONTENT_TYPES.get(mime_type) or _CONTENT_TYPES.get(mime_type.partition("/")[0], "LAYOUT")
    has_content = item.size_bytes is not None
    return {
        "type": "com.artesia.asset.Asset",
        "data_type": "ASSET",
        "content_type": content_type if has_content else "NONE",
        "content_size": item.size_bytes,
        "mime_type": item.mime_type,
        "master_content_info": _content(item) if load.content and has_content else None,
        "delivery_service_url": f"http://content.invalid/{item.id}" if has_content else None,
    }


def _content(item: Item) -> dict[str, Any]:
    content = {
        "id": item.rendition_id,
        "name": item.file_name,
        "content_kind": "MASTER",
        "content_checksum": item.md5_hex,
        "content_data": {"data_source": "FILE", "temp_file": False},
        "content_manager_id": "ARTESIA.CONTENT.MANAGER",
        "content_path": f"/content/{item.rendition_id}",
        "content_size": item.size_bytes,
        "height": -1,
        "width": -1,
        "mime_type": item.mime_type,
        "unit_of_size": "BYTES",
        "url": f"/otmmapi/v6/renditions/{item.rendition_id}",
    }
    return {key: value for key, value in content.items() if value is not None}


def _metadata(item: Item, load: Load) -> dict[str, Any]:
    own: list[Element] = [field(ASSET_NAME, scalar_value(item.name)), *item.metadata.values()]
    if load.field_ids is None:
        elements = in_categories(own, seed=item.sample_seed)
    else:
        elements = in_tables(element for element in own if element["id"] in load.field_ids)
    return {
        "type": "com.artesia.metadata.MetadataModel",
        "id": item.model,
        "name": item.model,
        "has_multilingual_fields": False,
        "legacy_id": 101,
        "metadata_element_list": elements,
    }


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as OTMM writes dates."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_single_items_as_objects(value: Any) -> Any:
    """The same JSON with each list of one item replaced by the item (contract otmm.md 1)."""
    if isinstance(value, dict):
        return {key: with_single_items_as_objects(inner) for key, inner in value.items()}
    if isinstance(value, list):
        items = [with_single_items_as_objects(inner) for inner in value]
        return items[0] if len(items) == 1 else items
    return value
