"""Tells Make.com; the address is a secret and appears in no message."""

from typing import Any

import requests

from ferrero_dagster.clients.http import HttpLimits, lost_connections, retry_after_s
from ferrero_dagster.domain.errors import PermanentError, SystemUnavailable

SYSTEM = "Make.com"
_LIMITS = HttpLimits(connect_timeout_s=10, read_timeout_s=30)
#: Answers that another try of the same request may change.
_LATER = frozenset({408, 425, 429})


def post(url: str, body: dict[str, Any], *, message_id: str) -> None:
    """Post the body once; the receiver can tell repetitions by the header `Idempotency-Key`.

    Raises:
        SystemUnavailable: it cannot be reached or asks for another try later.
        PermanentError: it refuses this message.
    """
    with lost_connections(SYSTEM, "Posting the webhook"):
        response = requests.post(
            url, json=body, headers={"Idempotency-Key": message_id}, timeout=_LIMITS.timeout, allow_redirects=False
        )
    if response.status_code >= requests.codes.internal_server_error or response.status_code in _LATER:
        raise SystemUnavailable(
            SYSTEM, f"Make.com is out of order ({response.status_code}).", retry_after_s=retry_after_s(response)
        )
    if not response.ok or response.is_redirect:
        raise PermanentError(f"Make.com refuses the webhook ({response.status_code}).", code="webhook refused")
