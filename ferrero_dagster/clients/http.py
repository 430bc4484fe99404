"""Requests over HTTP that know when to try again: the one place where seconds are waited (ARCHITECTURE, retries).

429, 5xx and lost connections of safe requests are repeated with growing, jittered pauses; a `Retry-After` is honoured
by all threads that share the `Pace`, and one longer than we are willing to wait becomes `SystemUnavailable`.
"""

import email.utils
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, TypeVar

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from ferrero_dagster.clients.in_time import in_time
from ferrero_dagster.clients.limiter import Limiter
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import (
    FerreroError,
    NotReady,
    OutOfTime,
    SystemUnavailable,
    UnexpectedAnswer,
)
from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.domain.sound_json import sound_value

T = TypeVar("T")

_SHORTEST_TIMEOUT_S = 0.01
_LONGEST_NUMBER = 19
#: What asks for bytes as they are: requests would ask for packed ones.
IDENTITY = {"Accept-Encoding": "identity"}
_FIRST_SERVER_ERROR = 500
#: What OpenSSL makes of an answer that is none of TLS, in its versions.
_NO_TLS = ("wrong version number", "wrong_version_number", "record layer failure", "unknown protocol")
_LATER_STATUSES = frozenset({408, 425, 429})
_SLOWER_STATUSES = frozenset({429, 503})


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpLimits:
    """How long we wait for an outside system."""

    connect_timeout_s: float = 10
    read_timeout_s: float = 60
    #: All attempts at one request together.
    retry_for_s: float = 60
    attempts: int = 5
    #: The longest pause after the first attempt; it doubles from attempt to attempt.
    first_pause_s: float = 0.5
    #: A transfer slower than this, after `read_timeout_s`, is given up.
    min_bytes_per_s: float = 10_000
    #: What must not be sent twice goes out on a connection that was used so recently, or on a new one.
    kept_s: float = 1
    #: When all of it ends, pauses and retries too.
    deadline: Deadline = NEVER

    @property
    def timeout(self) -> tuple[float, float]:
        """Connect and read timeout as requests takes them."""
        return self.at_most(self.connect_timeout_s), self.at_most(self.read_timeout_s)

    def at_most(self, timeout_s: float) -> float:
        """The timeout, or what is left until the deadline; never 0, which would be no timeout at all."""
        return min(timeout_s, max(self.deadline.left_s, _SHORTEST_TIMEOUT_S))


#: For whom somebody waits.
IMPATIENT = HttpLimits(connect_timeout_s=5, read_timeout_s=20, retry_for_s=15, attempts=3)


def limits_within(deadline: Deadline) -> HttpLimits:
    """For a tick: one answer may take two thirds of what is left, so that a hanging one is told from a slow system."""
    third_s = max(deadline.left_s / 3, _SHORTEST_TIMEOUT_S)
    return replace(
        IMPATIENT, read_timeout_s=2 * third_s, retry_for_s=min(IMPATIENT.retry_for_s, third_s), deadline=deadline
    )


@dataclass(slots=True)
class Tempo:
    """How quickly a system answers; answers that never came are not counted."""

    asked: int = 0
    answers: int = 0
    seconds: float = 0
    #: How often it has asked us to slow down.
    pushbacks: int = 0

    def heard(self, status: int) -> None:
        """It has answered with this status."""
        self.pushbacks += status in _SLOWER_STATUSES

    @property
    def mean_s(self) -> float:
        """Seconds for one answer, 0 before the first."""
        return self.seconds / max(1, self.answers)

    @contextmanager
    def answer(self) -> Iterator[None]:
        """Time one answer."""
        began = time.monotonic()
        self.asked += 1
        yield
        self.answers += 1
        self.seconds += time.monotonic() - began


def retried(work: Callable[[], T], limits: HttpLimits, limiter: Limiter) -> T:
    """Run a safe request until it succeeds, fails for good, or the patience of `limits` ends.

    Raises:
        FerreroError: the last attempt's error.
    """

    def attempt() -> T:
        limiter.wait(limits.deadline)
        return work()

    def pause_s(state: RetryCallState) -> float:
        asked_s = _asked_s(state)
        return wait_random_exponential(multiplier=limits.first_pause_s, max=20)(state) if asked_s is None else asked_s

    attempts = Retrying(
        retry=retry_if_exception(_is_worth_another_try),
        stop=stop_after_attempt(limits.attempts) | stop_before_delay(min(limits.retry_for_s, limits.deadline.left_s)),
        wait=pause_s,
        before_sleep=lambda state: limiter.hold(_held_s(state)),
        reraise=True,
    )
    return attempts(attempt)


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, FerreroError) and error.retry and not isinstance(error, OutOfTime)


