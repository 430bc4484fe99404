"""Tells Make.com; the address is a secret and appears in no message."""

from typing import Any

import requests

from ferrero_dagster.clients.http import HttpLimits, is_busy, lost_connections, retry_after_s
from ferrero_dagster.domain.errors import PermanentError, SystemUnavailable

SYSTEM = "Make.com"
_LIMITS = HttpLimits(connect_timeout_s=10, read_timeout_s=30)
_SUCCESS = 2  # as in 200 to 299


def post(url: str, body: dict[str, Any], *, message_id: str, limits: HttpLimits = _LIMITS) -> None:
    """Post the body once; the receiver can tell repetitions by the header `Idempotency-Key`.

    Raises:
        SystemUnavailable: it cannot be reached or asks for another try later.
        PermanentError: it refuses this message.
    """
    headers = {"Idempotency-Key": message_id}
    with (
        lost_connections(SYSTEM, "Posting the webhook"),
        # The answer's body is never read: it may be of any size.
        requests.post(
            url, json=body, headers=headers, timeout=limits.timeout, allow_redirects=False, stream=True
        ) as response,
    ):
        status = response.status_code
    if is_busy(status):
        pause_s = retry_after_s(response.headers)
        raise SystemUnavailable(SYSTEM, f"Make.com is unavailable ({status}).", retry_after_s=pause_s)
    if status // 100 != _SUCCESS:
        raise PermanentError(f"Make.com refuses the webhook ({status}).", code="webhook refused")
