"""Box's stream of events: what changed in the files that our account sees, since a position (contract box.md 10).

Box says each thing at least once, in no order, and only what our account may see; who relies on it lists the folder
from time to time all the same. The SDK's own reader of the stream ends silently at the first error.
"""

import time
from collections.abc import Iterator

import requests
from box_sdk_gen import BoxAPIError, BoxClient, FetchOptions

from ferrero_dagster.clients import box_answers as answers
from ferrero_dagster.clients.box_announcements import Announcements
from ferrero_dagster.clients.box_session import box_errors, learned_of
from ferrero_dagster.domain.box_events import BoxEvent
from ferrero_dagster.domain.errors import UnexpectedAnswer

_WHAT = "Asking Box what changed"
#: The most that one call gives; more pages than these are told by a listing sooner.
_LIMIT, _MAX_PAGES = 500, 10
#: A Box that does not tell us events: no right to them, no such call, or none from this position.
_REFUSALS = frozenset(
    {
        requests.codes.bad_request,
        requests.codes.forbidden,
        requests.codes.not_found,
        requests.codes.method_not_allowed,
    }
)
_ASK_AGAIN_S = 3600
_REFUSED_AT = "events refused at"


def position_now(client: BoxClient) -> str | None:
    """The end of the stream; None where Box tells us no events, of which it is asked once an hour."""
    learned = learned_of(client)
    if time.monotonic() - learned.get(_REFUSED_AT, -_ASK_AGAIN_S) < _ASK_AGAIN_S:
        return None
    page = _page(client, "now")
    if page is None:
        learned[_REFUSED_AT] = time.monotonic()
        return None
    return page[1]


def pages_after(client: BoxClient, position: str, *, listens: bool) -> Iterator[tuple[list[BoxEvent], str] | None]:
    """What happened since the position, page by page, each with the position after it, until nothing is left.

    None instead of a page where Box does not tell, or where there is more than is worth reading. Who `listens` does not
    ask where Box would have announced it.
    """
    announcements = announcements_of(client)
    if listens and announcements.are_none_since(position):
        yield [], position
        return
    if listens:
        announcements.listen(client)
    for _ in range(_MAX_PAGES):
        asked_at = time.monotonic()
        page = _page(client, position)
        if page is not None:
            announcements.told(position, has_events=bool(page[0]), asked_at=asked_at)
        yield page
        if page is None or not page[0] or page[1] == position:
            return
        position = page[1]
    yield None


def announcements_of(client: BoxClient) -> Announcements:
    """What is announced to the account of the client."""
    kept: Announcements = learned_of(client).setdefault("announcements", Announcements())
    return kept


def _page(client: BoxClient, position: str) -> tuple[list[BoxEvent], str] | None:
    params = {"stream_type": "changes", "stream_position": position, "limit": str(_LIMIT)}
    url = f"{client.network_session.base_urls.base_url}/2.0/events"
    with box_errors(_WHAT):
        try:
            answer = client.make_request(FetchOptions(url, "GET", params=params))
        except BoxAPIError as error:
            if error.response_info.status_code not in _REFUSALS:
                raise
            return None
    try:
        return answers.events(answer.data if isinstance(answer.data, dict) else {}, _WHAT)
    except UnexpectedAnswer:
        return None
