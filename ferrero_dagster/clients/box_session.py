"""Opens the official Box SDK with our log-in, time limits and retries, and translates its errors.

Contract box.md 1-3, traps 4-10: the SDK's own retries follow any `Retry-After` without limit, raise
`ValueError` for one that is a date, fetch a new token in every thread, and let errors of other classes escape.
"""

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from box_sdk_gen import (
    AccessToken,
    BaseUrls,
    BoxAPIError,
    BoxClient,
    BoxJWTAuth,
    BoxNetworkClient,
    BoxSDKError,
    DefaultPrivateKeyDecryptor,
    FetchOptions,
    FetchResponse,
    JWTConfig,
    NetworkSession,
    PrivateKeyDecryptor,
    RetryStrategy,
    TimeoutConfig,
)
from requests.adapters import HTTPAdapter

from ferrero_dagster.clients.answers import Item, is_token
from ferrero_dagster.clients.box_answers import SYSTEM, conflict, word
from ferrero_dagster.clients.box_calls import kind_of, limited_as
from ferrero_dagster.clients.http import (
    HttpLimits,
    Tempo,
    body_bytes,
    is_busy,
    retried,
    retry_after_s,
    tls_reason,
    without_netrc,
)
from ferrero_dagster.clients.in_time import Connections, in_time
from ferrero_dagster.clients.kept_answers import KeptAnswers
from ferrero_dagster.clients.limiter import Limiter, OwnLimiter
from ferrero_dagster.clients.repeats import is_repeated
from ferrero_dagster.clients.tokens import Token, Tokens
from ferrero_dagster.domain.errors import (
    AccessRefused,
    AccountFull,
    ConfigurationError,
    FerreroError,
    FileRefused,
    ForbiddenInBox,
    IntegrityError,
    PermanentError,
    SystemUnavailable,
    TransientError,
    UnexpectedAnswer,
)
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.domain.sound_json import sound_object

#: The header that says as which user the service account asks.
AS_USER = "As-User"
#: Connections that are kept to a host: as many as files move at once.
POOL_SIZE = 32
#: The connect timeout of the SDK also bounds every blocked write of a body (contract box.md 9).
_CONNECT_TIMEOUT_S = 60
_TOKEN_PATH = "/oauth2/token"  # noqa: S105  # an address
#: How often "not ready yet" (202) is asked again; putting the parts of a large file together takes its time.
_NOT_READY_ATTEMPTS = 30
_LONGEST_PAUSE_S = 20
#: Refusals that pass by themselves (contract box.md 5; FAULTS 19).
_PASSING_CODES = frozenset({"name_temporarily_reserved", "operation_blocked_temporary", "parts_mismatch"})
#: The address of one file; whom Box refuses that may still be welcome to all others.
_FILE_PATH = re.compile(r"/2\.0/files/\d+(/|\?|$)")
#: What the SDK lets escape for answers that it did not expect (contract box.md 1).
_SDK_SURPRISES = (ValueError, TypeError, AttributeError, AssertionError, LookupError, ArithmeticError, RecursionError)
_NEEDED_KEYS = ("clientID", "clientSecret", "publicKeyID", "privateKey", "passphrase")


