"""What kind of call a request to Box is: for its limits, and for the count of a month (contract box.md, limits)."""

import re
from collections.abc import Mapping

from ferrero_dagster.clients.limiter import CALLS, UPLOADS
from ferrero_dagster.clients.repeats import DIGEST

#: Content sent at once, and the session for content in parts: one for each file. With `PART` where a site says so.
UPLOAD, PART = UPLOADS, "parts of uploads"
#: By method and the end of the path; the first that fits counts.
_KINDS = tuple(
    (method, re.compile(f"{path}$"), kind)
    for method, path, kind in (
        ("POST", "/oauth2/token", "log-ins"),
        ("POST", r"/files/(\d+/)?content", UPLOAD),
        ("POST", r"/files/(\d+/)?upload_sessions", UPLOAD),
        ("GET", r"/files/\d+/content", "downloads"),
        ("GET", r"/folders/\d+/items", "listings"),
        ("GET", r"/events", "events"),
        ("OPTIONS", r"/events", "events"),
        ("GET", r"/metadata/\w+/\w+", "metadata"),
        ("GET", r"/files/\d+", "looks at a file"),
    )
)


def kind_of(method: str, path: str, headers: Mapping[str, str]) -> str:
    """In the words of the report."""
    if any(name.lower() == DIGEST for name in headers):
        return PART
    return next((kind for of, end, kind in _KINDS if of == method and end.search(path)), "other calls")


def limited_as(kind: str, *, parts_are_uploads: bool) -> tuple[str, ...]:
    """The limits of `clients.limiter` that a call of this kind counts for; the scarcest first."""
    is_upload = kind == UPLOAD or (parts_are_uploads and kind == PART)
    return (UPLOADS, CALLS) if is_upload else (CALLS,)
