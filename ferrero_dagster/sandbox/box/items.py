"""Folders, files, their versions and metadata, kept by Box's own rules: names, conflicts, etags.

Content lies in files named by version id; a name from outside is never part of a path.
"""

import hashlib
import json
import sqlite3
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from ferrero_dagster.sandbox.box.database import Database
from ferrero_dagster.sandbox.box.errors import BoxError, not_found
from ferrero_dagster.sandbox.box.names import checked_name, name_key

ItemType = Literal["file", "folder"]
_ITEMS = "SELECT items.*, size_bytes, sha1_hex FROM items LEFT JOIN versions ON versions.id = items.version_id WHERE "

_TRASHED = "(type = 'file' AND parent_id IS NULL)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A file or a folder; a folder has no size, hash and version. Times are ISO 8601 with zone."""

    id: str
    type: ItemType
    parent_id: str | None
    name: str
    etag: str
    size_bytes: int
    sha1_hex: str
    version_id: str
    created_at: str
    modified_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Bytes that have arrived and wait at `path` to become a file's; taking them over moves them away."""

    path: Path
    size_bytes: int
    sha1_hex: str


class NameInUseError(BoxError):
    """409: the folder holds `taken` already; `wanted` is what was to be made."""

    def __init__(self, wanted: ItemType, taken: Item) -> None:
        super().__init__(409, "item_name_in_use", "Item with the same name already exists")
        self.wanted = wanted
        self.taken = taken


