"""Requests to OTMM: log-in, renewal of the token, client certificate, retries, and what each error answer means.

Contract otmm.md 1, 2, 9, 10. Threads may share one `OtmmSession`: each gets a `requests.Session` of its own,
so that cookies of a load balancer stay together, and all share one token, with other sessions too where told so.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from requests.utils import get_environ_proxies
from requests_pkcs12 import Pkcs12Adapter

from ferrero_dagster.clients.http import (
    IDENTITY,
    HttpLimits,
    Tempo,
    body_bytes,
    clock_skew_s,
    is_busy,
    json_of,
    lost_connections,
    retried,
    retry_after_s,
    sound_json,
)
from ferrero_dagster.clients.in_time import Connections
from ferrero_dagster.clients.kept_answers import KeptAnswers
from ferrero_dagster.clients.limiter import CALLS, Limiter, OwnLimiter
from ferrero_dagster.clients.otmm_answers import SYSTEM, reason_in
from ferrero_dagster.clients.otmm_login import OAuthLogin, login_error, refused_by_gateway, token_in
from ferrero_dagster.clients.repeats import is_repeated
from ferrero_dagster.clients.tokens import Tokens
from ferrero_dagster.domain.errors import (
    AccessRefused,
    ConfigurationError,
    FerreroError,
    LockedInDam,
    NotInDam,
    PermanentError,
    SystemUnavailable,
    TransientError,
)
from ferrero_dagster.domain.lines import one_line

_VERSION_PATH = "/v6"
_TOKEN_PATH = "/sessions/oauth2/token"  # noqa: S105  # an address
_IF_IT_STAYS = "if it stays so, FERRERO_DAM_URL or FERRERO_DAM_API_PATH is wrong"
_CONFLICT_STATUSES = frozenset({409, 423})
_MAX_CODE_LENGTH = 20


@dataclass(frozen=True, kw_only=True)
class ClientCertificate:
    """A PKCS#12 file for the mTLS gateway."""

    path: Path
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The DAM's own word that it does not do what was asked for (contract otmm.md 9, customer.md 1)."""

    status: int
    #: None where it gives none, or none that is a number.
    error_code: int | None
    message: str