class CappedRetries(RetryStrategy):
    """What to send again, with jittered pauses: only what `repeats` declares.

    Where Box asks for a pause longer than `retry_for_s` the request fails at once.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits

    def should_retry(self, fetch_options: FetchOptions, fetch_response: FetchResponse, attempt_number: int) -> bool:
        """Whether the SDK sends the request again; also renews a refused token."""
        deadline = self._limits.deadline
        if deadline.is_over or (fetch_response.status == 0 and deadline.left_s < deadline.budget_s / 2):
            return False  # what hangs is out; tried again, it would be cut off and pass for slow
        if fetch_options.url.endswith(_TOKEN_PATH):
            return False  # the signed assertion is good for one use within seconds: `_SharedLogin` makes a new one
        status = fetch_response.status
        is_not_ready = status == requests.codes.accepted
        is_commit = is_not_ready and fetch_options.url.endswith("/commit")
        if attempt_number >= (_NOT_READY_ATTEMPTS if is_commit else self._limits.attempts):
            return False
        if status == requests.codes.unauthorized and fetch_options.auth:
            fetch_options.auth.refresh_token(network_session=fetch_options.network_session)
            return True
        path = urlsplit(fetch_options.url).path
        if not is_repeated(SYSTEM, fetch_options.method, path, fetch_options.headers):
            return False
        if (retry_after_s(fetch_response.headers) or 0) > self._limits.retry_for_s:
            return False
        return is_not_ready or status == 0 or is_busy(status) or _code(fetch_response) in _PASSING_CODES

    def retry_after(self, fetch_options: FetchOptions, fetch_response: FetchResponse, attempt_number: int) -> float:  # noqa: ARG002  # the SDK's signature
        """Seconds to wait before the next attempt."""
        if fetch_response.status == requests.codes.unauthorized:
            return 0
        asked_s = retry_after_s(fetch_response.headers)
        if asked_s is None:
            longest_s = min(_LONGEST_PAUSE_S, self._limits.first_pause_s * 2.0 ** (attempt_number - 1))
            asked_s = random.uniform(0.2, 1) * longest_s  # noqa: S311  # jitter
        return min(asked_s, self._limits.deadline.left_s)


def _code(response: FetchResponse) -> str | None:
    return word(response.data.get("code")) if isinstance(response.data, dict) else None


#: The limiter of each user as whom we ask by `As-User`; that of the service account by an empty name.
Limiters = Callable[[str], Limiter]


class _PacedAdapter(HTTPAdapter):
    """Sends what is its turn, and nothing after the deadline; JSON is whole or a lost connection.

    A pause that Box asks for holds all who share the limiter.
    """

    def __init__(self, limiters: Limiters, limits: HttpLimits, tempo: Tempo, *, parts_are_uploads: bool) -> None:
        super().__init__(pool_maxsize=POOL_SIZE)
        self._limiters, self._limits, self._tempo = limiters, limits, tempo
        self._parts_are_uploads = parts_are_uploads
        self._connections = Connections(limits.deadline)
        self._connections.watch(self)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        limiter, deadline = self._limiters(request.headers.get(AS_USER, "")), self._limits.deadline
        kind = kind_of(request.method or "", urlsplit(request.url or "").path, request.headers)
        limited = limited_as(kind, parts_are_uploads=self._parts_are_uploads)
        with limiter.turn(*limited, deadline=deadline, patience_s=self._limits.retry_for_s):
            try:
                response = self._sent(request, *args, **options)
            finally:
                limiter.note(kind, size_bytes=body_bytes(request.headers))
        pause_s = retry_after_s(response.headers) if is_busy(response.status_code) else None
        if pause_s and pause_s <= self._limits.retry_for_s:
            limiter.hold(pause_s)
        return response

    def _sent(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = tuple(map(self._limits.at_most, options["timeout"]))
        with in_time(SYSTEM, "Asking Box", self._limits.deadline), self._tempo.answer():
            response = super().send(request, *args, **options)
            self._tempo.heard(response.status_code)
            if "json" in response.headers.get("Content-Type", ""):
                # Read here, where the SDK still repeats a request whose answer was cut; it parses what it finds
                # unguarded.
                response._content = sound_object(response.content, response.encoding)  # noqa: SLF001
                response.encoding = "utf-8"
        return response

    def close(self) -> None:
        self._connections.close()
        super().close()


class _SharedLogin(BoxJWTAuth):
    """Renews a refused token once for all threads that used it; a refused log-in is our own error."""

    def __init__(
        self,
        config: JWTConfig,
        limits: HttpLimits,
        *,
        network: NetworkSession,
        limiter: Limiter,
        token: Token,
        tempo: Tempo,
    ) -> None:
        super().__init__(config)
        self._network, self._limits, self.limiter, self._token = network, limits, limiter, token
        self.tempo = tempo
        self._sent = threading.local()

    @property
    def learned(self) -> dict[str, Any]:
        """What this process has learned of Box; shared like the log-in."""
        return self._token.learned

    def retrieve_authorization_header(self, *, network_session: NetworkSession | None = None) -> str:
        """The header for this thread's next request."""
        self._sent.token = self.retrieve_token(network_session=network_session).access_token
        return f"Bearer {self._sent.token}"

    def retrieve_token(self, *, network_session: NetworkSession | None = None) -> AccessToken:  # noqa: ARG002  # the SDK's
        """The token; raises as `refresh_token` where there is none yet."""
        return self._got(other_than=None)

    def refresh_token(self, *, network_session: NetworkSession | None = None) -> AccessToken:  # noqa: ARG002  # the SDK's
        """A token other than the one that this thread sent last.

        Raises:
            FerreroError: Box refuses the log-in or cannot be reached.
        """
        return self._got(other_than=getattr(self._sent, "token", None))

    def _got(self, *, other_than: str | None) -> AccessToken:
        def log_in() -> str:
            return retried(self._log_in, self._limits, self.limiter)

        token = self._token.get(log_in, other_than=other_than, system=SYSTEM, deadline=self._limits.deadline)
        return AccessToken(access_token=token)

    def _log_in(self) -> str:
        with _login_errors():
            # As the service account, as whichever user the refused request was.
            token: object = super().refresh_token(network_session=self._network).access_token
        if not is_token(token):
            raise SystemUnavailable(SYSTEM, "Logging in: Box's answer holds no token.")
        return token


