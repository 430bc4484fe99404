"""Stand-in for Make.com: keeps every webhook that is posted to it as a file."""

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.numbered_files import NumberedFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedWebhook:
    """One webhook; `headers` have names in lower case, `received_at` is ISO 8601 with zone."""

    path: Path
    received_at: str
    headers: dict[str, str]
    body: Any

    @property
    def number(self) -> int:
        """Counts from 1 in the order of arrival."""
        return int(self.path.stem)

    @property
    def pretty_body(self) -> str:
        """The body as indented JSON."""
        return json.dumps(self.body, indent=2, ensure_ascii=False)


class WebhookInbox:
    """All webhooks received so far: files `000001.json`, … in a directory."""

    def __init__(self, directory: Path) -> None:
        self._files = NumberedFiles(directory, ".json")

    def received(self) -> list[ReceivedWebhook]:
        """Every webhook, oldest first."""
        return [ReceivedWebhook(path=path, **json.loads(path.read_bytes())) for path in self._files.paths()]

    def keep(self, body: Any, headers: dict[str, str]) -> None:
        """Store a webhook under the next number."""
        received_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        kept = {"received_at": received_at, "headers": headers, "body": body}
        self._files.add(json.dumps(kept, indent=2).encode())


def create_webhook_app(inbox: WebhookInbox) -> Starlette:
    """Takes JSON posted to any address, as Make.com does: 200 `Accepted`, or 400 for anything else."""

    async def take(request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return PlainTextResponse("The body is not JSON.", 400)
        inbox.keep(body, dict(request.headers))
        return PlainTextResponse("Accepted")

    return Starlette(routes=[Route("/{address:path}", take, methods=["POST"])])
