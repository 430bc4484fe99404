"""Calls that change what is there: state (locks) and metadata of folders and assets (contract otmm.md 7)."""

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ferrero_dagster.sandbox.otmm.answers import Refusal, html_page
from ferrero_dagster.sandbox.otmm.endpoints import Endpoints, params_of
from ferrero_dagster.sandbox.otmm.metadata import sent_elements
from ferrero_dagster.sandbox.otmm.records import Item
from ferrero_dagster.sandbox.otmm.store import refuse_lock_of_others


class Editing(Endpoints):
    """Locks and metadata. A success is answered without a body: it is not documented, clients must read again."""

    def routes(self) -> list[Route]:
        """Where the calls are found."""
        return [
            Route("/assets/{id}/state", self.set_state, methods=["PUT"]),
            Route("/folders/{id}/state", self.set_state, methods=["PUT"]),
            Route("/assets/{id}", self.patch_asset, methods=["PATCH"]),
            Route("/folders/{id}", self.patch_folder, methods=["PATCH"]),
        ]

    async def set_state(self, request: Request) -> Response:
        """`PUT /assets/{id}/state`, `PUT /folders/{id}/state`."""
        item_id, user = request.path_params["id"], request.user.display_name
        action = (await params_of(request)).get("action")
        if self._settings.dialect == "customer" and action in {"lock", "unlock"}:
            return html_page(HTTPStatus.METHOD_NOT_ALLOWED)
        if action in {"lock", "check_out"}:
            self._refuse_relock(item_id, action)
            self._store.lock(item_id, user, check_out=action == "check_out")
        elif action == "unlock":
            self._store.unlock(item_id, user)
        elif action == "delete":
            self._store.unlock(item_id, user)
            self._store.delete(item_id)
        else:
            raise Refusal(400, f"The action {action!r} is not known.")
        return Response()

    def _refuse_relock(self, item_id: str, action: str) -> None:
        locked_by = self._store.item(item_id).locked_by
        is_again = action == "lock" or self._store.item(item_id).checked_out
        if is_again and locked_by and self._settings.relock_refused:
            raise Refusal(409, f"{item_id} is locked by {locked_by}.")

    async def patch_asset(self, request: Request) -> Response:
        """`PATCH /assets/{id}`."""
        return await self._patch(request, "edited_asset")

    async def patch_folder(self, request: Request) -> Response:
        """`PATCH /folders/{id}`."""
        if self._store.item(request.path_params["id"]).kind != "folder":
            raise Refusal(404, f"{request.path_params['id']} is not a folder.")
        return await self._patch(request, "edited_folder")

    async def _patch(self, request: Request, root: str) -> Response:
        elements = self._sent(sent_elements(_edited(await request.body(), root)))
        with self._store.records.changing():
            item = self._store.item(request.path_params["id"])
            is_optimistic = request.query_params.get("lock_strategy") == "optimistic"
            self._require_lock(item, request.user.display_name, is_optimistic=is_optimistic)
            lost = self._settings.fields_lost_by_patches
            self._store.write_fields(item.id, [element for element in elements if element["id"] not in lost])
        return Response()

    def _require_lock(self, item: Item, user: str, *, is_optimistic: bool) -> None:
        refuse_lock_of_others(item, user)
        if item.locked_by is None and self._settings.lock_required and not is_optimistic:
            raise Refusal(409, f"{item.id} must be locked first, or edited with lock_strategy=optimistic.")


def _edited(body: bytes, root: str) -> Any:
    try:
        return json.loads(body)[root]["data"]["metadata"]
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, f"The body is not JSON of the form {root}.data.metadata.") from None
