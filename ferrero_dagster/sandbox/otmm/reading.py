"""Calls that only look: search, folders, assets, contents (contract otmm.md 3-6)."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ferrero_dagster.sandbox.otmm.answers import Refusal, html_page
from ferrero_dagster.sandbox.otmm.contents import chunks
from ferrero_dagster.sandbox.otmm.domains import DOMAINS, Domain
from ferrero_dagster.sandbox.otmm.endpoints import Endpoints, Page, page_of, params_of
from ferrero_dagster.sandbox.otmm.metadata import as_list
from ferrero_dagster.sandbox.otmm.records import Item
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_STATUS
from ferrero_dagster.sandbox.otmm.search import search
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS
from ferrero_dagster.sandbox.otmm.wire import json_param, load_of, shown

#: More ids in one call end in an error page (contract otmm.md 5.4).
_MAX_BATCH = 100


class Reading(Endpoints):
    """Search, folders, assets, contents."""

    def routes(self) -> list[Route]:
        """Where the calls are found."""
        return [
            Route("/search/text", self.search_by_form, methods=["POST"]),
            Route("/search/text", self.search_by_query),
            Route("/folders/rootfolders", self.root_folders),
            Route("/folders/{id}", self.folder),
            Route("/folders/{id}/folders", self.folders_in),
            Route("/folders/{id}/assets", self.assets_in),
            Route("/folders/{id}/children", self.children_of),
            Route("/assets", self.batch),
            Route("/assets/{id}", self.asset),
            Route("/assets/{id}/contents", self.contents),
            Route("/renditions/{id}", self.rendition),
            Route("/lookupdomains", self.domains),
            Route("/lookupdomains/{id}", self.domain),
        ]

    async def search_by_form(self, request: Request) -> Response:
        """`POST /search/text`."""
        return self._search(await params_of(request))

    def search_by_query(self, request: Request) -> Response:
        """`GET /search/text`."""
        return self._search(request.query_params)

    def _search(self, params: Mapping[str, str]) -> Response:
        found = search(self._store, params, lag_s=self._settings.index_lag_s, dialect=self._settings.dialect)
        page = page_of(found.items, params)
        result = {
            "asset_group_count": {"entry": []},
            "asset_id_list": [item.id for item in page.items],
            "contains_invalid_conditions": found.dropped,
            "facet_field_response_list": [],
            "hit_count": len(page.items),
            "offset": page.offset,
            "total_hit_count": page.total,
        }
        ids_only = params.get("return_type") == "ids"
        listed = {} if ids_only else _listed("asset_list", page.items, params)
        return self._answer({"search_result_resource": {"search_result": result, **listed}})

    def root_folders(self, request: Request) -> Response:
        """`GET /folders/rootfolders`."""
        roots = [self._store.item(PUBLIC_FOLDERS)]
        return self._answer({"folders_resource": _listed("folder_list", roots, request.query_params)})

    def folder(self, request: Request) -> Response:
        """`GET /folders/{id}`."""
        item = self._store.item(request.path_params["id"])
        if item.kind != "folder":
            raise Refusal(404, f"{item.id} is not a folder.")
        return self._answer({"folder_resource": {"folder": shown(item, load_of(request.query_params))}})

    def folders_in(self, request: Request) -> Response:
        """`GET /folders/{id}/folders`."""
        page = self._page(request, lambda item: item.kind == "folder")
        return self._answer({"folders_resource": _listed("folder_list", page.items, request.query_params)})

    def assets_in(self, request: Request) -> Response:
        """`GET /folders/{id}/assets`."""
        page = self._page(request, lambda item: item.kind == "asset")
        listed = _listed("asset_list", page.items, request.query_params)
        return self._answer({"assets_resource": {**listed, "collection_summary": page.summary}})

    def children_of(self, request: Request) -> Response:
        """`GET /folders/{id}/children`: folders and assets mixed."""
        page = self._page(request, lambda _: True)
        return self._answer({"folder_children": _listed("asset_list", page.items, request.query_params)})

    def _page(self, request: Request, wanted: Callable[[Item], bool]) -> Page:
        params = request.query_params
        name = "asset_filter_request"
        hide_deleted = json_param(params, name, f"{name}_param", name).get("exclude_deleted_assets", False)
        children = self._store.children(request.path_params["id"])
        return page_of([i for i in children if wanted(i) and not (hide_deleted and i.deleted)], params)

    def batch(self, request: Request) -> Response:
        """`GET /assets?selection_context=…`: ids that do not exist are left out."""
        name = "selection_context"
        context = json_param(request.query_params, name, f"{name}_param", name)
        ids = as_list(context.get("asset_ids"))
        if not ids:
            raise Refusal(400, "selection_context names no asset_ids.")
        if len(ids) > _MAX_BATCH:
            return html_page(500)
        items = [item for item_id in ids if (item := self._store.records.item(str(item_id)))]
        items = [item for item in items if context.get("include_deleted_assets") or not item.deleted]
        return self._answer({"assets_resource": _listed("asset_list", items, request.query_params)})

    def asset(self, request: Request) -> Response:
        """`GET /assets/{id}`; folders can be read here, too."""
        item = self._store.item(request.path_params["id"])
        return self._answer({"asset_resource": {"asset": shown(item, load_of(request.query_params))}})

    def contents(self, request: Request) -> Response:
        """`GET /assets/{id}/contents`."""
        return self._streamed(self._store.item(request.path_params["id"]), request)

    def rendition(self, request: Request) -> Response:
        """`GET /renditions/{id}`."""
        rendition_id = request.path_params["id"]
        for item in self._store.records.items(rendition_id=rendition_id):
            return self._streamed(item, request)
        raise Refusal(404, f"There is no rendition {rendition_id}.")

    def domains(self, _: Request) -> Response:
        """`GET /lookupdomains`."""
        return self._answer({"lookup_domains_resource": {"lookup_domains": [*map(self._domain, DOMAINS.values())]}})

    def domain(self, request: Request) -> Response:
        """`GET /lookupdomains/{id}`."""
        for domain in DOMAINS.values():
            if domain.id == request.path_params["id"]:
                return self._answer({"lookup_domain_resource": {"lookup_domain": self._domain(domain)}})
        raise Refusal(404, f"There is no domain {request.path_params['id']}.")

    def _domain(self, domain: Domain) -> dict[str, Any]:
        used = self._store.records.indexed(domain.field_id, time.time()).values()
        more = self._settings.statuses if domain.field_id == CAMPAIGN_STATUS else ()
        values = sorted({*domain.shown, *more, *(value for values in used for value in values)})
        return {
            "domainId": domain.id,
            "datatype": "CHAR",
            "cacheable": True,
            "domainValues": [domain.value(value, self._settings.dialect) for value in values],
        }

    def _streamed(self, item: Item, request: Request) -> Response:
        if not _takes(request.headers.get("Accept", "*/*"), item.mime_type or ""):
            return html_page(406)
        path = self._store.content(item.id)
        size_bytes, etag = path.stat().st_size, f'"{item.md5_hex or item.id}"'
        first = self._first_byte(request, etag, size_bytes)
        headers = {
            "Content-Length": str(size_bytes - (first or 0)),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(item.file_name)}",
        }
        if self._settings.ranges == "etag":
            headers["ETag"] = etag
        if first is None:
            return StreamingResponse(chunks(path), headers=headers, media_type=item.mime_type)
        headers["Content-Range"] = f"bytes {first}-{size_bytes - 1}/{size_bytes}"
        return StreamingResponse(chunks(path, first), 206, headers=headers, media_type=item.mime_type)

    def _first_byte(self, request: Request, etag: str, size_bytes: int) -> int | None:
        """Where the part that is asked for begins; None where all of it is answered."""
        asked = re.fullmatch(r"bytes=(\d{1,18})-", request.headers.get("Range", ""))
        if not asked or self._settings.ranges == "none" or request.headers.get("If-Range", etag) != etag:
            return None
        first = int(asked[1]) + self._settings.range_shift_bytes
        if first >= size_bytes:
            raise Refusal(416, "There are no such bytes.")
        return first


def _takes(accept: str, mime_type: str) -> bool:
    kinds = {kind.partition(";")[0].strip() for kind in accept.split(",")}
    return not kinds.isdisjoint({"*/*", f"{mime_type.partition('/')[0]}/*", mime_type})


def _listed(key: str, items: list[Item], params: Mapping[str, str]) -> dict[str, Any]:
    load = load_of(params)
    return {key: [shown(item, load) for item in items]} if items else {}