class OtmmSession:
    """Sends requests to one OTMM. `login` is None where the client certificate alone identifies us."""

    def __init__(
        self,
        url: str,
        *,
        login: OAuthLogin | None,
        api_path: str = "/otmmapi",
        certificate: ClientCertificate | None = None,
        ca_bundle: Path | None = None,
        limits: HttpLimits | None = None,
        renew_on_403: bool = True,
        tokens: Tokens | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        """Nothing is asked of the DAM yet; `api_path` is what stands before `/v6`.

        With `renew_on_403` a 403, too, may mean no more than an expired token.

        Sessions that are given the same `tokens` share their log-in; one without logs in for itself.

        Raises:
            ConfigurationError: `ca_bundle` cannot be used.
        """
        self.url = url
        self._api = f"{api_path}{_VERSION_PATH}"
        self.limits = limits or HttpLimits()
        self._login = login
        self._expired = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} if renew_on_403 else {HTTPStatus.UNAUTHORIZED}
        self._certificate = certificate
        self._verify = _checked_bundle(ca_bundle) if ca_bundle else True
        self._limiter = limiter or OwnLimiter(SYSTEM)
        self._connections = Connections(self.limits.deadline)
        #: How quickly the DAM answered so far.
        self.tempo = Tempo()
        self._token = (tokens or Tokens()).of(url, api_path, login, certificate, ca_bundle)
        self._kept = KeptAnswers(SYSTEM)
        self._local = threading.local()
        #: How far the DAM's clock is ahead of ours, by its last answer; None where that did not say.
        self.clock_skew_s: float | None = None
        self._sessions: list[requests.Session] = []

    @property
    def username(self) -> str:
        """Who we are to the DAM; empty where the client certificate alone says it."""
        return self._login.username if self._login else ""

    @property
    def learned(self) -> dict[str, Any]:
        """What this process has learned of the DAM; shared like the log-in."""
        return self._token.learned

    def kept(self, name: str) -> KeptAnswers:
        """What earlier looks of this name could not use up; from now on answers of this session are kept there."""
        self._kept = self.learned.setdefault(f"kept for {name}", self._kept)
        return self._kept

    def call(self, method: str, path: str, what: str, **options: Any) -> dict[str, Any]:
        """The JSON that a call answers; `what` says in the words of operators what was tried, for error messages.

        Only what `repeats` declares is sent again.

        Raises:
            FerreroError: NotInDam, LockedInDam, AccessRefused, SystemUnavailable or one of their bases.
        """

        def ask() -> dict[str, Any]:
            return json_of(SYSTEM, what, self._answered(method, path, what, **options))

        return self._kept.answer(what, (method, path, options), ask)

    def tell_unless(self, is_done: Callable[[], bool], method: str, path: str, what: str, **options: Any) -> None:
        """A call that changes something, of whose answer only the status counts; raises as `call`.

        It is sent again only after `is_done` has looked and said no: an answer that was lost may have been a yes, and
        somebody may have changed the same thing since.
        """
        was_sent = False

        def send() -> None:
            nonlocal was_sent
            if not (was_sent and is_done()):
                was_sent = True
                self.send(method, path, what, **options).close()

        retried(send, self.limits, self._limiter)

    def _answered(self, method: str, path: str, what: str, **options: Any) -> requests.Response:
        if not is_repeated(SYSTEM, method, path):
            return self.send(method, path, what, **options)
        return retried(lambda: self.send(method, path, what, **options), self.limits, self._limiter)

    def open(self, path: str, what: str, *, headers: Mapping[str, str], **options: Any) -> requests.Response:
        """A safe GET of content of any kind, whose body has not been read yet; close it."""
        # What produces bytes answers 406 to somebody who takes nothing but JSON.
        any_kind = {"Accept": "*/*", **IDENTITY, **headers}
        return retried(
            lambda: self.send("GET", path, what, stream=True, headers=any_kind, **options), self.limits, self._limiter
        )

    def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        on_refusal: Callable[[Refusal], None] = lambda _: None,
        **options: Any,
    ) -> requests.Response:
        """One request, with one renewal of the token if the old one is refused; errors are raised.

        A web page in place of an answer may mean an old token, too, but does not say that nothing was done: what
        changes something is not sent again then.

        A streamed body is used up by sending it: give as `body` a function that makes the options for it anew. Where
        the DAM itself, and no gateway before it, says no, `on_refusal` hears of it first and may raise its own error.
        """
        token = self._logged_in() if self._login else None
        response = self._request(method, path, what, token, **options)
        if self._login and (response.status_code in self._expired or _is_web_page(response)):
            new_token = self._logged_in(other_than=token)
            if response.status_code in self._expired or is_repeated(SYSTEM, method, path):
                response.close()
                response = self._request(method, path, what, new_token, **options)
        if not response.ok or _is_web_page(response):
            with response:
                if refusal := _refusal(response):
                    on_refusal(refusal)
                raise _error(what, response)
        return response

    def _logged_in(self, *, other_than: str | None = None) -> str:
        deadline = self.limits.deadline
        return self._token.get(self._log_in, other_than=other_than, system=SYSTEM, deadline=deadline)

    def _request(self, method: str, path: str, what: str, token: str | None, **options: Any) -> requests.Response:
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        body = options.pop("body", None)
        if body is not None:
            fresh = body()
            headers |= fresh.pop("headers", {})
            options |= fresh
        with ExitStack() as turn:
            turn.enter_context(self._turn())
            with lost_connections(SYSTEM, what, self.limits.deadline), self.tempo.answer():
                response = (self._session() if body is None else self._fresh_session()).request(
                    method,
                    f"{self.url}{self._api}{path}",
                    headers=headers,
                    timeout=self.limits.timeout,
                    # Contents may lie elsewhere; what changes something goes to the DAM alone.
                    allow_redirects=method == "GET",
                    **options,
                )
            if options.get("stream"):
                _ends_with(response, turn.pop_all())
        self._local.answered_at = time.monotonic()
        self._limiter.note(_kind(method, path, options), size_bytes=_carried_bytes(response, options))
        self._hold(response)
        self.tempo.heard(response.status_code)
        self.clock_skew_s = clock_skew_s(response.headers)
        return response

    def _turn(self) -> AbstractContextManager[None]:
        return self._limiter.turn(CALLS, deadline=self.limits.deadline, patience_s=self.limits.retry_for_s)

    def _hold(self, response: requests.Response) -> None:
        """A pause that the DAM asks for is everybody's, whether or not this request is sent again."""
        pause_s = retry_after_s(response.headers) if is_busy(response.status_code) else None
        if pause_s and pause_s <= self.limits.retry_for_s:
            self._limiter.hold(pause_s)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session(self.url, self._certificate)
            self._sessions.append(session)
        return session

    def _fresh_session(self) -> requests.Session:
        """For a body: a server may be closing what is idle just when we send, and nobody could say what it has read."""
        session = self._session()
        if time.monotonic() - getattr(self._local, "answered_at", 0) > self.limits.kept_s:
            session.close()  # its connections; cookies stay, and new ones are made
        return session

    def _new_session(self, url: str, certificate: ClientCertificate | None) -> requests.Session:
        """Connections to the server of `url`, which alone is offered the certificate."""
        session = requests.Session()
        session.headers["Accept"] = "application/json"
        # Of the environment only proxies count: a .netrc would replace our token, REQUESTS_CA_BUNDLE our bundle.
        session.trust_env = False
        session.proxies.update(get_environ_proxies(url))
        session.verify = self._verify
        if certificate:
            session.mount(f"{urljoin(url, '/')}", _certificate_adapter(certificate))
        for adapter in session.adapters.values():
            self._connections.watch(adapter)
        return session

    def _log_in(self) -> str:
        login = self._login
        assert login is not None
        url = login.token_url or f"{self.url}{self._api}{_TOKEN_PATH}"
        response = retried(lambda: self._token_answer(login, url), self.limits, self._limiter)
        token = token_in(sound_json(response)) if response.ok else None
        if token is None:
            raise login_error(login, url, response)
        return token

    def _token_answer(self, login: OAuthLogin, url: str) -> requests.Response:
        in_time = lost_connections(SYSTEM, login.what, self.limits.deadline)
        with self._token_session(login) as session, in_time, self.tempo.answer():
            # Secrets are sent to this address alone, wherever it would have us go.
            response = session.post(url, data=login.form, timeout=self.limits.timeout, allow_redirects=False)
        self._limiter.note("log-ins")
        if is_busy(response.status_code):
            raise _error(login.what, response)
        return response

    @contextmanager
    def _token_session(self, login: OAuthLogin) -> Iterator[requests.Session]:
        if not login.token_url:
            yield self._session()
            return
        with self._new_session(login.token_url, self._certificate if login.offers_certificate else None) as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()
        for session in self._sessions:
            session.close()


