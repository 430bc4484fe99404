"""Upload in parts: open a session, put the parts, commit."""

import base64
import hashlib
import re
from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.answers import Answers, address_of, number_asked
from ferrero_dagster.sandbox.box.errors import BoxError, bad_request
from ferrero_dagster.sandbox.box.intake import Intake
from ferrero_dagster.sandbox.box.items import Content, Item, sha1_of
from ferrero_dagster.sandbox.box.sessions import Part, Session
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore
from ferrero_dagster.sandbox.holes import write_with_holes

_SESSION = "/files/upload_sessions/{session_id}"
_HIGHEST_SIZE_BYTES = 2**62


class NewSession(BaseModel):
    """Body of a session for a new file."""

    folder_id: str
    file_name: str
    file_size: int = Field(ge=0, le=_HIGHEST_SIZE_BYTES)


class NewVersionSession(BaseModel):
    """Body of a session for a new version of a file."""

    file_name: str | None = None
    file_size: int = Field(ge=0, le=_HIGHEST_SIZE_BYTES)


class CommittedPart(BaseModel):
    """One part as the client says it has sent it."""

    part_id: str
    offset: int
    size: int


class Commit(BaseModel):
    """Body of a commit."""

    parts: list[CommittedPart]


class Plan(BaseModel):
    """Body of a plan: parts by offset, size and SHA-512."""

    parts: list[dict[str, Any]]


