"""Fault switches and the request log of a stand-in: what a real server does on a bad day, on demand.

A server's own code knows nothing of faults: `FaultMiddleware` stands before the application and `FaultBoard` holds what
is to go wrong. Tests use the board directly; the demo over HTTP at `/_sandbox/faults` (GET, POST, DELETE), where
`/_sandbox/requests` lists what was asked.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTROL_PATH = "/_sandbox/"


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong for requests whose method and path match (`path` is a regular expression, searched).

    It lets `skip` matching requests through, then strikes `times` (None: always). `status` answers without asking the
    application; the other switches spoil the application's own answer and may be combined.
    """

    path: str = ""
    method: str = ""
    skip: int = 0
    times: int | None = 1
    status: int | None = None
    body: str = ""
    #: Of that answer, or added to the application's own.
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    #: Only requests that hold this text, in their query or body.
    holding: str = ""
    #: The connection is cut after so many bytes of the answer's body.
    cut_after_bytes: int | None = None
    #: The application acts, then the connection closes without a byte of answer.
    drop_answer: bool = False
    #: Makes another body of the application's own, whole one.
    rewrite: Callable[[bytes], bytes] | None = None
    #: Called before the request is handled, e.g. to expire a token or to replace a file meanwhile.
    before: Callable[[], None] | None = None

    def matches(self, method: str, path: str, held: bytes | None = None) -> bool:
        """Whether the request is of the kind that this fault spoils; `held` is its query and body, if those count."""
        is_held = held is None or self.holding.encode() in held
        return is_held and (not self.method or self.method == method) and re.search(self.path, path) is not None


@dataclass
class Seen:
    """One request as the server saw it; `status` is 0 until, and unless, it is answered."""

    method: str
    path: str
    query: str
    status: int = 0
    #: The encodings of content that the client takes.
    encodings: str = ""
    #: When it came (`time.monotonic`).
    at_s: float = field(default_factory=time.monotonic)


class FaultBoard:
    """What is to go wrong, and what was asked; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.seen: list[Seen] = []

    def add(self, fault: Fault) -> Fault:
        """Arm a fault; the first armed one that matches strikes."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._faults.clear()

    @property
    def armed(self) -> list[Fault]:
        """The faults that can still strike."""
        with self._lock:
            return list(self._faults)

    def looks_inside(self, method: str, path: str) -> bool:
        """Whether it must be known what the request holds."""
        return any(fault.holding and fault.matches(method, path) for fault in self.armed)

    def strike(self, method: str, path: str, held: bytes = b"") -> Fault | None:
        """The fault for this request, counted down; None where all goes well."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, path, held) and self._counted(fault):
                    return fault
        return None

    def _counted(self, fault: Fault) -> bool:
        if fault.skip:
            fault.skip -= 1
            return False
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
        return True

    def requests(self, method: str = "", path: str = "") -> list[Seen]:
        """The requests seen so far whose path matches the regular expression, oldest first."""
        wanted = Fault(method=method, path=path)
        return [seen for seen in self.seen if wanted.matches(seen.method, seen.path)]


class _ConnectionCutError(Exception):
    """Raised to leave an answer unfinished; uvicorn then closes the connection."""


class FaultMiddleware:
    """Strikes the board's faults and logs each request; the control paths are served here."""

    def __init__(self, app: ASGIApp, board: FaultBoard) -> None:
        self._app = app
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(CONTROL_PATH):
            await (await self._control(Request(scope, receive)))(scope, receive, send)
            return
        held = b""
        if self._board.looks_inside(scope["method"], scope["path"]):
            held, receive = await _read(receive)
        fault = self._board.strike(scope["method"], scope["path"], scope["query_string"] + held) or Fault()
        # Written before the answer: who has the answer finds the request counted.
        encodings = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
        seen = Seen(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), encodings=encodings)
        self._board.seen.append(seen)
        try:
            await self._answer(fault, scope, receive, _SpoiledAnswer(send, fault, seen))
        except _ConnectionCutError:
            _close(send)

    async def _answer(self, fault: Fault, scope: Scope, receive: Receive, send: "_SpoiledAnswer") -> None:
        if fault.before:
            fault.before()
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.status is None:
            await self._app(scope, receive, send)
            return
        async for _ in Request(scope, receive).stream():
            pass
        await Response(fault.body, fault.status, fault.headers)(scope, receive, send)

    async def _control(self, request: Request) -> Response:
        if request.url.path.endswith("/requests"):
            return JSONResponse([asdict(seen) for seen in self._board.seen[-500:]])
        if request.method == "DELETE":
            self._board.clear()
        elif request.method == "POST":
            self._board.add(Fault(**await request.json()))
        return JSONResponse([_described(fault) for fault in self._board.armed])


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and what hands it over once more."""
    messages: list[Message] = []
    while not messages or (messages[-1]["type"] == "http.request" and messages[-1].get("more_body")):
        messages.append(await receive())
    body = b"".join(message.get("body", b"") for message in messages)

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return body, again


class _SpoiledAnswer:
    """Passes an answer on as far as the fault lets it."""

    def __init__(self, send: Send, fault: Fault, seen: Seen) -> None:
        self._send = send
        self._fault = fault
        self._seen = seen
        self._left = fault.cut_after_bytes
        self._held: list[Message] = []

    async def __call__(self, message: Message) -> None:
        if self._fault.drop_answer:
            if not message.get("more_body") and message["type"] == "http.response.body":
                raise _ConnectionCutError
            return
        if message["type"] == "http.response.start":
            self._seen.status = message["status"]
            if self._fault.status is None:
                message = _with_headers(message, self._fault.headers)
        elif self._left is not None:
            message = self._cut(message)
        for following in self._rewritten(message) if self._fault.rewrite else [message]:
            await self._send(following)
        if self._left == 0:
            raise _ConnectionCutError

    def _rewritten(self, message: Message) -> list[Message]:
        """Nothing before the body is whole."""
        assert self._fault.rewrite
        self._held.append(message)
        if message["type"] == "http.response.start" or message.get("more_body"):
            return []
        start, *pieces = self._held
        body = self._fault.rewrite(b"".join(piece.get("body", b"") for piece in pieces))
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        return [{**start, "headers": [*headers, length]}, {"type": "http.response.body", "body": body}]

    def _cut(self, message: Message) -> Message:
        assert self._left is not None
        body = message.get("body", b"")[: self._left]
        self._left -= len(body)
        return {**message, "body": body, "more_body": True}


def _with_headers(message: Message, headers: dict[str, str]) -> Message:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {**message, "headers": [*message["headers"], *added]}


def _close(send: Send) -> None:
    # ASGI has no way to hang up; uvicorn's own cycle object, which `send` is bound to, holds the transport.
    transport: Any = send.__self__.transport  # type: ignore[attr-defined]
    transport.close()


def _described(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(fault).items() if name not in {"before", "rewrite"}}
