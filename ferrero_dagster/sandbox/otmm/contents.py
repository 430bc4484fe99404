"""The bytes of assets: written and read in chunks, under the ids that the stand-in gave."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from ferrero_dagster.sandbox.holes import write_with_holes

Source = bytes | Path | BinaryIO

_CHUNK_BYTES = 256 * 1024


def write_hashed(source: Source, target: Path, *, drop_bytes: int = 0) -> tuple[int, str]:
    """Writes all of `source`, but its last `drop_bytes`, to `target`; returns size in bytes and MD5 in hex."""
    with _opened(source) as stream, target.open("w+b") as file:
        for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""):
            write_with_holes(file, chunk)
        file.truncate(max(0, file.tell() - drop_bytes))
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks(target):
        digest.update(chunk)
    return target.stat().st_size, digest.hexdigest()


def chunks(path: Path, first_byte: int = 0) -> Iterator[bytes]:
    """The bytes of a file from there on, piece by piece."""
    with path.open("rb") as file:
        file.seek(first_byte)
        yield from iter(lambda: file.read(_CHUNK_BYTES), b"")


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        yield source
