"""The log-in to OTMM: what goes to the token address, both forms of its answer, and what each refusal means.

Contracts otmm.md 2.1, 2.2; customer.md 1. The texts of others stay out of our sentences, but for OAuth2's error codes.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import requests

from ferrero_dagster.clients.answers import is_token
from ferrero_dagster.clients.http import sound_json
from ferrero_dagster.clients.otmm_answers import SYSTEM
from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, Incident, SystemUnavailable

Grant = Literal["password", "client_credentials"]

#: Where a web server has no such call at all.
_NO_SUCH_CALL = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
_OAUTH_ERROR = re.compile("[a-z_]{1,40}")


@dataclass(frozen=True, kw_only=True)
class OAuthLogin:
    """What a token address wants; a user and a password for the grant `password` alone."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    grant: Grant = "password"
    #: A whole address; empty for OTMM's own.
    token_url: str = ""
    #: Whether the client certificate, where we have one, is offered to a token address of its own, too.
    offers_certificate: bool = True

    @property
    def form(self) -> dict[str, str]:
        """What is sent; nothing of the user with client credentials."""
        user = {"username": self.username, "password": self.password} if self.grant == "password" else {}
        return {"grant_type": self.grant, **user, "client_id": self.client_id, "client_secret": self.client_secret}

    @property
    def what(self) -> str:
        """Logging in, in the words of operators; a token address of its own is named."""
        return f"Logging in at {urlsplit(self.token_url).hostname}" if self.token_url else "Logging in"

    @property
    def variables(self) -> str:
        """Where the values come from."""
        names = "FERRERO_DAM_CLIENT_ID and _CLIENT_SECRET"
        return f"FERRERO_DAM_USERNAME, _PASSWORD, {names[11:]}" if self.grant == "password" else names


def token_in(answer: object) -> str | None:
    """The token, in OAuth2's own form or in OTMM's; None where there is none."""
    outer = answer if isinstance(answer, dict) else {}
    inner: Any = outer
    for key in ("token_info", "oauth_token", "accessToken"):
        inner = inner.get(key) if isinstance(inner, dict) else None
    return next((found for found in (inner, outer.get("access_token")) if is_token(found)), None)


def login_error(login: OAuthLogin, url: str, response: requests.Response) -> Incident:
    """Why there is no token, where `url` answered otherwise than with one; a busy server is not meant.

    Always an incident: that nobody can log in is no campaign's and no file's fault.
    """
    address, status = _shown(url), response.status_code
    setting = "FERRERO_DAM_TOKEN_URL" if login.token_url else "FERRERO_DAM_URL or FERRERO_DAM_API_PATH"
    if response.is_redirect:
        return _wrong_address(f"{address} redirects us to another address, which gets none of our secrets", setting)
    if status in _NO_SUCH_CALL:
        elsewhere = "" if login.token_url else ", or set FERRERO_DAM_TOKEN_URL where OTDS gives the tokens"
        return _wrong_address(f"{address} is no token address ({status})", f"{setting}{elsewhere}")
    if response.ok and not _oauth_error(response):
        is_page = "text/html" in response.headers.get("Content-Type", "")
        instead = "shows a web page instead of a token" if is_page else f"answers {status} without a token"
        return SystemUnavailable(SYSTEM, f"{login.what}: {address} {instead}; if it stays so, correct {setting}.")
    return AccessRefused(SYSTEM, _refusal(login, address, response))


def _wrong_address(what_is_wrong: str, correct: str) -> ConfigurationError:
    return ConfigurationError(f"{what_is_wrong}: correct {correct}.", system=SYSTEM)


def _refusal(login: OAuthLogin, address: str, response: requests.Response) -> str:
    status, error = response.status_code, _oauth_error(response)
    if error == "invalid_client":
        return (
            f"The DAM does not know our client, or not with this secret ({status} {error}); check "
            "FERRERO_DAM_CLIENT_ID and _CLIENT_SECRET."
        )
    if error in {"unsupported_grant_type", "unauthorized_client"}:
        other = "client_credentials" if login.grant == "password" else "password"
        return (
            f"The DAM gives our client no token for the grant {login.grant} ({status} {error}); set FERRERO_DAM_GRANT "
            f"to {other}, or have it allowed."
        )
    if status == HTTPStatus.FORBIDDEN and "json" not in response.headers.get("Content-Type", ""):
        return refused_by_gateway(f"{login.what}: the gateway before {address}")
    return f"The DAM refused our log-in ({f'{status} {error}'.rstrip()}); check {login.variables}."


def refused_by_gateway(gateway: str) -> str:
    """What a 403 means that is not of OTMM's or OTDS's making (contract customer.md 1)."""
    return f"{gateway} refuses us (403); have this machine put on its white list and check the certificate."


def _oauth_error(response: requests.Response) -> str:
    body = sound_json(response)
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, str) and _OAUTH_ERROR.fullmatch(error) else ""


def _shown(url: str) -> str:
    """An address without anything secret in it."""
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return f"{parts.scheme}://{host}{parts.path}"