def _kind(method: str, path: str, options: Mapping[str, Any]) -> str:
    """In the words of the report."""
    if method == "GET":
        return "downloads" if options.get("stream") else "reads"
    return "searches" if path.startswith("/search/") else "changes and imports"


def _carried_bytes(response: requests.Response, options: Mapping[str, Any]) -> int:
    """Of the content that was fetched or sent, as announced."""
    return body_bytes(response.headers if options.get("stream") else response.request.headers)


def _ends_with(response: requests.Response, turn: ExitStack) -> None:
    """The turn lasts until the body was read and the answer closed."""
    close = response.close

    def close_both() -> None:
        with turn:
            close()

    response.close = close_both  # type: ignore[method-assign]


def _checked_bundle(path: Path) -> str:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        raise ConfigurationError(
            f"The CA bundle {path} (FERRERO_DAM_CA_BUNDLE) cannot be used: {error.strerror or 'no certificates'}; "
            "name a file of certificates in PEM form.",
            system=SYSTEM,
        ) from None
    return str(path)


def _certificate_adapter(certificate: ClientCertificate) -> Pkcs12Adapter:
    try:
        return Pkcs12Adapter(pkcs12_filename=str(certificate.path), pkcs12_password=certificate.password)
    except OSError as error:
        raise ConfigurationError(
            f"The client certificate {certificate.path} (FERRERO_DAM_PFX_PATH) cannot be read: {error.strerror}.",
            system=SYSTEM,
        ) from None
    except (ValueError, AttributeError):  # the latter for a file without a certificate
        raise ConfigurationError(
            f"The client certificate {certificate.path} cannot be used: wrong FERRERO_DAM_PFX_PASSWORD, "
            "an expired certificate, or no PKCS#12 file.",
            system=SYSTEM,
        ) from None