def read_box_config(path: Path) -> JWTConfig:
    """The JWT configuration that Box's developer console made.

    Raises:
        ConfigurationError: the file is missing, not of that kind, or its key does not open; without its contents.
    """
    place = f"Box configuration {path} (FERRERO_BOX_CONFIG)"
    try:
        # As bytes: editors on Windows begin it with a byte order mark, in UTF-8 or UTF-16.
        settings = json.loads(path.read_bytes())
        app = settings["boxAppSettings"]
        found = {**app, **app["appAuth"]}
    except OSError as error:
        raise ConfigurationError(
            f"{place} cannot be read: {error.strerror}; download it from the Box developer console."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{place} is not the JSON that the Box developer console makes for JWT.") from None
    missing = [key for key in _NEEDED_KEYS if not found.get(key)]
    if not settings.get("enterpriseID") and not settings.get("userID"):
        missing.append("enterpriseID")
    if missing:
        raise ConfigurationError(f"{place} lacks {', '.join(missing)}; download it again from the developer console.")
    try:
        _opened(found["privateKey"], found["passphrase"])
    except (ValueError, TypeError, BoxSDKError):
        raise ConfigurationError(
            f"{place}: privateKey does not open with passphrase; download it again from the developer console."
        ) from None
    return JWTConfig.from_config_json_string(json.dumps(settings), private_key_decryptor=_OpensOnce())


class _OpensOnce(PrivateKeyDecryptor):
    """Opens a key once for all log-ins of a process: its passphrase makes that cost 50 ms on purpose."""

    def decrypt_private_key(self, encryptedPrivateKey: str, passphrase: str) -> Any:  # noqa: N803  # the SDK's
        return _opened(encryptedPrivateKey, passphrase)


@lru_cache(maxsize=1)
def _opened(private_key: str, passphrase: str) -> Any:
    return DefaultPrivateKeyDecryptor().decrypt_private_key(private_key, passphrase)


def open_box_client(
    config: JWTConfig,
    *,
    base_urls: BaseUrls,
    limits: HttpLimits,
    http_session: requests.Session | None = None,
    tokens: Tokens | None = None,
    limiters: Limiters | None = None,
    parts_are_uploads: bool = False,
) -> BoxClient:
    """A logged-in client to share between the threads of one process; `tokens` as in `OtmmSession`.

    With `parts_are_uploads` each part of a large file counts as an upload, not as a call alone.

    Raises:
        FerreroError: Box refuses the log-in or cannot be reached.
    """
    own = OwnLimiter(SYSTEM)
    limiters = limiters or (lambda _: own)
    token, tempo = (tokens or Tokens()).of(*_identity(config, base_urls)), Tempo()
    session = http_session or _http_session(_PacedAdapter(limiters, limits, tempo, parts_are_uploads=parts_are_uploads))
    network = NetworkSession(
        base_urls=base_urls,
        network_client=BoxNetworkClient(session),
        retry_strategy=CappedRetries(limits),
        timeout_config=TimeoutConfig(
            connection_timeout_ms=_CONNECT_TIMEOUT_S * 1000, read_timeout_ms=int(limits.read_timeout_s * 1000)
        ),
    )
    login = _SharedLogin(config, limits, network=network, limiter=limiters(""), token=token, tempo=tempo)
    client = BoxClient(auth=login, network_session=network)
    client.auth.retrieve_token(network_session=client.network_session)
    return client


def _identity(config: JWTConfig, urls: BaseUrls) -> tuple[str | None, ...]:
    """Everything that a log-in is made of."""
    where = (urls.base_url, urls.upload_url, urls.oauth_2_url)
    who = (config.enterprise_id, config.user_id, config.client_id, config.jwt_key_id)
    secrets = (config.client_secret, config.private_key, config.private_key_passphrase)
    return where + who + secrets


def _http_session(adapter: HTTPAdapter) -> requests.Session:
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    # An `auth` of its own, or an entry for the host in a .netrc would replace our token.
    session.auth = without_netrc
    return session


def limiter_of(client: BoxClient) -> Limiter:
    """Whose turn it is to ask as the service account."""
    return _login_of(client).limiter


def tempo_of(client: BoxClient) -> Tempo:
    """How quickly Box answered this client so far."""
    return _login_of(client).tempo


def learned_of(client: BoxClient) -> dict[str, Any]:
    """What this process has learned of Box."""
    return _login_of(client).learned


def kept_of(client: BoxClient, name: str) -> KeptAnswers:
    """What earlier looks of this name could not use up."""
    kept: KeptAnswers = learned_of(client).setdefault(f"kept for {name}", KeptAnswers(SYSTEM))
    return kept


def _login_of(client: BoxClient) -> _SharedLogin:
    assert isinstance(client.auth, _SharedLogin)
    return client.auth


def close_box_client(client: BoxClient) -> None:
    """Close all connections."""
    network = client.network_session.network_client
    assert isinstance(network, BoxNetworkClient)
    network.requests_session.close()


@contextmanager
def _login_errors() -> Iterator[None]:
    """Translate what fails while logging in; the SDK's texts may hold the signed assertion and are left out."""
    try:
        yield
    except BoxAPIError as error:
        if is_busy(error.response_info.status_code):
            raise _busy("Logging in", error) from None
        body = error.response_info.body
        told = body if isinstance(body, dict) else {}
        reason = str(one_line(word(told.get("error_description")) or word(told.get("error"))))
        raise AccessRefused(
            SYSTEM,
            f"Box refused our log-in ({error.response_info.status_code}{': ' + reason[:200] if reason else ''}); check "
            "that the app is authorised in the Box admin console, and this machine's clock.",
        ) from None
    except (BoxSDKError, requests.RequestException) as error:
        raise SystemUnavailable(SYSTEM, f"Logging in: Box cannot be reached ({_reason(error)}).") from None
    except _SDK_SURPRISES:
        raise SystemUnavailable(SYSTEM, "Logging in: Box's answer cannot be read.") from None


@contextmanager
def box_errors(what: str) -> Iterator[None]:
    """Translate what the SDK raises; `what` says in the words of operators what was tried.

    `BoxAPIError`s that a caller handles itself must be caught inside.
    """
    try:
        yield
    except BoxAPIError as error:
        raise _error(what, error) from None
    except (BoxSDKError, requests.RequestException) as error:
        raise SystemUnavailable(SYSTEM, f"{what}: the connection to Box failed ({_reason(error)}).") from None
    except _SDK_SURPRISES as error:
        raise UnexpectedAnswer(
            SYSTEM, f"{what}: Box gave an answer that its SDK does not understand ({type(error).__name__})."
        ) from None


def no_folder(folder_id: BoxId) -> ConfigurationError:
    """The error for a folder that the configuration names and Box does not show us."""
    return ConfigurationError(
        f"Box folder {folder_id} does not exist or our Box app is not invited to it; check box.folders in the site "
        "configuration (or FERRERO_BOX_FOLDER_…) and the folder's collaborators."
    )


def code_of(error: BoxAPIError) -> str:
    """What Box calls the error; empty where it does not say."""
    return word(error.response_info.code)


def _reason(error: Exception) -> str:
    """The kind of error; of TLS in words, which the SDK has wrapped in an error of its own."""
    inner = error.error if isinstance(error, BoxSDKError) and error.error else error
    return tls_reason(inner) if isinstance(inner, requests.exceptions.SSLError) else type(inner).__name__


def _error(what: str, error: BoxAPIError) -> FerreroError:
    info, code = error.response_info, code_of(error)
    detail = str(one_line(f"{info.status_code} {code}".strip() + f", request {word(info.request_id) or 'unknown'}"))
    if is_busy(info.status_code):
        return _busy(what, error)
    if info.status_code == requests.codes.unauthorized:
        return AccessRefused(SYSTEM, f"{what}: Box does not accept our log-in any more ({detail}).")
    if code == "file_size_limit_exceeded":
        return FileRefused(f"{what}: it is larger than Box takes ({detail}).", code=f"Box {code}")
    if code == "storage_limit_exceeded":
        return AccountFull(SYSTEM, f"{what}: our Box account is full ({detail}); free or buy storage.")
    if info.status_code == requests.codes.forbidden:
        return _forbidden(what, detail, error)
    if code == "bad_digest":
        return IntegrityError(f"{what}: bytes were damaged on the way.", code="checksum mismatch")
    if code in _PASSING_CODES:
        return TransientError(f"{what}: Box is still busy with it ({detail}).", code=f"Box {code}")
    return PermanentError(f"{what}: Box answered {detail}.", code=f"Box {code or info.status_code}")


def _forbidden(what: str, detail: str, error: BoxAPIError) -> FerreroError:
    if not _FILE_PATH.search(error.request_info.url):
        return AccessRefused(SYSTEM, f"{what}: our Box app lacks the right to ({detail}); check its scopes and roles.")
    return ForbiddenInBox(
        f"{what}: Box refuses us this file ({detail}); unlock it there, or give our Box app the right to it.",
        code=f"Box {code_of(error) or error.response_info.status_code}",
    )


def _busy(what: str, error: BoxAPIError) -> SystemUnavailable:
    info = error.response_info
    reason = "asks us to slow down" if info.status_code == requests.codes.too_many_requests else "is unavailable"
    return SystemUnavailable(
        SYSTEM, f"{what}: Box {reason} ({info.status_code}).", retry_after_s=retry_after_s(info.headers or {})
    )


def conflicting_item(error: BoxAPIError, what: str) -> Item:
    """The item that has the name already.

    Raises:
        UnexpectedAnswer: Box does not say which.
    """
    return conflict(error.response_info.context_info, what)