class Items:
    """Everything below the root folder `0`. Every method raises BoxError (404 `not_found`) for an unknown id."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._contents = state_dir / "content"
        self.incoming = state_dir / "incoming"
        self._contents.mkdir(parents=True, exist_ok=True)
        self.incoming.mkdir(exist_ok=True)
        self.database = Database(state_dir / "box.sqlite")

    def item(self, item_id: str, wanted: ItemType) -> Item:
        """The file or folder with this id."""
        row = self.database.row(_ITEMS + "items.id = ? AND type = ? AND NOT " + _TRASHED, item_id, wanted)
        if not row:
            raise not_found(f"{wanted} {item_id}")
        return _item(row)

    def find(self, folder_id: str, name: str) -> Item | None:
        """What has this name, whatever its case, in the folder."""
        row = self.database.row(_ITEMS + "parent_id = ? AND name_key = ?", folder_id, name_key(name))
        return _item(row) if row else None

    def items(self, folder_id: str) -> list[Item]:
        """What is in the folder, in Box's order: folders first, then by name."""
        rows = self.database.rows(_ITEMS + "parent_id = ? ORDER BY type DESC, name_key", folder_id)
        return [_item(row) for row in rows]

    def items_after(self, folder_id: str, last_id: str, limit: int) -> list[Item]:
        """One page of the folder by rising id; what is added while somebody pages comes last."""
        rows = self.database.rows(
            _ITEMS + "parent_id = ? AND items.id > ? ORDER BY items.id LIMIT ?", folder_id, last_id, limit
        )
        return [_item(row) for row in rows]

    def check_free(self, folder_id: str, name: str, wanted: ItemType) -> None:
        """Raise what creating this name would raise: BoxError (404, 400) or NameInUseError."""
        self.item(folder_id, "folder")
        taken = self.find(folder_id, checked_name(name))
        if taken:
            raise NameInUseError(wanted, taken)

    def create_folder(self, parent_id: str, name: str, folder_id: str | None = None) -> Item:
        """A new folder; raises as `check_free`."""
        with self.database.transaction():
            self.check_free(parent_id, name, "folder")
            return self._told("ITEM_CREATE", self._insert(parent_id, name, "folder", folder_id), "folder")

    def add_file(self, folder_id: str, name: str, content: Content) -> Item:
        """A new file; raises as `check_free`."""
        with self.database.transaction():
            self.check_free(folder_id, name, "file")
            file_id = self._insert(folder_id, name, "file")
            self._take_over(file_id, content)
            return self._told("ITEM_UPLOAD", file_id, "file")

    def add_version(
        self, file_id: str, content: Content, *, name: str | None = None, if_match: str | None = None
    ) -> Item:
        """The file with new content, and a new name if one is given; raises as `move`."""
        with self.database.transaction():
            self.move(file_id, name=name, if_match=if_match)
            self._take_over(file_id, content)
            return self._told("ITEM_UPLOAD", file_id, "file")

    def move(
        self, file_id: str, *, name: str | None = None, folder_id: str | None = None, if_match: str | None = None
    ) -> Item:
        """The file under a new name and in another folder, as far as they are given.

        Raises:
            BoxError: 412 `precondition_failed` where `if_match` is not the file's etag; else as `check_free`.
        """
        with self.database.transaction():
            file = self._unchanged(file_id, if_match)
            name, folder_id = name or file.name, folder_id or str(file.parent_id)
            if (folder_id, name_key(name)) != (file.parent_id, name_key(file.name)):
                self.check_free(folder_id, name, "file")
            self.database.change(
                "UPDATE items SET name = ?, name_key = ?, parent_id = ?, etag = etag + 1, modified_at = ? WHERE id = ?",
                *(checked_name(name), name_key(name), folder_id, _now(), file_id),
            )
            return self._told("ITEM_RENAME" if folder_id == file.parent_id else "ITEM_MOVE", file_id, "file")

    def rename_folder(self, folder_id: str, name: str) -> Item:
        """The folder under a new name; raises as `check_free`."""
        with self.database.transaction():
            folder = self.item(folder_id, "folder")
            self.check_free(str(folder.parent_id), name, "folder")
            self.database.change(
                "UPDATE items SET name = ?, name_key = ?, etag = etag + 1 WHERE id = ?", name, name_key(name), folder_id
            )
            return self._told("ITEM_RENAME", folder_id, "folder")

    def delete(self, file_id: str, *, if_match: str | None = None) -> None:
        """Move a file to the trash; raises BoxError 412 as `move`."""
        with self.database.transaction():
            file = self._unchanged(file_id, if_match)
            self.database.insert("INSERT INTO trash VALUES (?, ?, ?)", file_id, file.parent_id, _now())
            self.database.change("UPDATE items SET parent_id = NULL WHERE id = ?", file_id)
            self._told("ITEM_TRASH", file_id, "file")

    def trashed(self, file_id: str) -> tuple[Item, str]:
        """A file in the trash, and when it came there."""
        row = self.database.row(_ITEMS + _TRASHED + " AND items.id = ?", file_id)
        trash = self.database.row("SELECT trashed_at FROM trash WHERE file_id = ?", file_id)
        if not row or not trash:
            raise not_found(f"file {file_id} in the trash")
        return _item(row), trash["trashed_at"]

    def trashed_ids(self) -> list[str]:
        """The files in the trash."""
        return [str(row["file_id"]) for row in self.database.rows("SELECT file_id FROM trash")]

    def restore(self, file_id: str, *, name: str | None, folder_id: str | None, new_etag: bool) -> Item:
        """A file back from the trash: in its old folder or, where that is gone, in this one; raises as `check_free`."""
        with self.database.transaction():
            file, _ = self.trashed(file_id)
            place = "SELECT i.id FROM trash t JOIN items i ON i.id = t.folder_id WHERE file_id = ?"
            old = self.database.row(place, file_id)
            target, name = str(old["id"]) if old else folder_id or "0", name or file.name
            self.check_free(target, name, "file")
            self.database.change(
                "UPDATE items SET parent_id = ?, name = ?, name_key = ?, etag = etag + ? WHERE id = ?",
                *(target, name, name_key(name), int(new_etag), file_id),
            )
            self.database.change("DELETE FROM trash WHERE file_id = ?", file_id)
            return self._told("ITEM_UNDELETE_VIA_TRASH", file_id, "file")

    def purge(self, file_id: str) -> None:
        """Remove a file for good, from the trash or from where it is."""
        versions = self.database.rows("SELECT id FROM versions WHERE file_id = ?", file_id)
        if self.database.row("SELECT 1 FROM items WHERE id = ? AND parent_id IS NOT NULL", file_id):
            self._told("ITEM_TRASH", file_id, "file", is_there=False)
        self.database.change("DELETE FROM items WHERE id = ?", file_id)
        for version in versions:
            self._content_path(version["id"]).unlink()

    def delete_folder(self, folder_id: str, *, recursive: bool) -> None:
        """Remove a folder for good; raises BoxError 400 `folder_not_empty`, unless `recursive`."""
        children = self.items(self.item(folder_id, "folder").id)
        if children and not recursive:
            raise BoxError(400, "folder_not_empty", "Cannot delete - folder not empty")
        for child in children:
            if child.type == "folder":
                self.delete_folder(child.id, recursive=True)
            else:
                self.purge(child.id)
        self._told("ITEM_TRASH", folder_id, "folder", is_there=False)
        self.database.change("DELETE FROM items WHERE id = ?", folder_id)

    def path(self, item: Item) -> list[Item]:
        """The folders that an item lies in, outermost first; none for the root folder and for what was deleted."""
        if item.parent_id is None:
            return []
        parent = self.item(item.parent_id, "folder")
        return [*self.path(parent), parent]

    def content(self, file_id: str, version_id: str | None = None) -> Path:
        """Where the content of a file, or of an earlier version of it, lies."""
        wanted = version_id or self.item(file_id, "file").version_id
        row = self.database.row("SELECT id FROM versions WHERE id = ? AND file_id = ?", wanted, file_id)
        if not row:
            raise not_found(f"version {wanted} of file {file_id}")
        return self._content_path(row["id"])

    def metadata(self, file_id: str, template: str) -> dict[str, Any] | None:
        """The file's instance of a template: its fields and Box's `$id` and `$version`; None without one."""
        row = self.database.row("SELECT * FROM metadata WHERE file_id = ? AND template = ?", file_id, template)
        return {**json.loads(row["fields"]), "$id": row["id"], "$version": row["version"]} if row else None

    def put_metadata(self, file_id: str, template: str, fields: dict[str, Any]) -> None:
        """Set all fields of the file's instance of a template."""
        self.item(file_id, "file")
        self.database.insert(
            "INSERT INTO metadata (file_id, template, id, fields) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET fields = excluded.fields, version = version + 1",
            *(file_id, template, str(uuid.uuid4()), json.dumps(fields)),
        )

    def delete_metadata(self, file_id: str, template: str) -> bool:
        """Whether there was an instance to delete."""
        return self.database.change("DELETE FROM metadata WHERE file_id = ? AND template = ?", file_id, template) > 0

    def close(self) -> None:
        """Close the database; the state stays on disk."""
        self.database.close()

    def _told(self, type_: str, item_id: str, kind: ItemType, *, is_there: bool = True) -> Item:
        """The item, once what happened to it is in the stream of events; deleted things have no place any more."""
        row = self.database.row(_ITEMS + "items.id = ?", item_id)
        assert row
        item = _item(row)
        places = [{"type": "folder", "id": one.id, "name": one.name} for one in self.path(item) if is_there]
        source = {"type": kind, "id": item.id, "name": item.name, "etag": item.etag, "places": places}
        self.database.insert(
            "INSERT INTO events (id, type, source, created_at) VALUES (?, ?, ?, ?)",
            *(uuid.uuid4().hex, type_, json.dumps(source), time.time()),
        )
        return item

    def _unchanged(self, file_id: str, if_match: str | None) -> Item:
        file = self.item(file_id, "file")
        if if_match is not None and if_match != file.etag:
            raise BoxError(412, "precondition_failed", "The resource has been modified. Please retrieve it again")
        return file

    def _insert(self, parent_id: str, name: str, type_: ItemType, item_id: str | None = None) -> str:
        now = _now()
        return str(
            self.database.insert(
                "INSERT INTO items (id, type, parent_id, name, name_key, created_at, modified_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(item_id, type_, parent_id, name, name_key(name), now, now),
            )
        )

    def _take_over(self, file_id: str, content: Content) -> None:
        version_id = self.database.insert(
            "INSERT INTO versions (file_id, size_bytes, sha1_hex) VALUES (?, ?, ?)",
            *(file_id, content.size_bytes, content.sha1_hex),
        )
        self.database.change("UPDATE items SET version_id = ? WHERE id = ?", version_id, file_id)
        content.path.replace(self._content_path(version_id))

    def _content_path(self, version_id: int) -> Path:
        return self._contents / str(version_id)


def sha1_of(path: Path) -> str:
    """SHA-1 of a file in hex, read block by block."""
    digest = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()


def _item(row: sqlite3.Row) -> Item:
    return Item(
        id=str(row["id"]),
        type=row["type"],
        parent_id=None if row["parent_id"] is None else str(row["parent_id"]),
        name=row["name"],
        etag=str(row["etag"]),
        size_bytes=row["size_bytes"] or 0,
        sha1_hex=row["sha1_hex"] or "",
        version_id=str(row["version_id"] or ""),
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