def _is_web_page(response: requests.Response) -> bool:
    # A log-in or maintenance page with status 200 (contract otmm.md 9); an asset that is HTML comes as an attachment.
    kind, disposition = (response.headers.get(name, "") for name in ("Content-Type", "Content-Disposition"))
    return response.is_redirect or (response.ok and "text/html" in kind and "attachment" not in disposition)


def _error(what: str, response: requests.Response) -> FerreroError:
    status, explained = response.status_code, _explained(response)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and explained:
        return TransientError(f"{what}: the DAM answered 500{explained}.", code="DAM answered 500")
    if is_busy(status):
        return _busy(what, response)
    if response.ok:
        return SystemUnavailable(SYSTEM, f"{what}: the DAM shows a web page instead of an answer; {_IF_IT_STAYS}.")
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessRefused(SYSTEM, f"{what}: the DAM does not accept our log-in any more{explained}.")
    if status == HTTPStatus.FORBIDDEN and not explained:
        return AccessRefused(SYSTEM, refused_by_gateway(f"{what}: the gateway before the DAM"))
    if status == HTTPStatus.NOT_FOUND:
        return _missing(what, response)
    if status in _CONFLICT_STATUSES:
        return LockedInDam(f"{what}: it is locked in the DAM{explained}.", code="locked in the DAM")
    return PermanentError(f"{what}: the DAM answered {status}{explained}.", code=f"DAM answered {status}")


def _missing(what: str, response: requests.Response) -> FerreroError:
    # OTMM says itself that it knows no such id; a server whose application is just starting shows its error page.
    if not _exception_body(response):
        return SystemUnavailable(SYSTEM, f"{what}: the DAM is unavailable (404 without a reason); {_IF_IT_STAYS}.")
    return NotInDam(f"{what}: the DAM does not find it{_explained(response)}.", code="not found in the DAM")


def _busy(what: str, response: requests.Response) -> SystemUnavailable:
    reason = "asks us to slow down" if response.status_code == HTTPStatus.TOO_MANY_REQUESTS else "is unavailable"
    return SystemUnavailable(
        SYSTEM,
        f"{what}: the DAM {reason} ({response.status_code}{_explained(response)}).",
        retry_after_s=retry_after_s(response.headers),
    )


def _explained(response: requests.Response) -> str:
    message = _exception_body(response).get("message")
    return f": {one_line(message[:200].rstrip('.'))}" if message and isinstance(message, str) else ""


def _refusal(response: requests.Response) -> Refusal | None:
    body = _exception_body(response)
    if not body:
        return None
    code, message = str(body.get("error_code")), str(body.get("message") or "")
    return Refusal(
        status=response.status_code,
        error_code=int(code) if code.isascii() and code.isdigit() and len(code) < _MAX_CODE_LENGTH else None,
        message=message,
    )


def _exception_body(response: requests.Response) -> dict[str, Any]:
    return reason_in(sound_json(response))