class ChunkedUploads:
    """Upload sessions by id."""

    def __init__(self, store: BoxStore, settings: BoxSettings, answers: Answers) -> None:
        self._store = store
        self._sessions = store.sessions
        self._settings = settings
        self._intake = Intake(settings)
        self._answers = answers
        self.routes = [
            Route("/files/upload_sessions", self.open, methods=["POST"]),
            Route("/files/{file_id}/upload_sessions", self.open_version, methods=["POST"]),
            Route(_SESSION, self.status),
            Route(_SESSION, self.put_part, methods=["PUT"]),
            Route(_SESSION, self.abort, methods=["DELETE"]),
            Route(_SESSION + "/parts", self.list_parts),
            Route(_SESSION + "/plan", self.plan, methods=["POST"]),
            Route(_SESSION + "/commit", self.commit, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        """201 with a session, or 409 at once where the name is taken."""
        new = NewSession.model_validate_json(await request.body())
        name = self._intake.name(new.file_name)
        self._store.check_free(new.folder_id, name, "file")
        session = self._open(new.file_size, folder_id=new.folder_id, name=name)
        return JSONResponse(self._described(request, session), 201)

    async def open_version(self, request: Request) -> Response:
        """201 with a session for new content of a file."""
        new = NewVersionSession.model_validate_json(await request.body())
        file = self._store.item(request.path_params["file_id"], "file")
        name = self._intake.name(new.file_name) if new.file_name else None
        session = self._open(new.file_size, file_id=file.id, name=name)
        return JSONResponse(self._described(request, session), 201)

    async def status(self, request: Request) -> Response:
        """How far a session is."""
        return JSONResponse(self._described(request, self._session(request)))

    async def put_part(self, request: Request) -> Response:
        """The part; 416 for a wrong range, 409 for one that has arrived already, 400 for other bytes than promised."""
        session = self._session(request)
        offset, size_bytes = _range(request, session)
        self._sessions.check_missing(session.id, offset)
        digest = hashlib.sha1(usedforsecurity=False)
        received_bytes = 0
        with self._sessions.path(session.id).open("r+b") as file:
            file.seek(offset)
            async for data in request.stream():
                received_bytes += len(data)
                if received_bytes > size_bytes:
                    raise bad_request("The body is longer than its content-range")
                digest.update(data)
                write_with_holes(file, data)
        if received_bytes != size_bytes:
            raise bad_request("The body is shorter than its content-range")
        _check_digest(request, digest.hexdigest())
        part = self._sessions.add_part(session.id, offset, size_bytes, digest.hexdigest())
        return JSONResponse({"part": _described_part(part)})

    async def list_parts(self, request: Request) -> Response:
        """One page of the parts that have arrived."""
        parts = self._sessions.parts(self._session(request).id)
        limit = number_asked(request, "limit", 100, 1000)
        offset = number_asked(request, "offset", 0, len(parts))
        entries = [_described_part(part) for part in parts[offset : offset + limit]]
        return JSONResponse({"entries": entries, "total_count": len(parts), "limit": limit, "offset": offset})

    async def plan(self, request: Request) -> Response:
        """Which of the parts need not be sent, as Box has their bytes: none."""
        session = self._session(request)
        planned = Plan.model_validate_json(await request.body())
        return JSONResponse({"upload_session_id": session.id, "hits": [], "misses": planned.parts})

    async def abort(self, request: Request) -> Response:
        """204; the session is gone."""
        self._sessions.abort(self._session(request).id)
        return Response(status_code=204)

    async def commit(self, request: Request) -> Response:
        """201 with the file, or 202 while the parts are not ready; afterwards the session is gone."""
        session = self._session(request)
        claimed = Commit.model_validate_json(await request.body())
        if self._settings.commit_202_times:
            self._settings.commit_202_times -= 1
            return Response(status_code=202, headers={"Retry-After": str(self._settings.retry_after_s)})
        self._check_complete(session, claimed)
        path = self._sessions.path(session.id)
        sha1_hex = await run_in_threadpool(sha1_of, path)
        _check_digest(request, sha1_hex)
        content = self._intake.content(Content(path=path, size_bytes=session.size_bytes, sha1_hex=sha1_hex))
        file = self._filed(session, content, request.headers.get("if-match"))
        return JSONResponse({"total_count": 1, "entries": [self._answers.item(file, None)]}, 201)

    def _open(
        self, size_bytes: int, *, name: str | None, folder_id: str | None = None, file_id: str | None = None
    ) -> Session:
        self._intake.check_size(size_bytes)
        if size_bytes < self._settings.chunked_minimum_bytes:
            raise BoxError(400, "file_size_too_small", "The file is too small for an upload session")
        part_size_bytes = self._settings.part_size_bytes
        return self._sessions.open(
            size_bytes=size_bytes, part_size_bytes=part_size_bytes, folder_id=folder_id, file_id=file_id, name=name
        )

    def _session(self, request: Request) -> Session:
        return self._sessions.session(request.path_params["session_id"])

    def _check_complete(self, session: Session, claimed: Commit) -> None:
        arrived = [(part.id, part.offset, part.size_bytes) for part in self._sessions.parts(session.id)]
        listed = sorted(((part.part_id, part.offset, part.size) for part in claimed.parts), key=lambda part: part[1])
        if len(arrived) != session.total_parts or listed != arrived:
            raise BoxError(400, "parts_mismatch", "The parts listed are not the parts that have arrived")

    def _filed(self, session: Session, content: Content, if_match: str | None) -> Item:
        with self._store.database.transaction():
            self._sessions.close(session.id)
            if session.file_id:
                return self._store.add_version(session.file_id, content, name=session.name, if_match=if_match)
            return self._store.add_file(str(session.folder_id), str(session.name), content)

    def _described(self, request: Request, session: Session) -> dict[str, Any]:
        address = f"{address_of(request)}/upload/api/2.0/files/upload_sessions/{session.id}"
        expires_at = datetime.fromtimestamp(session.expires_at, timezone.utc)
        return {
            "type": "upload_session",
            "id": session.id,
            "session_expires_at": expires_at.isoformat(timespec="seconds"),
            "part_size": session.part_size_bytes,
            "total_parts": session.total_parts,
            "num_parts_processed": len(self._sessions.parts(session.id)),
            "session_endpoints": {
                "upload_part": address,
                "status": address,
                "abort": address,
                "list_parts": f"{address}/parts",
                "plan": f"{address}/plan",
                "commit": f"{address}/commit",
            },
        }


def _range(request: Request, session: Session) -> tuple[int, int]:
    """Offset and size of a part as its content-range says, which must be one of the session's parts."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", request.headers.get("content-range", ""))
    if not found:
        raise bad_request("Expected a content-range header: bytes first-last/total")
    first, last, total = map(int, found.groups())
    due = min(session.part_size_bytes, session.size_bytes - first)
    if total != session.size_bytes or first % session.part_size_bytes or last - first + 1 != due:
        raise BoxError(416, "invalid_content_range", "The content-range is none of this session's parts")
    return first, due


def _check_digest(request: Request, sha1_hex: str) -> None:
    expected = base64.b64encode(bytes.fromhex(sha1_hex)).decode()
    if request.headers.get("digest") != f"sha={expected}":
        raise BoxError(400, "bad_digest", "The digest header is not the SHA-1 of what arrived")


def _described_part(part: Part) -> dict[str, Any]:
    return {"part_id": part.id, "offset": part.offset, "size": part.size_bytes, "sha1": part.sha1_hex}
