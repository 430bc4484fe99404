"""What all groups of the DAM stand-in's calls share: the store, the settings, parameters in, pages and JSON out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.domains import as_customer, from_customer
from ferrero_dagster.sandbox.otmm.metadata import Element, texts
from ferrero_dagster.sandbox.otmm.records import Item
from ferrero_dagster.sandbox.otmm.search import system_texts
from ferrero_dagster.sandbox.otmm.settings import OtmmSettings
from ferrero_dagster.sandbox.otmm.store import OtmmStore
from ferrero_dagster.sandbox.otmm.wire import timestamp, with_single_items_as_objects

_DEFAULT_LIMIT = 25


class Endpoints:
    """A group of calls."""

    def __init__(self, store: OtmmStore, settings: OtmmSettings) -> None:
        self._store = store
        self._settings = settings

    def _sent(self, elements: Iterable[Element]) -> list[Element]:
        """The metadata that a client sent, as they are stored."""
        return from_customer(elements) if self._settings.dialect == "customer" else list(elements)

    def _answer(self, payload: dict[str, Any], status: int = 200) -> Response:
        if self._settings.dialect == "customer":
            payload = as_customer(payload)
        if self._settings.single_items_as_objects:
            payload = with_single_items_as_objects(payload)
        # An asset's metadata are 200 KB: the standard library takes four times as long.
        return Response(to_json(payload), status, media_type="application/json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of a listing; `offset` counts from 0, a `limit` of 0 means all."""

    items: list[Item]
    offset: int
    limit: int
    total: int

    @property
    def summary(self) -> dict[str, Any]:
        """OTMM's `collection_summary`."""
        return {
            "after_index": self.offset,
            "limit": self.limit,
            "actual_count_of_items": len(self.items),
            "total_number_of_items": self.total,
            "group_to_count_map": {"entry": []},
        }


def page_of(items: list[Item], params: Mapping[str, str]) -> Page:
    """The part of the items, in the order, that `after`, `limit` and `sort` ask for.

    Raises:
        Refusal: 400, `after` or `limit` is not a number from 0.
    """
    try:
        offset, limit = int(params.get("after", 0)), int(params.get("limit", _DEFAULT_LIMIT))
    except ValueError:
        offset = limit = -1
    if min(offset, limit) < 0:
        raise Refusal(400, "after and limit must be whole numbers from 0.")
    ordered = _in_order(items, params.get("sort", ""))
    end = offset + limit if limit else None
    return Page(items=ordered[offset:end], offset=offset, limit=limit, total=len(items))


def _in_order(items: list[Item], sort: str) -> list[Item]:
    direction, _, field_id = sort.partition("_")
    if not field_id:
        return items
    return sorted(items, key=lambda item: _sort_key(item, field_id), reverse=direction == "desc")


def _sort_key(item: Item, field_id: str) -> tuple[str, ...]:
    own = {"NAME": item.name, "ARTESIA.FIELD.DATE_IMPORTED": timestamp(item.created_s), **system_texts(item)}
    return (own[field_id],) if field_id in own else texts(item.metadata.get(field_id, {}))


async def params_of(request: Request) -> dict[str, str]:
    """The parameters of a call, which may come in the address, as a form, or both."""
    async with request.form() as form:
        sent = {key: value for key, value in form.items() if not isinstance(value, UploadFile)}
    return {**request.query_params, **sent}
