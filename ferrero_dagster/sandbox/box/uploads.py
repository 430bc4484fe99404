"""Upload in one request: a form of `attributes` (JSON) and `file`, written to disk as it arrives."""

import hashlib
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.answers import Answers, address_of, fields_of
from ferrero_dagster.sandbox.box.errors import BoxError, bad_request
from ferrero_dagster.sandbox.box.folders import ItemId
from ferrero_dagster.sandbox.box.intake import Intake
from ferrero_dagster.sandbox.box.items import Content, Item
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore

_LARGEST_ATTRIBUTES_BYTES = 64 * 1024


class NewFile(BaseModel):
    """The `attributes` of a new file, and the body of a preflight check."""

    name: str
    parent: ItemId
    size: int = 0


class NewVersion(BaseModel):
    """The `attributes` of a new version."""

    name: str | None = None


class Uploads:
    """New files and new versions; `preflight_routes` belong to the other address."""

    def __init__(self, store: BoxStore, settings: BoxSettings, answers: Answers) -> None:
        self._store = store
        self._intake = Intake(settings)
        self._answers = answers
        self.routes = [
            Route("/files/content", self.create, methods=["POST"]),
            Route("/files/{file_id}/content", self.create_version, methods=["POST"]),
        ]
        self.preflight_routes = [Route("/files/content", self.preflight, methods=["OPTIONS"])]

    async def preflight(self, request: Request) -> Response:
        """Whether such a file would be taken, and the address to send it to."""
        new = NewFile.model_validate_json(await request.body())
        self._intake.check_size(new.size)
        self._store.check_free(new.parent.id, self._intake.name(new.name), "file")
        return JSONResponse({"upload_url": f"{address_of(request)}/upload/api/2.0/files/content", "upload_token": None})

    async def create(self, request: Request) -> Response:
        """201 with the new file, or 409 with the item that has the name."""
        async with self._received(request) as form:
            new = NewFile.model_validate_json(form.attributes)
            file = self._store.add_file(new.parent.id, self._intake.name(new.name), self._checked(request, form))
        return self._entries(request, file, 201)

    async def create_version(self, request: Request) -> Response:
        """200 with the file, or 412 where If-Match names an older etag."""
        async with self._received(request) as form:
            new = NewVersion.model_validate_json(form.attributes)
            file = self._store.add_version(
                request.path_params["file_id"],
                self._checked(request, form),
                name=self._intake.name(new.name) if new.name else None,
                if_match=request.headers.get("if-match"),
            )
        return self._entries(request, file, 200)

    @asynccontextmanager
    async def _received(self, request: Request) -> AsyncIterator["_Form"]:
        boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
        if not boundary:
            raise bad_request("Expected multipart/form-data with a boundary")
        path = self._store.incoming / uuid.uuid4().hex
        try:
            with _Form(boundary.group(1), path) as form:
                async for data in request.stream():
                    form.feed(data)
            form.finish()
            yield form
        finally:
            path.unlink(missing_ok=True)

    def _checked(self, request: Request, form: "_Form") -> Content:
        sha1_hex = form.sha1.hexdigest()
        # The header is called content-md5, Box wants a SHA-1 in it.
        if request.headers.get("content-md5", sha1_hex).lower() != sha1_hex:
            raise BoxError(400, "bad_digest", "The specified content-md5 did not match what we received")
        return self._intake.content(Content(path=form.path, size_bytes=form.size_bytes, sha1_hex=sha1_hex))

    def _entries(self, request: Request, file: Item, status: int) -> Response:
        return JSONResponse({"total_count": 1, "entries": [self._answers.item(file, fields_of(request))]}, status)


class _Form:
    """Takes a multipart form apart. Headers stay bytes: a name in them may hold anything that UTF-8 can say."""

    def __init__(self, boundary: str, path: Path) -> None:
        self.path = path
        self.attributes = b""
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.size_bytes = 0
        self._headers = b""
        self._part = b""
        self._parts_seen: list[bytes] = []
        self._file = path.open("wb")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_value": self._header,
                "on_headers_finished": self._enter,
                "on_part_data": self._data,
            },
        )

    def __enter__(self) -> "_Form":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body; raises BoxError 400 for what is no form."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise bad_request("The body is not a multipart form") from error

    def finish(self) -> None:
        """Raise BoxError 400 unless attributes and then a file have arrived."""
        if self._parts_seen == [b"file", b"attributes"]:
            raise BoxError(400, "metadata_after_file_contents", "The attributes must come before the file")
        if self._parts_seen != [b"attributes", b"file"]:
            raise bad_request("Expected a form of attributes and file")

    def _begin(self) -> None:
        self._headers = b""

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._headers += data[start:end]

    def _enter(self) -> None:
        name = re.search(rb';\s*name="([^"]*)"', self._headers)
        self._part = name.group(1) if name else b""
        self._parts_seen.append(self._part)

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._part == b"file":
            self._file.write(piece)
            self.sha1.update(piece)
            self.size_bytes += len(piece)
        elif len(self.attributes) + len(piece) <= _LARGEST_ATTRIBUTES_BYTES:
            self.attributes += piece
