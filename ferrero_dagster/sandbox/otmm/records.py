"""What the DAM stand-in remembers, in SQLite: items (folders and assets), what the search index knew when, jobs."""

import json
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ferrero_dagster.sandbox.otmm.metadata import Element, texts

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    seq INTEGER PRIMARY KEY,
    doc TEXT NOT NULL,
    id TEXT AS (json_extract(doc, '$.id')),
    parent_id TEXT AS (json_extract(doc, '$.parent_id')),
    rendition_id TEXT AS (json_extract(doc, '$.rendition_id'))
);
CREATE UNIQUE INDEX IF NOT EXISTS item_id ON item (id);
CREATE INDEX IF NOT EXISTS item_parent ON item (parent_id);
CREATE INDEX IF NOT EXISTS item_rendition ON item (rendition_id);
CREATE TABLE IF NOT EXISTS indexed (
    seq INTEGER PRIMARY KEY, item_id TEXT, field_id TEXT, element TEXT, changed_s REAL
);
CREATE INDEX IF NOT EXISTS indexed_field ON indexed (field_id, item_id);
CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY, doc TEXT NOT NULL);
"""

#: Per item the last value that is old enough, or the first there was.
_INDEXED_AS_OF = """
SELECT item_id, field_id, element FROM indexed AS entry WHERE {where} AND seq = coalesce(
    (SELECT max(seq) FROM indexed
     WHERE field_id = entry.field_id AND item_id = entry.item_id AND changed_s <= :as_of_s),
    (SELECT min(seq) FROM indexed WHERE field_id = entry.field_id AND item_id = entry.item_id))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A folder, or one version of an asset. `metadata` holds fields and table columns by id, in wire form."""

    id: str
    original_id: str
    kind: Literal["folder", "asset"]
    name: str
    parent_id: str | None
    model: str
    created_s: float
    changed_s: float
    version: int = 1
    latest: bool = True
    deleted: bool = False
    expired: bool = False
    locked_by: str | None = None
    checked_out: bool = False
    metadata: dict[str, Element] = field(default_factory=dict)
    #: What the other fields of a seeded asset are invented from.
    sample_seed: str | None = None
    security_policies: tuple[int, ...] = ()
    file_name: str = ""
    mime_type: str | None = None
    #: None: the asset has no content.
    size_bytes: int | None = None
    #: None: the DAM tells no checksum.
    md5_hex: str | None = None
    rendition_id: str | None = None
    job_id: int | None = None


def new_item(*, item_id: str | None = None, **properties: Any) -> Item:
    """An item in its first version, made now."""
    item_id, now_s = item_id or secrets.token_hex(20), time.time()
    return Item(id=item_id, original_id=item_id, created_s=now_s, changed_s=now_s, **properties)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An import or check-in; `asset_id` once there is an asset, `polls` how often it was asked for."""

    id: int
    file_name: str
    asset_id: str | None = None
    failed: bool = False
    polls: int = 0


class Records:
    """The tables; safe to use from any thread. Ids are looked up as values, never as SQL or paths."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        #: By place in the table: a search looks at all items, and reading each anew would take its whole time.
        self._read: dict[int, tuple[str, Item]] = {}
        self.close = weakref.finalize(self, self._db.close)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Reads and writes inside are one change: all of it or nothing, and no other thread between."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield

    def item(self, item_id: str) -> Item | None:
        """The item with this id."""
        return next(iter(self.items(id=item_id)), None)

    def items(self, **wanted: str) -> list[Item]:
        """Items by `id`, `parent_id` or `rendition_id`, or all of them, in the order they came."""
        where = " AND ".join(["TRUE", *(f"{column} = :{column}" for column in wanted)])
        with self._lock:
            rows = self._db.execute(f"SELECT seq, doc FROM item WHERE {where} ORDER BY seq", wanted).fetchall()  # noqa: S608  # names are ours
            return [self._item(seq, doc) for seq, doc in rows]

    def _item(self, seq: int, doc: str) -> Item:
        known = self._read.get(seq)
        if known is None or known[0] != doc:
            known = self._read[seq] = (doc, _item(json.loads(doc)))
        return known[1]

    def save(self, item: Item) -> None:
        """Inserts or replaces the item; what its metadata now says enters the index."""
        with self.changing():
            known = self.item(item.id)
            before = known.metadata if known else {}
            self._db.execute(
                "INSERT INTO item (doc) VALUES (?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
                (json.dumps(asdict(item)),),
            )
            changed = {key: value for key, value in item.metadata.items() if before.get(key) != value}
            self._db.executemany(
                "INSERT INTO indexed (item_id, field_id, element, changed_s) VALUES (?, ?, ?, ?)",
                [(item.id, key, json.dumps(value), item.changed_s) for key, value in changed.items()],
            )

    def indexed(self, field_id: str, as_of_s: float) -> dict[str, tuple[str, ...]]:
        """By item id, the values of a metadata field that the index knew at a time (seconds since 1970)."""
        rows = self._indexed_as_of("field_id = :wanted", field_id, as_of_s)
        return {item_id: tuple(texts(json.loads(element))) for item_id, _, element in rows}

    def as_indexed(self, item: Item, as_of_s: float) -> Item:
        """The item with the metadata that the index knew at a time."""
        rows = self._indexed_as_of("item_id = :wanted", item.id, as_of_s)
        return replace(item, metadata=item.metadata | {field_id: json.loads(element) for _, field_id, element in rows})

    def _indexed_as_of(self, where: str, wanted: str, as_of_s: float) -> list[tuple[str, str, str]]:
        with self._lock:
            query = _INDEXED_AS_OF.format(where=where)
            return self._db.execute(query, {"wanted": wanted, "as_of_s": as_of_s}).fetchall()

    def new_job(self, file_name: str) -> Job:
        """A job with the next number."""
        with self.changing():
            (number,) = self._db.execute("SELECT coalesce(max(id), 1124) + 1 FROM job").fetchone()
            job = Job(id=number, file_name=file_name)
            self.save_job(job)
        return job

    def job(self, number: int) -> Job | None:
        """The job with this number."""
        with self._lock:
            row = self._db.execute("SELECT doc FROM job WHERE id = ?", (number,)).fetchone()
        return Job(**json.loads(row[0])) if row else None

    def save_job(self, job: Job) -> None:
        """Inserts or replaces the job."""
        with self.changing():
            self._db.execute("REPLACE INTO job (id, doc) VALUES (?, ?)", (job.id, json.dumps(asdict(job))))

    def clear(self) -> None:
        """Forgets everything."""
        with self.changing():
            for table in ("item", "indexed", "job"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # names are ours


def _item(doc: dict[str, Any]) -> Item:
    return Item(**{**doc, "security_policies": tuple(doc["security_policies"])})
