"""What tests and the demo use to fill the Box stand-in and to look into it: a person at the web application."""

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ferrero_dagster.sandbox.box.items import Content, Item, Items, sha1_of
from ferrero_dagster.sandbox.box.sessions import UploadSessions
from ferrero_dagster.sandbox.box.tokens import Tokens

#: The only metadata template of the enterprise.
TEMPLATE = "ferrerodammetadata"


class BoxStore(Items):
    """The state of a Box, all of it under `state_dir`; safe to use from any thread while the server runs."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.tokens = Tokens(self.database)
        self.sessions = UploadSessions(self.database, self.incoming)

    def add_folder(self, *, parent_id: str = "0", name: str, folder_id: str | None = None) -> str:
        """Id of the folder of this name, made if it is not there; `folder_id` is the id that a new one gets."""
        return self.folder(parent_id, name) or self.create_folder(parent_id, name, folder_id).id

    def folder(self, parent_id: str, name: str) -> str | None:
        """Id of the folder of this name."""
        found = self.find(parent_id, name)
        return found.id if found and found.type == "folder" else None

    def tree(self, folder_id: str = "0") -> dict[str, str]:
        """SHA-1 (hex) by path of every file below the folder, e.g. `C000000078-Test/film_ABC123.mp4`."""
        found: dict[str, str] = {}
        for item in self.items(folder_id):
            if item.type == "file":
                found[item.name] = item.sha1_hex
            else:
                found |= {f"{item.name}/{path}": sha1_hex for path, sha1_hex in self.tree(item.id).items()}
        return found

    def put_file(self, folder_id: str, name: str, source: Path | bytes, metadata: dict[str, Any] | None = None) -> str:
        """Id of the file, new or with a new version where the name exists."""
        content = self._staged(source)
        found = self.find(folder_id, name)
        file = self.add_version(found.id, content) if found else self.add_file(folder_id, name, content)
        if metadata is not None:
            self.set_metadata(file.id, metadata)
        return file.id

    def add_many_files(self, folder_id: str, names: Iterable[str], *, size_bytes: int = 64) -> list[str]:
        """Ids of small files, each with a content of its own; 10,000 take few seconds."""
        with self.database.transaction():
            return [self.put_file(folder_id, name, name.encode().ljust(size_bytes)) for name in names]

    def set_metadata(self, file_id: str, fields: dict[str, Any]) -> None:
        """Set all fields of the file's instance of the template."""
        self.put_metadata(file_id, TEMPLATE, fields)

    def rename(self, file_id: str, name: str) -> Item:
        """The file under its new name."""
        return self.move(file_id, name=name)

    def expire_tokens(self) -> None:
        """Every access token is refused from now on."""
        self.tokens.expire()

    def expire_upload_sessions(self) -> None:
        """Every upload session is gone, as after seven days."""
        self.sessions.expire()

    def clear(self) -> None:
        """Delete everything; logins stay valid."""
        self.sessions.expire()
        for child in self.items("0"):
            if child.type == "folder":
                self.delete_folder(child.id, recursive=True)
            else:
                self.purge(child.id)
        self.empty_trash()
        self.database.change("DELETE FROM events")

    def empty_trash(self) -> None:
        """What was deleted is gone for good, as after thirty days."""
        for file_id in self.trashed_ids():
            self.purge(file_id)

    def _staged(self, source: Path | bytes) -> Content:
        path = self.incoming / uuid.uuid4().hex
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            shutil.copyfile(source, path)
        return Content(path=path, size_bytes=path.stat().st_size, sha1_hex=sha1_of(path))
