"""Calls on folders, and the account that asks."""

import base64
import binascii

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.answers import Answers, fields_of, mini, number_asked
from ferrero_dagster.sandbox.box.errors import BoxError, bad_request
from ferrero_dagster.sandbox.box.items import Item
from ferrero_dagster.sandbox.box.store import BoxStore

_DEFAULT_LIMIT, _HIGHEST_LIMIT, _HIGHEST_OFFSET = 100, 1000, 300_000


class ItemId(BaseModel):
    """Reference to a folder in a request."""

    id: str


class NewFolder(BaseModel):
    """Body of a folder's creation."""

    name: str
    parent: ItemId


class Folders:
    """Folders by id, and their listings."""

    def __init__(self, store: BoxStore, answers: Answers) -> None:
        self._store = store
        self._answers = answers
        self.routes = [
            Route("/users/me", self.me),
            Route("/folders", self.create, methods=["POST"]),
            Route("/folders/{folder_id}", self.get),
            Route("/folders/{folder_id}", self.delete, methods=["DELETE"]),
            Route("/folders/{folder_id}/items", self.items),
        ]

    async def me(self, _request: Request) -> Response:
        """The service account."""
        login = "AutomationUser_12345_sandbox@boxdevedition.com"
        return JSONResponse({"type": "user", "id": "11446498", "name": "Sandbox", "login": login, "status": "active"})

    async def create(self, request: Request) -> Response:
        """201, or 409 with the folder that has the name."""
        new = NewFolder.model_validate_json(await request.body())
        folder = self._store.create_folder(new.parent.id, new.name)
        return JSONResponse(self._answers.item(folder, fields_of(request)), 201)

    async def get(self, request: Request) -> Response:
        """One folder."""
        folder = self._store.item(request.path_params["folder_id"], "folder")
        return JSONResponse(self._answers.item(folder, fields_of(request)))

    async def delete(self, request: Request) -> Response:
        """204; the root folder stays."""
        folder_id = request.path_params["folder_id"]
        if folder_id == "0":
            raise BoxError(403, "forbidden", "Access denied - the root folder cannot be deleted")
        self._store.delete_folder(folder_id, recursive=_is_true(request, "recursive"))
        return Response(status_code=204)

    async def items(self, request: Request) -> Response:
        """One page of a folder, by marker or by offset."""
        folder = self._store.item(request.path_params["folder_id"], "folder")
        limit = number_asked(request, "limit", _DEFAULT_LIMIT, _HIGHEST_LIMIT)
        if _is_true(request, "usemarker"):
            return self._marker_page(request, folder.id, limit)
        offset = number_asked(request, "offset", 0, _HIGHEST_OFFSET)
        items = self._store.items(folder.id)
        order = [{"by": "type", "direction": "ASC"}, {"by": "name", "direction": "ASC"}]
        entries = self._entries(request, items[offset : offset + limit])
        return JSONResponse(
            {"total_count": len(items), "entries": entries, "offset": offset, "limit": limit, "order": order}
        )

    def _marker_page(self, request: Request, folder_id: str, limit: int) -> Response:
        items = self._store.items_after(folder_id, _last_id(request.query_params.get("marker", "")), limit + 1)
        # Box's sign for the last page is null or an empty text; clients that know only null would never end here.
        next_marker = _marker(items[limit - 1].id) if len(items) > limit else ""
        entries = self._entries(request, items[:limit])
        return JSONResponse({"entries": entries, "limit": limit, "next_marker": next_marker})

    def _entries(self, request: Request, items: list[Item]) -> list[dict[str, object]]:
        fields = fields_of(request)
        return [mini(item) if fields is None else self._answers.item(item, fields) for item in items]


def _is_true(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


def _marker(last_id: str) -> str:
    return base64.urlsafe_b64encode(f"after {last_id}".encode()).decode()


def _last_id(marker: str) -> str:
    if not marker:
        return "0"
    try:
        word, _, last_id = base64.urlsafe_b64decode(marker).decode("ascii").partition(" ")
    except (binascii.Error, ValueError):
        word, last_id = "", ""
    if word != "after" or not last_id.isdigit():
        raise bad_request("Invalid value for parameter marker")
    return last_id