def _asked_s(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, SystemUnavailable | NotReady) else None


def _held_s(state: RetryCallState) -> float:
    """How long all others shall wait, too; one file that is not ready is nobody else's concern."""
    error = state.outcome.exception() if state.outcome else None
    return (error.retry_after_s or 0) if isinstance(error, SystemUnavailable) else 0


def is_busy(status: int) -> bool:
    """Whether a system answers that it cannot serve now, whoever asks."""
    return status >= _FIRST_SERVER_ERROR or status in _LATER_STATUSES


@contextmanager
def lost_connections(system: str, what: str, deadline: Deadline = NEVER) -> Iterator[None]:
    """Translate what requests and urllib3 raise when the network fails; addresses may hold secrets and are left out.

    Raises:
        OutOfTime: as `in_time`.
    """
    with in_time(system, what, deadline), _lost_connections(system, what):
        yield


@contextmanager
def _lost_connections(system: str, what: str) -> Iterator[None]:
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise SystemUnavailable(
            system, f"{what}: the TLS connection to {system} failed ({tls_reason(error)})."
        ) from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        raise SystemUnavailable(system, f"{what}: {system} did not answer in time.") from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise SystemUnavailable(system, f"{what}: the connection to {system} failed ({_root_name(error)}).") from None
    except (ValueError, LookupError, OverflowError):
        # What requests lets escape for headers that are none, as an address to go on to that is no text.
        raise UnexpectedAnswer(system, f"{what}: {system} answered with headers that cannot be read.") from None


def _root_name(error: Exception) -> str:
    """The kind of error that requests and urllib3 have wrapped, such as `NameResolutionError`."""
    inner = error.args[0] if error.args else None
    return type(getattr(inner, "reason", None) or (inner if isinstance(inner, Exception) else error)).__name__


def tls_reason(error: BaseException) -> str:
    """Why there is no TLS connection, in a few words; `handshake` where nothing more is known."""
    text = str(error).lower()
    if any(sign in text for sign in _NO_TLS):
        return "it speaks no TLS there, as a port for plain http:// does not"
    for sign in ("certificate required", "certificate verify failed", "unknown ca", "hostname", "expired"):
        if sign in text:
            return sign
    return "handshake"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The pause that the server asks for, from seconds or a date; None where it asks for none or for nonsense."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def body_bytes(headers: Mapping[str, str]) -> int:
    """How long the body is, as the headers say; 0 where they do not."""
    length = headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < _LONGEST_NUMBER else 0


def _seconds_until(date: str) -> float:
    try:
        moment = email.utils.parsedate_tz(date)
        return email.utils.mktime_tz(moment) - datetime.now(timezone.utc).timestamp() if moment else math.nan
    except (ValueError, OverflowError, TypeError, IndexError):  # a day that no calendar has
        return math.nan


def clock_skew_s(headers: Mapping[str, str]) -> float | None:
    """How far the server's clock is ahead of ours, by the `Date` of an answer that has just come; None without one."""
    try:
        date = email.utils.parsedate_to_datetime(headers.get("Date", ""))
        return (date - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def json_of(system: str, what: str, response: requests.Response) -> dict[str, Any]:
    """The JSON object in the answer, made sound.

    Raises:
        UnexpectedAnswer: it is something else, such as the login or error page of a proxy.
    """
    body = sound_json(response)
    if not isinstance(body, dict):
        kind = one_line(response.headers.get("Content-Type", "")) or "no content type"
        raise UnexpectedAnswer(system, f"{what}: {system} answered {response.status_code} with {kind}, expected JSON.")
    return body


def sound_json(response: requests.Response) -> Any:
    """What the answer holds as JSON, None where it is none."""
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        return sound_value(response.content, response.encoding)
    except (ValueError, requests.RequestException):
        return None


def without_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """As `auth` of a request: what a .netrc has for the host must not go with it."""
    return request
