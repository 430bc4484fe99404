"""The Box stand-in as an ASGI application: login, api and upload addresses under one host.

With the server at H, a client needs `base_url` H, `upload_url` H + `/upload/api` and `oauth_2_url` H + `/oauth2`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferrero_dagster.sandbox.box.answers import Answers, mini
from ferrero_dagster.sandbox.box.chunked import ChunkedUploads
from ferrero_dagster.sandbox.box.errors import BoxError
from ferrero_dagster.sandbox.box.events import Events
from ferrero_dagster.sandbox.box.files import Files
from ferrero_dagster.sandbox.box.folders import Folders
from ferrero_dagster.sandbox.box.items import NameInUseError
from ferrero_dagster.sandbox.box.limits import Limited, MinuteLimits
from ferrero_dagster.sandbox.box.login import Login
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore
from ferrero_dagster.sandbox.box.tokens import ACCESS, Tokens
from ferrero_dagster.sandbox.box.uploads import Uploads


def create_box_app(store: BoxStore, settings: BoxSettings) -> Starlette:
    """The application; store and settings may be changed while it serves."""
    answers = Answers(store, settings)
    files = Files(store, settings, answers)
    uploads = Uploads(store, settings, answers)
    asked = [Middleware(_LoggedIn, store.tokens), Middleware(Limited, MinuteLimits(settings), settings)]
    events = Events(store, settings)
    api = [*Folders(store, answers).routes, *uploads.preflight_routes, *files.routes, *events.routes]
    upload = [*ChunkedUploads(store, settings, answers).routes, *uploads.routes]
    return Starlette(
        routes=[
            *Login(store, settings).routes,
            *files.download_routes,
            *events.realtime_routes,
            Mount("/upload/api/2.0", routes=upload, middleware=asked),
            Mount("/2.0", routes=api, middleware=asked),
        ],
        middleware=[Middleware(_ReadsBodyFirst)],
        exception_handlers={
            NameInUseError: _name_in_use(settings),
            BoxError: _refusal,
            ValidationError: _invalid_body,
            HTTPException: _no_such_call,
        },
    )


class _LoggedIn:
    """Answers 401 with an empty body, as Box does, where the access token is missing, unknown or expired."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, token = Request(scope).headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._tokens.purpose(token) == ACCESS:
            await self._app(scope, receive, send)
            return
        headers = {"WWW-Authenticate": 'Bearer realm="Service", error="invalid_token"'}
        await Response(status_code=401, headers=headers)(scope, receive, send)


class _ReadsBodyFirst:
    """Reads what is left of a request's body before a refusal, lest a client still sending it lose the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more_body = True

        async def counting_receive() -> Message:
            nonlocal more_body
            message = await receive()
            more_body = message.get("more_body", False)
            return message

        async def late_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:  # noqa: PLR2004  # HTTP's limit
                while more_body:
                    await counting_receive()
            await send(message)

        await self._app(scope, counting_receive, late_send)


def _name_in_use(settings: BoxSettings) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, error: Exception) -> Response:
        assert isinstance(error, NameInUseError)
        as_list = {"list": True, "dict": False, "contract": error.wanted == "folder"}[settings.conflicts_as]
        conflict = mini(error.taken)
        error.context["conflicts"] = [conflict] if as_list else conflict
        return error.answer()

    return answer


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BoxError)
    return error.answer()


async def _invalid_body(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    wrong: list[dict[str, Any]] = [
        {"reason": "invalid_parameter", "name": ".".join(map(str, problem["loc"])), "message": problem["msg"]}
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return BoxError(400, "bad_request", "Bad Request", {"errors": wrong}).answer()


async def _no_such_call(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    return BoxError(error.status_code, code, error.detail).answer()
