"""The stream of events: what changed in the tree of files that the service account sees (contract box.md 10)."""

import asyncio
import json
import sqlite3
import time
import uuid
from datetime import datetime, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.answers import number_asked
from ferrero_dagster.sandbox.box.errors import BoxError, bad_request
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore

_DEFAULT_LIMIT, _HIGHEST_LIMIT = 100, 500
_LONG_POLL_STEP_S = 0.1
_OF_A_USER = {"all", "changes", "sync"}
_OF_THE_ENTERPRISE = {"admin_logs", "admin_logs_streaming"}
_USER = {"type": "user", "id": "11446498", "name": "Sandbox", "login": "AutomationUser_12345_sandbox@boxdevedition.com"}


class Events:
    """What a user may ask of the stream: a position, and what happened since."""

    def __init__(self, store: BoxStore, settings: BoxSettings) -> None:
        self._store = store
        self._settings = settings
        self.routes = [Route("/events", self.get), Route("/events", self.options, methods=["OPTIONS"])]
        #: As of another host than the API's, and without its log-in.
        self.realtime_routes = [Route("/realtime/subscribe", self.wait)]

    async def get(self, request: Request) -> Response:
        """A chunk of events after a position, and the position after it; 403 for the streams of an administrator."""
        stream = request.query_params.get("stream_type", "all")
        if stream in _OF_THE_ENTERPRISE or self._settings.events_forbidden:
            raise BoxError(403, "forbidden", "Access denied - insufficient permission")
        if stream not in _OF_A_USER:
            raise bad_request("Invalid value for parameter stream_type")
        limit = number_asked(request, "limit", _DEFAULT_LIMIT, _HIGHEST_LIMIT)
        position = self._position(request.query_params.get("stream_position", "0"))
        found = self._store.database.rows(
            "SELECT * FROM events WHERE position > ? AND created_at <= ? ORDER BY position LIMIT ?",
            *(position, time.time() - self._settings.event_delay_s, limit),
        )
        entries = [self._entry(row) for row in found for _ in range(1 + self._settings.events_twice)]
        last = found[-1]["position"] if found else position
        # Box's own positions are numbers here and texts there.
        return JSONResponse({"chunk_size": len(entries), "next_stream_position": last, "entries": entries})

    async def options(self, request: Request) -> Response:
        """Where a long poll is to wait; the address is good for anybody who has it."""
        if self._settings.long_poll == "unknown":
            raise BoxError(405, "method_not_allowed", "Method Not Allowed")
        server = {
            "type": "realtime_server",
            "url": str(request.url_for("wait").include_query_params(channel=uuid.uuid4().hex, stream_type="all")),
            "ttl": "10",
            "max_retries": "10",
            "retry_timeout": self._settings.long_poll_timeout_s,
        }
        return JSONResponse({"chunk_size": 1, "entries": [server]})

    async def wait(self, request: Request) -> Response:
        """The answer to a long poll: as soon as an event comes that was not there when it began, or after its time."""
        until = time.monotonic() + self._settings.long_poll_s
        begun_at = self._position("now")
        while time.monotonic() < until and not await request.is_disconnected():
            await asyncio.sleep(_LONG_POLL_STEP_S)
            if self._position("now") != begun_at and self._settings.long_poll != "silent":
                return JSONResponse({"message": "new_change"})
        return JSONResponse({"message": "reconnect"})

    def _position(self, asked: str) -> int:
        if asked == "now":
            row = self._store.database.row(
                "SELECT max(position) AS last FROM events WHERE created_at <= ?",
                time.time() - self._settings.event_delay_s,
            )
            return row["last"] or 0 if row else 0
        if asked == "null":
            return 0
        if not (asked.isascii() and asked.isdigit()):
            raise bad_request("Invalid value for parameter stream_position")
        return int(asked)

    def _entry(self, row: sqlite3.Row) -> dict[str, Any]:
        at = datetime.fromtimestamp(row["created_at"], timezone.utc).isoformat(timespec="seconds")
        return {
            "type": "event",
            "event_id": row["id"],
            "event_type": row["type"],
            "created_at": at,
            "recorded_at": at,
            "created_by": _USER,
            "source": self._source(json.loads(row["source"])),
        }

    def _source(self, told: dict[str, Any]) -> dict[str, Any]:
        places = told.pop("places")
        parent = places[-1] if places else None
        if self._settings.event_source == "mini":
            of_item = {f"item_{key}": told[key] for key in ("type", "id", "name")}
            return {**of_item, "parent": parent, "owned_by": _USER}
        whole = {"sequence_id": told["etag"], "item_status": "active" if places else "trashed", "parent": parent}
        return {**told, **whole, "path_collection": {"total_count": len(places), "entries": places}}
