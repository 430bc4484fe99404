"""The bytes of one file over HTTP, counted and hashed as they arrive: into memory, into a file, or piece by piece.

What is cut is gone on with: by Range where something proves that the rest belongs to what we have (a strong ETag, or a
checksum of the whole), else from the beginning, and the bytes that we have must come again. Bytes are kept as they
come, whatever the answer calls their encoding: servers label what is packed itself. Only where they are not what was
promised, and what is packed in them is, that is kept.
"""

import hashlib
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import requests

from ferrero_dagster.clients.http import HttpLimits, lost_connections
from ferrero_dagster.domain.errors import FerreroError, IntegrityError, PackedAnswer, TransientError
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.words import counted

_CHUNK_BYTES = 1 << 20
_TRIES = 3
#: After so many more bytes the tries are counted anew.
_TRIES_FOR_BYTES = 64 << 20
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
#: Where no size was promised.
_LARGEST_UNPACKED_BYTES = 1 << 40
#: What packing may add to bytes that cannot be packed.
_PACKING_ADDS_BYTES = 1 << 16
_CHANGED = "changed under way"


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file of a `system`, and what was promised of it. Nothing is asked before its bytes are."""

    system: str
    #: In the words of operators.
    what: str
    #: Asks with these headers and `IDENTITY`, and retries by itself; what Range it does not take is a permanent error.
    open: Callable[[Mapping[str, str]], requests.Response]
    #: None where it was not promised.
    size_bytes: int | None
    #: Whether the bytes have the promised checksum; None where there is none.
    has_checksum: Callable[[Digest], bool] | None
    limits: HttpLimits
    on_bytes: Callable[[int], None] = lambda _: None

    def pieces(self) -> "Pieces":
        """The bytes from the first on, once each, however often their way is cut."""
        return Pieces(self)

    def into_memory(self) -> tuple[BytesIO, Digest]:
        """All of it, proven.

        Raises:
            IntegrityError: the bytes have another size or checksum than was promised.
            FerreroError: the system failed otherwise.
        """
        content = BytesIO()
        digest, is_packed = self._received(content)
        if is_packed and not self._is_promised(digest):
            inner = BytesIO()
            if unpacked := self._unpacked(content, inner):
                content, digest = inner, unpacked
        content.seek(0)
        return content, self.proven(digest)

    def into_file(self, path: Path) -> Digest:
        """Write it to `path`, proven; nothing is kept there when that fails. Raises as `into_memory`."""
        inner_path = path.with_name(f"{path.name}.unpacked")
        with _removed_on_failure(path):
            try:
                with path.open("w+b") as file, inner_path.open("w+b") as inner:
                    digest, is_packed = self._received(file)
                    unpacked = self._unpacked(file, inner) if is_packed and not self._is_promised(digest) else None
                if unpacked:
                    inner_path.replace(path)
            finally:
                inner_path.unlink(missing_ok=True)
            return self.proven(unpacked or digest)

    def proven(self, digest: Digest) -> Digest:
        """The digest, if it is what was promised; raises as `into_memory`."""
        if self.size_bytes not in {None, digest.size_bytes}:
            raise self.other_size(digest.size_bytes)
        if self.has_checksum and not self.has_checksum(digest):
            raise IntegrityError(
                f"{self.what}: the bytes do not have {self.named}'s checksum.", code="checksum mismatch"
            )
        return digest

    @property
    def named(self) -> str:
        """The system inside a sentence."""
        return "the DAM" if self.system == "DAM" else self.system

    def other_size(self, size_bytes: int) -> IntegrityError:
        """What is said where so many bytes arrived."""
        arrived = counted(size_bytes, "byte")
        return IntegrityError(
            f"{self.what}: {arrived} arrived where {self.system} promised {self.size_bytes:,}.", code="size mismatch"
        )

    def _is_promised(self, digest: Digest) -> bool:
        return self.size_bytes in {None, digest.size_bytes} and (not self.has_checksum or self.has_checksum(digest))

    def _received(self, file: BinaryIO) -> tuple[Digest, bool]:
        """What was written, and whether it is labelled as packed; that may be packed otherwise the next time."""
        tries = 0
        while True:
            tries += 1
            file.seek(0)
            file.truncate()
            pieces = Pieces(self, packed_too=True)
            try:
                file.writelines(pieces)
            except FerreroError as error:
                if not pieces.is_packed or tries == _TRIES or not error.retry:
                    raise
            else:
                return pieces.digest, pieces.is_packed

    def _unpacked(self, packed: BinaryIO, inner: BinaryIO) -> Digest | None:
        """Write what is packed in it, where that is what was promised."""
        counter, most_bytes = _Counter(), self.size_bytes or _LARGEST_UNPACKED_BYTES
        packed.seek(0)
        try:
            for piece in _inflated(packed):
                inner.write(piece)
                counter.update(piece)
                if counter.size_bytes > most_bytes:
                    return None
        except zlib.error:
            return None  # the label was wrong
        return counter.digest if self._is_promised(counter.digest) else None


class Pieces:
    """The bytes of a download, to be read once; afterwards `digest` says what they are."""

    def __init__(self, download: Download, *, packed_too: bool = False) -> None:
        self._download = download
        self._packed_too = packed_too
        self._counter = _Counter()
        self._etag = ""
        self._takes_ranges = True
        #: Whether the answer is labelled so.
        self.is_packed = False

    @property
    def digest(self) -> Digest:
        """Of what was read so far."""
        return self._counter.digest

    def proven(self) -> Digest:
        """The digest, when all was read; raises as `Download.proven`."""
        return self._download.proven(self.digest)

    def __iter__(self) -> Iterator[bytes]:
        """Read on.

        Raises:
            PackedAnswer: before the first piece.
            IntegrityError: other bytes came the second time, or more or less than were promised.
            FerreroError: the system failed otherwise.
        """
        failures, failed_at_bytes = 0, 0
        while True:
            response, offset = self._opened()
            try:
                with response, lost_connections(self._download.system, self._download.what):
                    yield from self._new_bytes(response, offset)
            except FerreroError as error:
                if self._counter.size_bytes - failed_at_bytes >= _TRIES_FOR_BYTES:
                    failures = 0
                failures, failed_at_bytes = failures + 1, self._counter.size_bytes
                # What is labelled as packed may be packed otherwise the next time.
                if failures == _TRIES or not error.retry or self.is_packed or error.code == _CHANGED:
                    raise
            else:
                return

    def _opened(self) -> tuple[requests.Response, int]:
        """An answer, and the byte that its body begins with."""
        if self._counter.size_bytes and self._takes_ranges and (self._etag or self._download.has_checksum):
            response = self._asked_for_the_rest()
            if response is not None and response.status_code == requests.codes.ok:
                return self._whole(response), 0
            if response is not None and self._is_the_rest(response):
                return response, self._counter.size_bytes
            if response is not None:
                response.close()
            self._takes_ranges = False
        return self._whole(self._download.open({})), 0

    def _asked_for_the_rest(self) -> requests.Response | None:
        headers = {"Range": f"bytes={self._counter.size_bytes}-"} | ({"If-Range": self._etag} if self._etag else {})
        try:
            return self._download.open(headers)
        except FerreroError as error:
            if error.retry:
                raise
            return None  # asked for all of it, it says what is wrong, if anything else is

    def _is_the_rest(self, response: requests.Response) -> bool:
        told = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
        if not told or response.status_code != requests.codes.partial_content or _is_labelled_packed(response):
            return False
        is_same = self._etag in {"", _strong_etag(response) or self._etag}
        totals = {"*", str(self._download.size_bytes or told[2])}
        return is_same and int(told[1]) == self._counter.size_bytes and told[2] in totals

    def _whole(self, response: requests.Response) -> requests.Response:
        if not self._counter.size_bytes:
            self.is_packed = _is_labelled_packed(response)
            if self.is_packed and not self._packed_too:
                response.close()
                raise PackedAnswer(f"{self._download.what}: the answer is labelled as packed.")
        self._etag = _strong_etag(response)
        return response

    def _new_bytes(self, response: requests.Response, offset: int) -> Iterator[bytes]:
        again = _Counter() if offset < self._counter.size_bytes else None
        for arrived in self._arriving(response):
            piece = arrived
            if again:
                known = arrived[: self._counter.size_bytes - again.size_bytes]
                piece = arrived[len(known) :]
                again.update(known)
                again = self._compared(again)
            if piece:
                self._count(piece)
                yield piece
        is_short = self._counter.size_bytes < (self._download.size_bytes or 0)
        if again or (is_short and not self.is_packed):
            raise self._download.other_size(again.size_bytes if again else self._counter.size_bytes)

    def _compared(self, again: "_Counter") -> "_Counter | None":
        """None where all that we have has come once more."""
        if again.size_bytes < self._counter.size_bytes:
            return again
        if again.digest == self._counter.digest:
            return None
        raise IntegrityError(
            f"{self._download.what}: its bytes were changed in {self._download.named} while they were on their way.",
            code=_CHANGED,
        )

    def _count(self, piece: bytes) -> None:
        size_bytes, promised = self._counter.size_bytes + len(piece), self._download.size_bytes
        if promised is not None:
            most_bytes = promised + (promised // 100 + _PACKING_ADDS_BYTES if self.is_packed else 0)
            if size_bytes > most_bytes:
                raise self._download.other_size(size_bytes)
        self._counter.update(piece)
        self._download.on_bytes(len(piece))

    def _arriving(self, response: requests.Response) -> Iterator[bytes]:
        """As it comes; only waiting for it makes it slow, not what is done with it meanwhile."""
        limits, size_bytes, waited_s = self._download.limits, 0, 0.0
        while True:
            began = time.monotonic()
            # read1 hands over what has arrived, so that a trickle is noticed before a whole chunk is full.
            piece = response.raw.read1(_CHUNK_BYTES, decode_content=False)
            waited_s += time.monotonic() - began
            if not piece:
                return
            size_bytes += len(piece)
            if waited_s > limits.read_timeout_s and size_bytes < limits.min_bytes_per_s * waited_s:
                message = f"{self._download.what}: the transfer is too slow, it was given up."
                raise TransientError(message, code="too slow")
            yield piece


def _is_labelled_packed(response: requests.Response) -> bool:
    return response.headers.get("Content-Encoding", "").strip().lower() in _PACKED


def _strong_etag(response: requests.Response) -> str:
    """The ETag that stands for the very same bytes; empty where the server gives none (RFC 9110 8.8.3)."""
    etag = response.headers.get("ETag", "").strip()
    return etag if etag.startswith('"') else ""


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class _Counter:
    """Counts and hashes; for comparing, not for security: Box and the DAM use SHA-1 and MD5 so."""

    def __init__(self) -> None:
        self._sha1, self._md5 = hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0

    def update(self, chunk: bytes) -> None:
        self._sha1.update(chunk)
        self._md5.update(chunk)
        self.size_bytes += len(chunk)

    @property
    def digest(self) -> Digest:
        return Digest(size_bytes=self.size_bytes, sha1_hex=self._sha1.hexdigest(), md5_hex=self._md5.hexdigest())


def _inflated(packed: BinaryIO) -> Iterator[bytes]:
    """The content of gzip or zlib data, in pieces of bounded size; of several members, too."""
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    data = packed.read(_CHUNK_BYTES)
    while data:
        yield inflater.decompress(data, _CHUNK_BYTES)
        data = inflater.unconsumed_tail or inflater.unused_data
        if inflater.eof:
            inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        data = data or packed.read(_CHUNK_BYTES)
    yield inflater.flush()
