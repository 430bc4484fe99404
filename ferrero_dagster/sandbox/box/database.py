"""The SQLite file in which the Box stand-in remembers everything but the files' content."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL,
    parent_id INTEGER REFERENCES items, name TEXT NOT NULL, name_key TEXT NOT NULL,
    etag INTEGER NOT NULL DEFAULT 0, version_id INTEGER, created_at TEXT NOT NULL, modified_at TEXT NOT NULL,
    UNIQUE (parent_id, name_key)
);
CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    size_bytes INTEGER NOT NULL, sha1_hex TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_of_file ON versions (file_id);
CREATE TABLE IF NOT EXISTS metadata (
    file_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, template TEXT NOT NULL,
    id TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, fields TEXT NOT NULL,
    PRIMARY KEY (file_id, template)
);
CREATE TABLE IF NOT EXISTS trash (
    file_id INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE, folder_id INTEGER NOT NULL, trashed_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS upload_sessions (
    id TEXT PRIMARY KEY, folder_id TEXT, file_id TEXT, name TEXT,
    size_bytes INTEGER NOT NULL, part_size_bytes INTEGER NOT NULL, expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS parts (
    session_id TEXT NOT NULL REFERENCES upload_sessions ON DELETE CASCADE, offset INTEGER NOT NULL,
    id TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha1_hex TEXT NOT NULL,
    PRIMARY KEY (session_id, offset)
);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, purpose TEXT NOT NULL, expires_at REAL NOT NULL);
INSERT OR IGNORE INTO items (id, type, name, name_key, created_at, modified_at)
    VALUES (0, 'folder', 'All Files', 'all files', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00');
"""


class Database:
    """One connection for all threads; each statement is a transaction of its own unless inside `transaction`."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what happens inside; other threads wait. May be nested."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row that a query finds."""
        return next(iter(self.rows(sql, *values)), None)

    def insert(self, sql: str, *values: Any) -> int:
        """The new row's number."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def change(self, sql: str, *values: Any) -> int:
        """How many rows an UPDATE or DELETE touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def close(self) -> None:
        """Close the file; every use afterwards fails."""
        self._connection.close()
