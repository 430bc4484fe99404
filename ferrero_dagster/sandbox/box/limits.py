"""Box's limits per minute and user, where `BoxSettings` switches them on: what is too much is answered 429."""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ferrero_dagster.sandbox.box.errors import BoxError
from ferrero_dagster.sandbox.box.settings import BoxSettings

#: As whom the service account asks, in the headers of a request; without it, as itself.
AS_USER = "as-user"


class MinuteLimits:
    """Counts what each user was allowed; requests that were refused do not count."""

    def __init__(self, settings: BoxSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._allowed: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def pause_s(self, user: str, *, is_upload: bool) -> float:
        """0 where the user may ask now, and is then counted; else the seconds until it may."""
        each = {"call": self._settings.calls_per_minute, "upload": self._settings.uploads_per_minute * is_upload}
        limits, now = {kind: limit for kind, limit in each.items() if limit}, self._clock()
        with self._lock:
            pause_s = max((self._left_s((user, kind), limit, now) for kind, limit in limits.items()), default=0.0)
            for kind in limits if not pause_s else ():
                self._allowed[user, kind].append(now)
        return pause_s

    def _left_s(self, who: tuple[str, str], limit: int, now: float) -> float:
        minute_s, allowed = self._settings.minute_s, self._allowed[who]

        def left_s(asked_at: float) -> float:
            # A fixed minute forgets all at once what a sliding one forgets bit by bit.
            begins = asked_at // minute_s * minute_s if self._settings.minute == "fixed" else asked_at
            return begins + minute_s - now

        while allowed and left_s(allowed[0]) <= 0:
            allowed.popleft()
        return left_s(allowed[0]) if len(allowed) >= limit else 0


class Limited:
    """Answers 429 with `Retry-After`, as Box does, to a user that has asked too often."""

    def __init__(self, app: ASGIApp, limits: MinuteLimits, settings: BoxSettings) -> None:
        self._app = app
        self._limits = limits
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope)
        is_upload = _is_upload(request.method, request.url.path, request.headers, self._settings)
        if not (pause_s := self._limits.pause_s(request.headers.get(AS_USER, ""), is_upload=is_upload)):
            await self._app(scope, receive, send)
            return
        answer = BoxError(429, "rate_limit_exceeded", "Request rate limit exceeded, please try again later").answer()
        answer.headers["Retry-After"] = str(math.ceil(pause_s))
        await answer(scope, receive, send)


def _is_upload(method: str, path: str, headers: Mapping[str, str], settings: BoxSettings) -> bool:
    """Whether it counts among the uploads: content sent at once, an upload session and, where set so, its parts."""
    is_part = method == "PUT" and "digest" in headers
    return (method == "POST" and path.endswith(("/content", "/upload_sessions"))) or (
        is_part and settings.parts_are_uploads
    )
