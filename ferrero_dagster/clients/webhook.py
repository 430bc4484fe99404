"""Tells Make.com; the address is a secret and appears in no message."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from ferrero_dagster.clients.http import HttpLimits, is_busy, lost_connections, retry_after_s
from ferrero_dagster.clients.in_time import Connections
from ferrero_dagster.domain.errors import PermanentError, SystemUnavailable, TransientError
from ferrero_dagster.domain.lines import one_line

SYSTEM = "Make.com"
LIMITS = HttpLimits(connect_timeout_s=10, read_timeout_s=30)
_SUCCESS = 2  # as in 200 to 299
#: What is about this message alone, and stays so: too large, of the wrong kind, of the wrong content.
_ABOUT_THE_MESSAGE = frozenset({413, 415, 422})
_MAX_WORDS_BYTES = 1000
_MAX_WORDS_LENGTH = 200
#: Shorter parts of the address, such as `hook`, are words that anybody may say.
_MIN_SECRET_LENGTH = 6
_TAG = re.compile(r"<[^<>]*>")


def post(url: str, body: dict[str, Any], *, message_id: str, limits: HttpLimits = LIMITS) -> None:
    """Post the body once; the receiver can tell repetitions by the header `Idempotency-Key`.

    Raises:
        SystemUnavailable: it cannot be reached or asks for another try later.
        TransientError: it does not take the message as things are: no scenario listens (410), its queue is full (400),
            the address is wrong or moved. A person may mend that.
        PermanentError: it refuses this message.
    """
    # Plain, so that no few bytes unfold to many.
    headers = {"Idempotency-Key": message_id, "Accept-Encoding": "identity"}
    with (
        lost_connections(SYSTEM, "Posting the webhook"),
        _session(limits) as session,
        session.post(
            url, json=body, headers=headers, timeout=limits.timeout, allow_redirects=False, stream=True
        ) as response,
    ):
        status = response.status_code
        if status // 100 == _SUCCESS:
            return
        words = _words(response, url)
    if is_busy(status):
        raise SystemUnavailable(
            SYSTEM, f"Make.com is unavailable ({status}){words}.", retry_after_s=retry_after_s(response.headers)
        )
    message = f"Make.com refuses the webhook ({status}){words}."
    if status in _ABOUT_THE_MESSAGE:
        raise PermanentError(message, code="webhook refused")
    raise TransientError(message, code=f"webhook refused: {status}")


@contextmanager
def _session(limits: HttpLimits) -> Iterator[requests.Session]:
    with closing(Connections(limits.deadline)) as connections, requests.Session() as session:
        for adapter in session.adapters.values():
            connections.watch(adapter)
        yield session


def _words(response: requests.Response, url: str) -> str:
    """What the receiver says of it, after a colon; its answer may be of any size, kind and slowness."""
    try:
        said = response.raw.read1(_MAX_WORDS_BYTES).decode(errors="replace")
    except (OSError, urllib3.exceptions.HTTPError):
        return ""
    shown = str(one_line(_TAG.sub(" ", _without_address(said, url)))).strip().rstrip(".")
    return f": {shown[:_MAX_WORDS_LENGTH]}" if shown else ""


def _without_address(text: str, url: str) -> str:
    """The text without what only those may know who may post."""
    parts = urlsplit(url)
    secrets = {url, parts.path, *re.split("[/&=]", f"{parts.path}&{parts.query}"), parts.username, parts.password}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text if len(secret) < _MIN_SECRET_LENGTH else text.replace(secret, "…").replace(unquote(secret), "…")
    return text
