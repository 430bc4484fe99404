"""The DAM stand-in as an ASGI application: signing in, the call groups, refusals."""

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ferrero_dagster.sandbox.otmm.answers import Refusal, error_page, html_page, refused
from ferrero_dagster.sandbox.otmm.editing import Editing
from ferrero_dagster.sandbox.otmm.endpoints import Endpoints, params_of
from ferrero_dagster.sandbox.otmm.importing import Importing
from ferrero_dagster.sandbox.otmm.reading import Reading
from ferrero_dagster.sandbox.otmm.settings import OtmmSettings
from ferrero_dagster.sandbox.otmm.store import OtmmStore

BASE_PATH = "/otmmapi/v6"
OTDS_TOKEN_PATH = "/otdsws/oauth2/token"  # noqa: S105  # an address

_TOKEN_PATH = "/sessions/oauth2/token"  # noqa: S105  # an address


def create_otmm_app(store: OtmmStore, settings: OtmmSettings) -> Starlette:
    """The DAM that answers from `store`; changes of `settings` count from the next request on."""
    signing_in = SigningIn(store, settings)
    groups = (Reading(store, settings), Editing(store, settings), Importing(store, settings))
    calls = [*signing_in.routes(), *(route for group in groups for route in group.routes())]
    return Starlette(
        routes=[Mount(BASE_PATH, routes=calls), *signing_in.otds_routes()],
        middleware=[Middleware(AuthenticationMiddleware, backend=TokenCheck(store), on_error=_unauthorized)],
        exception_handlers={Refusal: refused, HTTPException: error_page},
    )


class SigningIn(Endpoints):
    """Access tokens (contracts otmm.md 2.1, 2.2; customer.md 1)."""

    def routes(self) -> list[Route]:
        """Where the call is found."""
        return [Route(_TOKEN_PATH, self.token, methods=["POST"]), Route("/sessions", self.session)]

    def otds_routes(self) -> list[Route]:
        """Where OTDS is found, which is no part of OTMM."""
        return [Route(OTDS_TOKEN_PATH, self.otds_token, methods=["POST"])]

    async def token(self, request: Request) -> Response:
        """`POST /sessions/oauth2/token`; the customer's OTMM has none."""
        if self._settings.dialect == "customer":
            return html_page(404)
        sent = await params_of(request)
        if sent.get("grant_type") != "password":
            raise Refusal(400, "Expected grant_type password.")
        names = ("username", "password", "client_id", "client_secret")
        if any(sent.get(name) != getattr(self._settings, name) for name in names):
            raise Refusal(401, "User or client is not known, or a password is wrong.")
        token = self._store.issue_token(self._settings.username, self._settings.token_lifetime_s)
        return JSONResponse({"token_info": {"oauth_token": {"accessToken": token}}})

    def session(self, request: Request) -> Response:
        """`GET /sessions`: who is calling."""
        return JSONResponse({"session_resource": {"session": {"login_name": request.user.display_name}}})

    async def otds_token(self, request: Request) -> Response:
        """`POST /otdsws/oauth2/token`: for client credentials alone, and in OAuth2's own words (RFC 6749 4.4, 5)."""
        if self._settings.dialect == "seeds":
            return html_page(404)
        sent = await params_of(request)
        if any(sent.get(name) != getattr(self._settings, name) for name in ("client_id", "client_secret")):
            return JSONResponse({"error": "invalid_client"}, 401)
        if sent.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        lifetime_s = self._settings.token_lifetime_s
        token = self._store.issue_token(self._settings.client_id, lifetime_s)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime_s)})


class TokenCheck(AuthenticationBackend):
    """Who is calling, by the access token; only signing in needs none."""

    def __init__(self, store: OtmmStore) -> None:
        self._store = store

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """The token's user.

        Raises:
            AuthenticationError: there is no token, or it is unknown or expired.
        """
        path = conn.url.path
        if not path.startswith(BASE_PATH) or path == BASE_PATH + _TOKEN_PATH:
            return None
        scheme, _, token = conn.headers.get("Authorization", "").partition(" ")
        user = self._store.token_user(token) if scheme == "Bearer" else None
        if user is None:
            raise AuthenticationError
        return AuthCredentials(), SimpleUser(user)


def _unauthorized(_: HTTPConnection, __: Exception) -> Response:
    return refused(None, Refusal(401, "The access token is missing, unknown or expired."))
