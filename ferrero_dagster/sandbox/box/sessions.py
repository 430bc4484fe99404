"""Upload sessions: files that arrive in parts, in any order, over days."""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from ferrero_dagster.sandbox.box.database import Database
from ferrero_dagster.sandbox.box.errors import BoxError, not_found

_LIFETIME_S = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One upload: a new file `name` in `folder_id`, or new content for `file_id`. `expires_at` is in epoch seconds."""

    id: str
    folder_id: str | None
    file_id: str | None
    name: str | None
    size_bytes: int
    part_size_bytes: int
    expires_at: float

    @property
    def total_parts(self) -> int:
        """How many parts make the file."""
        return -(-self.size_bytes // self.part_size_bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part that has arrived whole."""

    id: str
    offset: int
    size_bytes: int
    sha1_hex: str


class UploadSessions:
    """The open sessions; each one's bytes lie in one file, every part at its offset."""

    def __init__(self, database: Database, incoming: Path) -> None:
        self._database = database
        self._incoming = incoming

    def open(
        self, *, size_bytes: int, part_size_bytes: int, folder_id: str | None, file_id: str | None, name: str | None
    ) -> Session:
        """A new session without parts."""
        session_id = uuid.uuid4().hex.upper()
        self._database.insert(
            "INSERT INTO upload_sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(session_id, folder_id, file_id, name, size_bytes, part_size_bytes, time.time() + _LIFETIME_S),
        )
        with self.path(session_id).open("wb") as file:
            file.truncate(size_bytes)
        return self.session(session_id)

    def session(self, session_id: str) -> Session:
        """The open session; raises BoxError 404 where there is none."""
        row = self._database.row(
            "SELECT * FROM upload_sessions WHERE id = ? AND expires_at > ?", session_id, time.time()
        )
        if not row:
            raise not_found(f"upload session {session_id}")
        return Session(**dict(row))

    def path(self, session_id: str) -> Path:
        """Where the bytes of a session lie; for ids that `open` made."""
        return self._incoming / session_id

    def parts(self, session_id: str) -> list[Part]:
        """The parts that have arrived, by offset."""
        rows = self._database.rows(
            "SELECT id, offset, size_bytes, sha1_hex FROM parts WHERE session_id = ? ORDER BY offset", session_id
        )
        return [Part(**dict(row)) for row in rows]

    def check_missing(self, session_id: str, offset: int) -> None:
        """Raise BoxError 409 where the part has arrived already: parts cannot be changed."""
        if self._database.row("SELECT 1 FROM parts WHERE session_id = ? AND offset = ?", session_id, offset):
            raise BoxError(409, "range_overlaps_existing_range", "The part has been uploaded already")

    def add_part(self, session_id: str, offset: int, size_bytes: int, sha1_hex: str) -> Part:
        """The part, now that its bytes lie in the session's file; raises as `session` and `check_missing`."""
        part = Part(id=uuid.uuid4().hex[:8].upper(), offset=offset, size_bytes=size_bytes, sha1_hex=sha1_hex)
        with self._database.transaction():
            self.session(session_id)
            self.check_missing(session_id, offset)
            self._database.insert(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?)", session_id, offset, part.id, size_bytes, sha1_hex
            )
        return part

    def close(self, session_id: str) -> None:
        """End a session; its bytes stay where they are. Raises BoxError 404 where it has ended already."""
        if not self._database.change("DELETE FROM upload_sessions WHERE id = ?", session_id):
            raise not_found(f"upload session {session_id}")

    def abort(self, session_id: str) -> None:
        """End a session and forget its bytes; raises as `close`."""
        self.close(session_id)
        self.path(session_id).unlink()

    def expire(self) -> None:
        """End every session."""
        for row in self._database.rows("SELECT id FROM upload_sessions"):
            self.abort(row["id"])
