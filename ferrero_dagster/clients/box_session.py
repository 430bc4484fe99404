"""Opens the official Box SDK with our log-in, time limits and retries, and translates its errors.

Contract box.md sections 1-3 and its traps 4-10: the SDK's own retries follow any `Retry-After` without limit, raise
`ValueError` for one that is a date, and let several errors of other classes escape.
"""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from box_sdk_gen import (
    BaseUrls,
    BoxAPIError,
    BoxClient,
    BoxJWTAuth,
    BoxNetworkClient,
    BoxSDKError,
    FetchOptions,
    FetchResponse,
    JWTConfig,
    NetworkSession,
    RetryStrategy,
    TimeoutConfig,
)
from requests.adapters import HTTPAdapter

from ferrero_dagster.clients.http import BUSY_STATUSES, HttpLimits
from ferrero_dagster.domain.errors import (
    AccessRefused,
    ConfigurationError,
    FerreroError,
    FileRefused,
    PermanentError,
    SystemUnavailable,
    TransientError,
)

SYSTEM = "Box"
_POOL_SIZE = 32
#: The connect timeout of the SDK also bounds every blocked write of a body (contract section 9).
_CONNECT_TIMEOUT_S = 60
#: What the SDK lets escape for answers that it did not expect (contract section 1).
_SDK_SURPRISES = (ValueError, TypeError, AttributeError, AssertionError, KeyError)
_NEEDED_KEYS = ("clientID", "clientSecret", "publicKeyID", "privateKey", "passphrase")


class CappedRetries(RetryStrategy):
    """The SDK's rules for what to retry, with pauses that are jittered and never longer than a minute."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits

    def should_retry(self, fetch_options: FetchOptions, fetch_response: FetchResponse, attempt_number: int) -> bool:
        """Whether the SDK sends the request again; also renews a refused token."""
        if attempt_number >= self._limits.attempts:
            return False
        if fetch_response.status == requests.codes.unauthorized and fetch_options.auth:
            fetch_options.auth.refresh_token(network_session=fetch_options.network_session)
            return True
        pause = _retry_after_s(fetch_response)
        if pause is not None and pause > self._limits.retry_for_s:
            return False
        is_not_ready = fetch_response.status == requests.codes.accepted and pause is not None
        return is_not_ready or fetch_response.status == 0 or fetch_response.status in BUSY_STATUSES

    def retry_after(self, fetch_options: FetchOptions, fetch_response: FetchResponse, attempt_number: int) -> float:  # noqa: ARG002  # the SDK's signature
        """Seconds to wait before the next attempt."""
        if fetch_response.status == requests.codes.unauthorized:
            return 0
        asked = _retry_after_s(fetch_response)
        return asked if asked is not None else random.uniform(0.2, 1) * min(20, 0.5 * 2**attempt_number)  # noqa: S311


def _retry_after_s(response: FetchResponse) -> float | None:
    value = next((v for k, v in response.headers.items() if k.lower() == "retry-after"), None)
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return 5.0


def read_box_config(path: Path) -> JWTConfig:
    """The JWT configuration that Box's developer console made.

    Raises:
        ConfigurationError: the file is missing or not of that kind; one sentence, without its contents.
    """
    place = f"Box configuration {path} (FERRERO_BOX_CONFIG)"
    try:
        text = path.read_text(encoding="utf-8")
        settings = json.loads(text)
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
    return JWTConfig.from_config_json_string(text)


def open_box_client(
    config: JWTConfig,
    *,
    base_urls: BaseUrls,
    limits: HttpLimits,
    http_session: requests.Session | None = None,
) -> BoxClient:
    """A logged-in client to share between the threads of one process.

    Raises:
        FerreroError: Box refuses the log-in or cannot be reached.
    """
    http = http_session or requests.Session()
    for scheme in ("https://", "http://") if http_session is None else ():
        http.mount(scheme, HTTPAdapter(pool_maxsize=_POOL_SIZE))
    network = NetworkSession(
        base_urls=base_urls,
        network_client=BoxNetworkClient(http),
        retry_strategy=CappedRetries(limits),
        timeout_config=TimeoutConfig(
            connection_timeout_ms=_CONNECT_TIMEOUT_S * 1000, read_timeout_ms=int(limits.read_timeout_s * 1000)
        ),
    )
    client = BoxClient(auth=BoxJWTAuth(config), network_session=network)
    with login_errors():
        # One token before threads start, or each would fetch its own (contract section 3).
        client.auth.retrieve_token(network_session=client.network_session)
    return client


@contextmanager
def login_errors() -> Iterator[None]:
    """Translate what fails while logging in; the SDK's texts may hold the signed assertion and are left out."""
    try:
        yield
    except BoxAPIError as error:
        if error.response_info.status_code in BUSY_STATUSES:
            raise _busy("Logging in", error) from None
        body = error.response_info.body
        reason = str(body.get("error_description") or body.get("error") or "") if isinstance(body, dict) else ""
        raise AccessRefused(
            SYSTEM,
            f"Box refused our log-in ({error.response_info.status_code}{': ' + reason[:200] if reason else ''}); check "
            "that the app is authorised in the Box admin console, and this machine's clock.",
        ) from None
    except (BoxSDKError, requests.RequestException):
        raise SystemUnavailable(SYSTEM, "Logging in: Box cannot be reached.") from None
    except ValueError:
        raise ConfigurationError(
            "The private key in the Box configuration does not open with its passphrase."
        ) from None


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
        raise SystemUnavailable(SYSTEM, f"{what}: the connection to Box failed ({type(error).__name__}).") from None
    except _SDK_SURPRISES as error:
        raise TransientError(
            f"{what}: Box gave an answer that its SDK does not understand ({type(error).__name__}).",
            code="Box unexpected answer",
        ) from None


def _error(what: str, error: BoxAPIError) -> FerreroError:
    info = error.response_info
    detail = f"{info.status_code} {info.code or ''}".strip() + f", request {info.request_id or 'unknown'}"
    if info.status_code in BUSY_STATUSES:
        return _busy(what, error)
    if info.status_code == requests.codes.unauthorized:
        return AccessRefused(SYSTEM, f"{what}: Box does not accept our log-in any more ({detail}).")
    if info.code in {"file_size_limit_exceeded", "storage_limit_exceeded"}:
        return FileRefused(f"{what}: Box has no room for it ({detail}).", code=f"Box {info.code}")
    return PermanentError(f"{what}: Box answered {detail}.", code=f"Box {info.code or info.status_code}")


def _busy(what: str, error: BoxAPIError) -> SystemUnavailable:
    info = error.response_info
    reason = "asks us to slow down" if info.status_code == requests.codes.too_many_requests else "is out of order"
    headers = {k.lower(): v for k, v in (info.headers or {}).items()}
    wait = headers.get("retry-after", "")
    return SystemUnavailable(
        SYSTEM, f"{what}: Box {reason} ({info.status_code}).", retry_after_s=float(wait) if wait.isdigit() else None
    )


def conflicting_item(error: BoxAPIError) -> dict[str, Any]:
    """The item that has the name already; Box sends it as an object for files and as a list for folders."""
    conflicts = (error.response_info.context_info or {}).get("conflicts") or {}
    item = conflicts[0] if isinstance(conflicts, list) else conflicts
    return item if isinstance(item, dict) else {}
