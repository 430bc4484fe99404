"""Uploads a large file to Box in parts, a few at a time (contract box.md 4).

The SDK's own `upload_big_file` sends one part after the other, does not survive a lost answer to a part or to the
commit, and leaves its session behind; this one is made of the same calls.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

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
from ferrero_dagster.domain.errors import FerreroError, TransientError
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId

#: Parts cannot be changed: these mean that Box has the part, as when the answer to an earlier try was lost.
_PART_IS_THERE = frozenset({409, 416})


def upload_in_parts(
    client: BoxClient,
    content: BinaryIO,
    *,
    folder_id: BoxId,
    name: str,
    digest: Digest,
    threads: int,
    on_bytes: Callable[[int], None],
) -> dict[str, Any]:
    """Upload `content`; memory stays within `threads` parts, of a size that Box dictates. Box's answer lists the file.

    Raises:
        BoxAPIError: as Box answered; `item_name_in_use` also where only the answer to our commit was lost.
        TransientError: Box forgot the session or did not finish in time; another try begins at the first byte.
    """
    session = client.chunked_uploads.create_file_upload_session(folder_id, digest.size_bytes, name)
    upload = _Upload(client, session, digest, on_bytes)
    try:
        parts = upload.send(content, threads)
        return upload.commit(parts, folder_id, name)
    except BaseException as error:
        if isinstance(error, BoxAPIError) and error.response_info.status_code == requests.codes.not_found:
            raise TransientError(f"Uploading {name}: Box ended the upload.", code="Box upload session gone") from None
        upload.abort()
        raise


class _Upload:
    """One session's parts."""

    def __init__(
        self, client: BoxClient, session: UploadSession, digest: Digest, on_bytes: Callable[[int], None]
    ) -> None:
        self._client = client
        self._digest = digest
        self._on_bytes = on_bytes
        assert session.session_endpoints
        self._endpoints = session.session_endpoints
        self._part_bytes = answers.part_bytes(session.raw_data, "Uploading in parts")

    def send(self, content: BinaryIO, threads: int) -> list[UploadPart]:
        """Send all parts, at most `threads` at once, and return them in order."""
        places = threading.Semaphore(threads)
        failed = threading.Event()

        def put(offset: int, data: bytes) -> UploadPart:
            try:
                return self._put(offset, data)
            except BaseException:
                failed.set()
                raise
            finally:
                places.release()

        futures: list[Future[UploadPart]] = []
        with ThreadPoolExecutor(threads, thread_name_prefix="box-part") as pool:
            for offset in range(0, self._digest.size_bytes, self._part_bytes):
                places.acquire()
                if failed.is_set():
                    break
                futures.append(pool.submit(put, offset, content.read(self._part_bytes)))
        return [future.result() for future in futures]

    def _put(self, offset: int, data: bytes) -> UploadPart:
        sha1 = hashlib.sha1(data, usedforsecurity=False)
        content_range = f"bytes {offset}-{offset + len(data) - 1}/{self._digest.size_bytes}"
        try:
            answer = self._client.chunked_uploads.upload_file_part_by_url(
                self._endpoints.upload_part or "", io.BytesIO(data), _digest_header(sha1.digest()), content_range
            )
            part = answer.part
        except BoxAPIError as error:
            if error.response_info.status_code not in _PART_IS_THERE:
                raise
            part = self._stored(offset, sha1.hexdigest())
            if part is None:
                raise
        if part is None:
            raise TransientError("Box's answer names no part.", code="Box unexpected answer")
        self._on_bytes(len(data))
        return part

    def _stored(self, offset: int, sha1_hex: str) -> UploadPart | None:
        after = 0
        while True:
            page = self._client.chunked_uploads.get_file_upload_session_parts_by_url(
                self._endpoints.list_parts or "", offset=after, limit=1000
            )
            entries = page.entries or []
            for part in entries:
                if part.offset == offset and part.sha_1 == sha1_hex:
                    return part
            after += len(entries)
            # Box never has more parts than the file; a total that is none shall not keep us here.
            if not entries or after >= (page.total_count or 0) or after * self._part_bytes >= self._digest.size_bytes:
                return None

    def commit(self, parts: list[UploadPart], folder_id: BoxId, name: str) -> dict[str, Any]:
        """Have Box put the parts together; the retries of the client wait while it is "not ready yet"."""
        try:
            files = self._client.chunked_uploads.create_file_upload_session_commit_by_url(
                self._endpoints.commit or "", parts, _digest_header(bytes.fromhex(self._digest.sha1_hex))
            )
        except BoxAPIError as error:
            if error.response_info.status_code == requests.codes.not_found:
                # Perhaps a commit whose answer was lost succeeded and ended the session: this then says so.
                parent = PreflightFileUploadCheckParent(id=folder_id)
                size_bytes = self._digest.size_bytes
                self._client.uploads.preflight_file_upload_check(name=name, size=size_bytes, parent=parent)
            raise
        if files is None or not files.entries:
            raise TransientError(f"Box did not finish putting {name} together in time.", code="Box commit pending")
        return dict(files.raw_data)

    def abort(self) -> None:
        """Let Box forget the session; it would otherwise keep the parts for seven days."""
        try:
            self._client.chunked_uploads.delete_file_upload_session_by_url(self._endpoints.abort or "")
        except (BoxSDKError, requests.RequestException, FerreroError):
            return  # the session ends by itself; the error that brought us here matters more


def _digest_header(sha1: bytes) -> str:
    return "sha=" + base64.b64encode(sha1).decode("ascii")
