"""What every upload passes, in one piece or in parts: limits of size and room, names, planted oddities."""

from dataclasses import replace

from ferrero_dagster.sandbox.box.errors import BoxError
from ferrero_dagster.sandbox.box.items import Content
from ferrero_dagster.sandbox.box.names import sanitised_name
from ferrero_dagster.sandbox.box.settings import BoxSettings


class Intake:
    """The settings, applied to what arrives."""

    def __init__(self, settings: BoxSettings) -> None:
        self._settings = settings

    def check_size(self, size_bytes: int) -> None:
        """Raise BoxError 403 where a file of this size is too large or finds no room."""
        if size_bytes > self._settings.max_file_size_bytes:
            raise BoxError(403, "file_size_limit_exceeded", "File size exceeds the folder owner's file size limit")
        if self._settings.storage_full:
            raise BoxError(403, "storage_limit_exceeded", "Account storage limit reached")

    def name(self, name: str) -> str:
        """The name under which a file is stored."""
        return sanitised_name(name) if self._settings.sanitise_names else name

    def content(self, content: Content) -> Content:
        """The content as it is stored; raises as `check_size`."""
        self.check_size(content.size_bytes)
        if not self._settings.wrong_sha1:
            return content
        self._settings.wrong_sha1 = False
        return replace(content, sha1_hex=content.sha1_hex[::-1])
