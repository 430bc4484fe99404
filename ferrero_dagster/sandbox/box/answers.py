"""How items look on the wire: Box's JSON of files, folders and metadata, and the choice of `fields`."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request

from ferrero_dagster.sandbox.box.errors import bad_request
from ferrero_dagster.sandbox.box.items import Item
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import TEMPLATE, BoxStore

_MINI = {
    "file": ("type", "id", "file_version", "sequence_id", "etag", "sha1", "name"),
    "folder": ("type", "id", "sequence_id", "etag", "name"),
}
_MORE = (
    *("created_at", "modified_at", "content_created_at", "content_modified_at"),
    *("description", "item_status", "parent", "path_collection"),
)
_STANDARD = {"file": (*_MINI["file"], "size", *_MORE), "folder": (*_MINI["folder"], *_MORE)}
_FILE_VALUES: dict[str, Callable[[Item], Any]] = {
    "sha1": lambda item: item.sha1_hex,
    "size": lambda item: item.size_bytes,
    "file_version": lambda item: {"type": "file_version", "id": item.version_id, "sha1": item.sha1_hex},
}
_VALUES: dict[str, Callable[[Item], Any]] = {
    "type": lambda item: item.type,
    "id": lambda item: item.id,
    "etag": lambda item: item.etag,
    "sequence_id": lambda item: item.etag,
    "name": lambda item: item.name,
    "created_at": lambda item: item.created_at,
    "modified_at": lambda item: item.modified_at,
    "content_created_at": lambda item: item.created_at,
    "content_modified_at": lambda item: item.modified_at,
    "description": lambda _: "",
    "item_status": lambda _: "active",
}


def fields_of(request: Request) -> list[str] | None:
    """The fields that the request asks for; None for the standard ones."""
    asked = request.query_params.get("fields")
    return asked.split(",") if asked else None


def address_of(request: Request) -> str:
    """The address under which the caller reached us, for the addresses that we give out."""
    return str(request.base_url).rstrip("/")


def number_asked(request: Request, name: str, default: int, highest: int) -> int:
    """A number in the query; raises BoxError 400 for anything else."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= highest):
        raise bad_request(f"Invalid value for parameter {name}: expected a number from 0 to {highest}")
    return int(text)


def mini(item: Item) -> dict[str, Any]:
    """The shortest form, as in listings and conflicts."""
    return _picked(item, _MINI[item.type])


class Answers:
    """The longer forms, which need more than the item itself."""

    def __init__(self, store: BoxStore, settings: BoxSettings) -> None:
        self._store = store
        self._settings = settings

    def item(self, item: Item, fields: Sequence[str] | None) -> dict[str, Any]:
        """The standard form, or type, id, etag and the fields asked for: nothing else may be relied on then."""
        wanted = _STANDARD[item.type] if fields is None else ("type", "id", "etag", *fields)
        answer = _picked(item, wanted)
        if "parent" in wanted and item.parent_id:
            answer["parent"] = mini(self._store.item(item.parent_id, "folder"))
        if "size" in wanted and item.type == "folder":
            answer["size"] = self._size_below(item.id)
        if "path_collection" in wanted:
            entries = [mini(folder) for folder in self._store.path(item)]
            answer["path_collection"] = {"total_count": len(entries), "entries": entries}
        metadata = self._metadata(item, wanted)
        return {**answer, "metadata": metadata} if metadata else answer

    def instance(self, file_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        """A metadata instance with Box's own `$` keys."""
        return {
            **fields,
            "$parent": f"file_{file_id}",
            "$template": TEMPLATE,
            "$scope": f"enterprise_{self._settings.enterprise_id}",
            "$type": f"{TEMPLATE}-c39f1ec1-36a5-4a2c-9b43-3e9be4fd5b7c",
            "$typeVersion": 0,
            "$canEdit": True,
        }

    def scope_is_ours(self, scope: str) -> bool:
        """Whether templates of this scope are known."""
        return scope in {"enterprise", f"enterprise_{self._settings.enterprise_id}"}

    def _size_below(self, folder_id: str) -> int:
        items = self._store.items(folder_id)
        return sum(item.size_bytes if item.type == "file" else self._size_below(item.id) for item in items)

    def _metadata(self, item: Item, fields: Sequence[str]) -> dict[str, Any]:
        asked = [field.split(".") for field in fields if field.startswith("metadata.")]
        scopes = [part[1] for part in asked if part[2:] == [TEMPLATE] and self.scope_is_ours(part[1])]
        instance = self._store.metadata(item.id, TEMPLATE) if scopes and item.type == "file" else None
        if instance is None:
            return {}
        return {self._scope_key(scope): {TEMPLATE: self.instance(item.id, instance)} for scope in scopes}

    def _scope_key(self, scope: str) -> str:
        return f"enterprise_{self._settings.enterprise_id}" if self._settings.metadata_key == "enterprise_id" else scope


def _picked(item: Item, fields: Sequence[str]) -> dict[str, Any]:
    values = _VALUES | _FILE_VALUES if item.type == "file" else _VALUES
    return {name: values[name](item) for name in fields if name in values}
