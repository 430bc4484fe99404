"""Uploads a large file to Box in parts, a few at a time (contract box.md section 4).

The SDK's own `upload_big_file` sends one part after the other, does not survive a lost answer to a part or to the
commit, and leaves its session behind; this one is made of the same calls.
"""

import base64
import hashlib
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import requests
from box_sdk_gen import BoxAPIError, BoxClient, FileFull, PreflightFileUploadCheckParent, UploadPart, UploadSession

from ferrero_dagster.domain.errors import TransientError
from ferrero_dagster.domain.files import Digest

_COMMIT_TRIES = 30
_COMMIT_PAUSE_S = 2


def upload_in_parts(
    client: BoxClient,
    content: BinaryIO,
    *,
    folder_id: str,
    name: str,
    digest: Digest,
    threads: int,
    on_bytes: Callable[[int], None],
) -> FileFull:
    """Upload `content`; memory stays within `threads` + 1 parts, of a size that Box dictates.

    Raises:
        BoxAPIError: as Box answered; `item_name_in_use` also where only the answer to our commit was lost.
        TransientError: Box did not finish in time.
    """
    session = client.chunked_uploads.create_file_upload_session(folder_id, digest.size_bytes, name)
    upload = _Upload(client, session, digest, on_bytes)
    try:
        parts = upload.send(content, threads)
        return upload.commit(parts, folder_id, name)
    except BaseException:
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
        assert session.part_size
        self._endpoints = session.session_endpoints
        self._part_bytes = session.part_size

    def send(self, content: BinaryIO, threads: int) -> list[UploadPart]:
        """Send all parts, at most `threads` at once, and return them in order."""
        places = threading.Semaphore(threads)
        futures: list[Future[UploadPart]] = []

        def one(offset: int, data: bytes) -> UploadPart:
            try:
                return self._put(offset, data)
            finally:
                places.release()

        with ThreadPoolExecutor(threads, thread_name_prefix="box-part") as pool:
            for offset in range(0, self._digest.size_bytes, self._part_bytes):
                places.acquire()
                if any(future.done() and future.exception() for future in futures):
                    break
                futures.append(pool.submit(one, offset, content.read(self._part_bytes)))
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
            # Parts are immutable: a conflict means that the answer to an earlier try was lost.
            if error.response_info.status_code not in {409, 416}:
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
            if not entries or after >= (page.total_count or 0):
                return None

    def commit(self, parts: list[UploadPart], folder_id: str, name: str) -> FileFull:
        """Have Box put the parts together; it may answer "not yet" for a while."""
        header = _digest_header(bytes.fromhex(self._digest.sha1_hex))
        for _ in range(_COMMIT_TRIES):
            try:
                files = self._client.chunked_uploads.create_file_upload_session_commit_by_url(
                    self._endpoints.commit or "", parts, header
                )
            except BoxAPIError as error:
                if error.response_info.status_code == requests.codes.not_found:
                    # The session is gone because a commit whose answer was lost succeeded: the preflight then says so.
                    parent = PreflightFileUploadCheckParent(id=folder_id)
                    size_bytes = self._digest.size_bytes
                    self._client.uploads.preflight_file_upload_check(name=name, size=size_bytes, parent=parent)
                raise
            if files is not None and files.entries:
                return files.entries[0]
            time.sleep(_COMMIT_PAUSE_S)
        raise TransientError(f"Box did not finish putting {name} together in time.", code="Box commit pending")

    def abort(self) -> None:
        """Let Box forget the session; it would otherwise keep the parts for seven days."""
        try:
            self._client.chunked_uploads.delete_file_upload_session_by_url(self._endpoints.abort or "")
        except (BoxAPIError, requests.RequestException):
            return  # the session ends by itself; the error that brought us here matters more


def _digest_header(sha1: bytes) -> str:
    return "sha=" + base64.b64encode(sha1).decode("ascii")
