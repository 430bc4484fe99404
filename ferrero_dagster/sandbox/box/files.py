"""Calls on files that exist: look, rename, move, delete, restore, download, and their metadata."""

from typing import Any

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.answers import Answers, address_of, fields_of
from ferrero_dagster.sandbox.box.errors import BoxError, not_found
from ferrero_dagster.sandbox.box.folders import ItemId
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import TEMPLATE, BoxStore

_FIELDS = TypeAdapter(dict[str, Any])
#: Box tells of the trash with them.
_PEOPLE = {key: {"type": "user", "id": "11446498"} for key in ("created_by", "modified_by", "owned_by")}
_IN_TRASH = {
    "total_count": 1,
    "entries": [{"type": "folder", "id": "1", "sequence_id": None, "etag": None, "name": "Trash"}],
}


class FileChange(BaseModel):
    """Body of a file's update, as far as we know it."""

    name: str | None = None
    parent: ItemId | None = None


class Files:
    """Files by id. `download_routes` need no login: their tokens are in the address."""

    def __init__(self, store: BoxStore, settings: BoxSettings, answers: Answers) -> None:
        self._store = store
        self._settings = settings
        self._answers = answers
        metadata = "/files/{file_id}/metadata/{scope}/{template}"
        self.routes = [
            Route("/files/{file_id}", self.get),
            Route("/files/{file_id}", self.update, methods=["PUT"]),
            Route("/files/{file_id}", self.delete, methods=["DELETE"]),
            Route("/files/{file_id}", self.restore, methods=["POST"]),
            Route("/files/{file_id}/trash", self.get_trashed),
            Route("/files/{file_id}/trash", self.purge, methods=["DELETE"]),
            Route("/files/{file_id}/content", self.locate),
            Route(metadata, self.get_metadata),
            Route(metadata, self.create_metadata, methods=["POST"]),
            Route(metadata, self.delete_metadata, methods=["DELETE"]),
        ]
        self.download_routes = [Route("/dl/{token}", self.download)]

    async def get(self, request: Request) -> Response:
        """One file."""
        file = self._store.item(request.path_params["file_id"], "file")
        return JSONResponse(self._answers.item(file, fields_of(request)))

    async def update(self, request: Request) -> Response:
        """The file under a new name or in another folder; 412 where If-Match names an older etag."""
        change = FileChange.model_validate_json(await request.body())
        file = self._store.move(
            request.path_params["file_id"],
            name=change.name,
            folder_id=change.parent.id if change.parent else None,
            if_match=request.headers.get("if-match"),
        )
        return JSONResponse(self._answers.item(file, fields_of(request)))

    async def delete(self, request: Request) -> Response:
        """204, 412 where If-Match names an older etag, 404 the second time."""
        self._store.delete(request.path_params["file_id"], if_match=request.headers.get("if-match"))
        return Response(status_code=204)

    async def get_trashed(self, request: Request) -> Response:
        """A file in the trash, or 404."""
        file, trashed_at = self._store.trashed(request.path_params["file_id"])
        trash = {"item_status": "trashed", "trashed_at": trashed_at, "path_collection": _IN_TRASH}
        return JSONResponse(self._answers.item(file, None) | _PEOPLE | trash)

    async def restore(self, request: Request) -> Response:
        """201, 404 where it is not in the trash, 409 where its name is taken by now."""
        change = FileChange.model_validate_json(await request.body() or b"{}")
        file = self._store.restore(
            request.path_params["file_id"],
            name=change.name,
            folder_id=change.parent.id if change.parent else None,
            new_etag=self._settings.restored_with_new_etag,
        )
        return JSONResponse(self._answers.item(file, None) | _PEOPLE, 201)

    async def purge(self, request: Request) -> Response:
        """204, or 404 where it is not in the trash."""
        file, _ = self._store.trashed(request.path_params["file_id"])
        self._store.purge(file.id)
        return Response(status_code=204)

    async def locate(self, request: Request) -> Response:
        """302 to an address that is good for some minutes, or 202 while the file is not ready."""
        file_id = request.path_params["file_id"]
        version_id = request.query_params.get("version") or self._store.item(file_id, "file").version_id
        self._store.content(file_id, version_id)
        if self._settings.download_202_times:
            self._settings.download_202_times -= 1
            return Response(status_code=202, headers={"Retry-After": str(self._settings.retry_after_s)})
        token = self._store.tokens.issue(f"{file_id}/{version_id}", self._settings.download_url_lifetime_s)
        return Response(status_code=302, headers={"Location": f"{address_of(request)}/dl/{token}"})

    async def download(self, request: Request) -> Response:
        """The content, or the asked range of it."""
        file_id, slash, version_id = (self._store.tokens.purpose(request.path_params["token"]) or "").partition("/")
        if not slash:
            raise BoxError(403, "forbidden", "The download address has expired")
        return FileResponse(self._store.content(file_id, version_id), media_type="application/octet-stream")

    async def get_metadata(self, request: Request) -> Response:
        """The instance, or 404 `instance_not_found`."""
        file_id, known = self._metadata_path(request)
        instance = self._store.metadata(file_id, TEMPLATE)
        if not known or instance is None:
            raise _no_instance()
        return JSONResponse(self._answers.instance(file_id, instance))

    async def create_metadata(self, request: Request) -> Response:
        """201, or 409 where the file has an instance already."""
        file_id, known = self._metadata_path(request)
        if not known:
            raise not_found("metadata template")
        fields = _FIELDS.validate_json(await request.body())
        if self._store.metadata(file_id, TEMPLATE) is not None:
            raise BoxError(409, "tuple_already_exists", "Tuple already exists")
        self._store.set_metadata(file_id, fields)
        return JSONResponse(self._answers.instance(file_id, self._store.metadata(file_id, TEMPLATE) or {}), 201)

    async def delete_metadata(self, request: Request) -> Response:
        """204, or 404 `instance_not_found`."""
        file_id, known = self._metadata_path(request)
        if not known or not self._store.delete_metadata(file_id, TEMPLATE):
            raise _no_instance()
        return Response(status_code=204)

    def _metadata_path(self, request: Request) -> tuple[str, bool]:
        """The file's id, and whether scope and template exist."""
        path = request.path_params
        file = self._store.item(path["file_id"], "file")
        return file.id, path["template"] == TEMPLATE and self._answers.scope_is_ours(path["scope"])


def _no_instance() -> BoxError:
    return BoxError(404, "instance_not_found", "Instance was not found.")
