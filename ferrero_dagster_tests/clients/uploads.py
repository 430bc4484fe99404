"""Bytes on their way to Box in parts, without a DAM and without a database."""

import hashlib
from dataclasses import dataclass, field

from ferrero_dagster.clients.box_chunks import LargeFile
from ferrero_dagster.clients.held_bytes import HeldBytes
from ferrero_dagster.domain.files import Digest, KnownUpload
from ferrero_dagster.domain.ids import BoxId

PART_BYTES = 1000
SMALL, LARGE = b"small", b"".join(number.to_bytes(4, "big") for number in range(2625))
LARGE_PARTS = 11


def digest_of(content: bytes) -> Digest:
    sha1, md5 = hashlib.sha1(content).hexdigest(), hashlib.md5(content).hexdigest()
    return Digest(size_bytes=len(content), sha1_hex=sha1, md5_hex=md5)


@dataclass
class Noted:
    """The sessions of one upload."""

    sessions: list[KnownUpload] = field(default_factory=list)

    def known(self) -> KnownUpload | None:
        return self.sessions[-1] if self.sessions else None

    def opened(self, upload: KnownUpload) -> None:
        self.sessions.append(upload)

    def ended(self, upload: KnownUpload) -> None:
        self.sessions = [known for known in self.sessions if known != upload]


@dataclass
class Arriving:
    """Bytes in pieces that fit no part, and what was promised of them."""

    content: bytes
    promised: Digest

    def __iter__(self):
        for first in range(0, len(self.content), 700):
            yield self.content[first : first + 700]

    def proven(self) -> Digest:
        return self.promised


def large_file(data: bytes = LARGE, /, *, name: str = "film.mp4", folder: str = "0", **changes) -> LargeFile:
    """A file that is read anew each time, with a memory of its own unless another is given."""
    digest = changes.pop("digest", digest_of(data))
    values = {
        "content": lambda: Arriving(data, digest),
        "sessions": Noted(),
        "held": HeldBytes(3 * PART_BYTES),
        "before_commit": lambda: None,
    }
    return LargeFile(folder_id=BoxId(folder), name=name, size_bytes=len(data), **{**values, **changes})
