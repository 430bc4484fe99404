"""Uploads a large file to Box in parts while its bytes arrive, a few at a time (contract box.md 4).

The SDK's own `upload_big_file` sends one part after the other from a file, does not survive a lost answer to a part or
to the commit, and leaves its session behind; this one is made of the same calls. A session is remembered and continued
by the next try; parts that Box has are compared with our bytes, never sent again.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import requests
from box_sdk_gen import (
    BoxAPIError,
    BoxClient,
    BoxSDKError,
    PreflightFileUploadCheckParent,
    UploadPart,
    UploadSession,
)

from ferrero_dagster.clients import box_answers as answers
from ferrero_dagster.clients.box_session import code_of
from ferrero_dagster.clients.held_bytes import HeldBytes
from ferrero_dagster.clients.http import is_busy
from ferrero_dagster.domain.errors import (
    FerreroError,
    IntegrityError,
    NameTaken,
    PermanentError,
    TransientError,
    UnexpectedAnswer,
)
from ferrero_dagster.domain.files import Digest, KnownUpload
from ferrero_dagster.domain.ids import BoxId

#: Parts cannot be changed: these mean that Box may have the part, as when the answer to an earlier try was lost.
_PART_MAY_BE_THERE = frozenset({409, 412, 416})
_GONE = frozenset({404, 410})
#: Parts of one file in memory at once, where they are so large that `threads` of them would need more.
_FILE_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20


class Content(Protocol):
    """The bytes of a file from the first on, to be read once."""

    def __iter__(self) -> Iterator[bytes]:
        """Read them, in pieces of any size."""

    def proven(self) -> Digest:
        """What they were, when all were read; raises IntegrityError where that is not what was promised."""


class Sessions(Protocol):
    """What outlives this process of the upload of one file: one version of a source, to one place."""

    def known(self) -> KnownUpload | None:
        """The session that may be continued."""

    def opened(self, upload: KnownUpload) -> None:
        """Remember it."""

    def ended(self, upload: KnownUpload) -> None:
        """Forget it; Box has, or will have."""


@dataclass(frozen=True, kw_only=True)
class LargeFile:
    """A file on its way to Box."""

    folder_id: BoxId
    name: str
    size_bytes: int
    #: Begins to read it.
    content: Callable[[], Content]
    sessions: Sessions
    held: HeldBytes
    #: Raises where the file must not become visible any more.
    before_commit: Callable[[], None]
    on_bytes: Callable[[int], None] = lambda _: None


@dataclass(frozen=True)
class FileOnDisk:
    """The content of a file that was proven before."""

    path: Path
    digest: Digest

    def __iter__(self) -> Iterator[bytes]:
        """Read it."""
        with self.path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK_BYTES), b"")

    def proven(self) -> Digest:
        """What it is."""
        return self.digest


class _OtherPartError(Exception):
    """Box has other bytes in the place of a part."""


def upload_in_parts(client: BoxClient, file: LargeFile, *, threads: int) -> tuple[dict[str, Any], Digest]:
    """Upload it; memory stays within `threads` parts and one, of a size that Box dictates. Box's answer lists the file.

    Where it fails in a way that passes, the session stays, for the next try.

    Raises:
        NameTaken: also where only the answer to our commit was lost.
        BoxAPIError: as Box answered.
        TransientError: Box forgot the session or did not finish in time; another try begins at the first byte.
        FerreroError: as reading and proving the content raise, and `before_commit`.
    """
    if continued := _continued(client, file):
        try:
            return continued.done(threads)
        except _OtherPartError:
            continued.end()  # what was sent then is not what the file is now
    try:
        upload = _opened(client, file)
    except BoxAPIError as error:
        if code_of(error) != "item_name_in_use":
            raise
        raise NameTaken(error, _only_read(file.content())) from None
    return upload.done(threads)


def _continued(client: BoxClient, file: LargeFile) -> "_Upload | None":
    known = file.sessions.known()
    if known is None:
        return None
    try:
        session = client.chunked_uploads.get_file_upload_session_by_id(known.session_id)
        part_bytes = answers.part_bytes(session.raw_data, "Continuing an upload")
        if session.session_endpoints and part_bytes == known.part_bytes:
            upload = _Upload(client, file, session, known)
            upload.find_parts()
            return upload
        end_session(client, known.session_id)
    except BoxAPIError as error:
        if _passes(error):
            raise
    except UnexpectedAnswer:
        pass  # nobody can go on with a session that Box does not describe
    file.sessions.ended(known)
    return None


def _opened(client: BoxClient, file: LargeFile) -> "_Upload":
    session = client.chunked_uploads.create_file_upload_session(file.folder_id, file.size_bytes, file.name)
    part_bytes = answers.part_bytes(session.raw_data, "Uploading in parts")
    known = KnownUpload(session_id=answers.word(session.raw_data.get("id")), part_bytes=part_bytes)
    if known.session_id:
        file.sessions.opened(known)
    return _Upload(client, file, session, known)


def end_session(client: BoxClient, session_id: str) -> None:
    """Let Box forget a session and its parts; gone already is fine.

    Raises:
        BoxAPIError: as Box answered.
    """
    try:
        client.chunked_uploads.delete_file_upload_session_by_id(session_id)
    except BoxAPIError as error:
        if error.response_info.status_code not in _GONE:
            raise


def _only_read(content: Content) -> Digest:
    for _ in content:
        pass
    return content.proven()


@dataclass
class _Part:
    """Bytes that belong together, with their hash."""

    offset: int
    data: BytesIO = field(default_factory=BytesIO)
    sha1: Any = field(default_factory=lambda: hashlib.sha1(usedforsecurity=False))
    size_bytes: int = 0

    def fill(self, piece: memoryview, most_bytes: int) -> memoryview:
        """Take as much of it as there is room for, and return the rest."""
        taken = piece[: most_bytes - self.size_bytes]
        self.data.write(taken)
        self.sha1.update(taken)
        self.size_bytes += len(taken)
        return piece[len(taken) :]

    def is_same(self, stored: UploadPart) -> bool:
        """Whether Box has it so."""
        return stored.size == self.size_bytes and answers.word(stored.sha_1).lower() == self.sha1.hexdigest()


class _Upload:
    """One session, new or continued."""

    def __init__(self, client: BoxClient, file: LargeFile, session: UploadSession, known: KnownUpload) -> None:
        self._client = client
        self._file = file
        assert session.session_endpoints
        self._endpoints = session.session_endpoints
        self._known = known
        self._stored: dict[int, UploadPart] = {}

    def find_parts(self) -> None:
        """Learn which parts Box has; raises BoxAPIError."""
        after = 0
        while True:
            page = self._client.chunked_uploads.get_file_upload_session_parts_by_url(
                self._endpoints.list_parts or "", offset=after, limit=1000
            )
            entries = page.entries or []
            self._stored |= {part.offset: part for part in entries if part.offset is not None}
            after += len(entries)
            # Box never has more parts than the file; a total that is none shall not keep us here.
            ends_at = min(page.total_count or 0, -(-self._file.size_bytes // self._known.part_bytes))
            if not entries or after >= ends_at:
                return

    def done(self, threads: int) -> tuple[dict[str, Any], Digest]:
        """Send what Box lacks, prove the whole and commit; ends the session unless the next try can go on with it."""
        try:
            content = self._file.content()
            parts = self._sent(content, threads)
            digest = content.proven()
            self._file.before_commit()
            files = self._committed(parts, digest)
        except BoxAPIError as error:
            if error.response_info.status_code not in _GONE:
                if not _passes(error):
                    self.end()
                raise
            self._file.sessions.ended(self._known)
            message = f"Uploading {self._file.name}: Box ended the upload."
            raise TransientError(message, code="Box upload session gone") from None
        except (IntegrityError, PermanentError, NameTaken):
            self.end()
            raise
        self._file.sessions.ended(self._known)
        return files, digest

    def _sent(self, content: Content, threads: int) -> list[UploadPart]:
        """Send all parts, at most `threads` at once, and return them in order."""
        part_bytes = self._known.part_bytes
        places = threading.Semaphore(max(1, min(threads + 1, _FILE_BYTES // part_bytes)))
        failed = threading.Event()

        def take() -> None:
            places.acquire()
            self._file.held.take(part_bytes)

        def give_back() -> None:
            self._file.held.give_back(part_bytes)
            places.release()

        def put(part: _Part) -> UploadPart:
            try:
                return self._put(part)
            except BaseException:
                failed.set()
                raise
            finally:
                part.data.close()  # somebody may still hold the part
                give_back()

        sent: list[Future[UploadPart]] = []
        with (
            ThreadPoolExecutor(threads, thread_name_prefix="box-part") as pool,
            closing(_parts(content, part_bytes, take, give_back)) as parts,
        ):
            for part in parts:
                sent.append(pool.submit(put, part))
                if failed.is_set():
                    break
        return [future.result() for future in sent]

    def _put(self, part: _Part) -> UploadPart:
        if stored := self._as_stored(part):
            return stored
        last = part.offset + part.size_bytes - 1
        part.data.seek(0)
        try:
            answer = self._client.chunked_uploads.upload_file_part_by_url(
                self._endpoints.upload_part or "",
                part.data,
                _digest_header(part.sha1.digest()),
                f"bytes {part.offset}-{last}/{self._file.size_bytes}",
            )
            uploaded = answer.part
        except BoxAPIError as error:
            if error.response_info.status_code not in _PART_MAY_BE_THERE:
                raise
            uploaded = self._found(part)
        if uploaded is None:
            raise TransientError("Box's answer names no part.", code="Box unexpected answer")
        self._file.on_bytes(part.size_bytes)
        return uploaded

    def _as_stored(self, part: _Part) -> UploadPart | None:
        stored = self._stored.get(part.offset)
        if stored and not part.is_same(stored):
            raise _OtherPartError
        return stored

    def _found(self, part: _Part) -> UploadPart:
        """The part that Box refused, where it has it already."""
        self.find_parts()
        stored = self._stored.get(part.offset)
        if stored and part.is_same(stored):
            return stored
        raise IntegrityError(
            f"Uploading {self._file.name}: Box refuses a part and does not have it; the next try sends all anew.",
            code="Box part refused",
        )

    def _committed(self, parts: list[UploadPart], digest: Digest) -> dict[str, Any]:
        """Have Box put the parts together; the retries of the client wait while it is "not ready yet"."""
        try:
            files = self._client.chunked_uploads.create_file_upload_session_commit_by_url(
                self._endpoints.commit or "", parts, _digest_header(bytes.fromhex(digest.sha1_hex))
            )
            if files is not None and files.entries:
                return dict(files.raw_data)
        except BoxAPIError as error:
            if error.response_info.status_code in _GONE:
                self._refuse_taken_name(digest)
            if code_of(error) == "item_name_in_use":
                raise NameTaken(error, digest) from None
            raise
        self.end()
        raise TransientError(
            f"Box did not finish putting {self._file.name} together in time.", code="Box commit pending"
        )

    def _refuse_taken_name(self, digest: Digest) -> None:
        """Perhaps a commit whose answer was lost succeeded and ended the session: the name is taken then."""
        parent = PreflightFileUploadCheckParent(id=self._file.folder_id)
        try:
            self._client.uploads.preflight_file_upload_check(
                name=self._file.name, size=self._file.size_bytes, parent=parent
            )
        except BoxAPIError as error:
            if code_of(error) == "item_name_in_use":
                raise NameTaken(error, digest) from None
            raise

    def end(self) -> None:
        """Let Box forget the session; it would otherwise keep the parts for seven days."""
        try:
            self._client.chunked_uploads.delete_file_upload_session_by_url(self._endpoints.abort or "")
        except BoxAPIError as error:
            if _passes(error):
                return  # housekeeping ends it; the error that brought us here matters more
        except (BoxSDKError, requests.RequestException, FerreroError):
            return  # likewise
        self._file.sessions.ended(self._known)


def _parts(
    content: Content, part_bytes: int, take: Callable[[], None], give_back: Callable[[], None]
) -> Generator[_Part, None, None]:
    """The content in parts of this size; room is taken for each, and is the receiver's to give back."""
    part: _Part | None = None
    offset = 0
    try:
        for piece in content:
            rest = memoryview(piece)
            while rest:
                if part is None:
                    take()
                    part = _Part(offset)
                rest = part.fill(rest, part_bytes)
                if part.size_bytes == part_bytes:
                    full, part, offset = part, None, offset + part_bytes
                    yield full
        if part:
            last, part = part, None
            yield last
    finally:
        if part:
            give_back()


def _passes(error: BoxAPIError) -> bool:
    """Whether it says nothing of the session."""
    status = error.response_info.status_code
    return is_busy(status) or status == requests.codes.unauthorized


def _digest_header(sha1: bytes) -> str:
    return "sha=" + base64.b64encode(sha1).decode("ascii")
