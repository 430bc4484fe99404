"""Reads what Box answers into values of ours: the one place that knows its keys (contract box.md 4-8).

The SDK's own objects hold whatever Box sent, of whatever type; what is read here is its JSON.
"""

import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ferrero_dagster.clients.answers import Item, id_in, items_in, object_in, shown, sorted_items_in
from ferrero_dagster.domain.box_events import BoxEvent
from ferrero_dagster.domain.errors import SpoiledItem, UnexpectedAnswer
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import ListedFile

SYSTEM = "Box"
#: Box dictates 8 to 67 MB; what is beyond would not fit into memory.
_LARGEST_PART_BYTES = 1 << 29
#: Of a long poll, as Box's reference shows them, and the most that is believed.
_USUAL_RETRIES, _MOST_RETRIES = 10, 1000
_USUAL_POLL_S, _LONGEST_POLL_S = 610, 3600

Answer = dict[str, Any]


def page(body: Answer, what: str) -> tuple[list[Item], str]:
    """The entries in one page of a folder, and the marker of the next page, empty on the last.

    What is no object comes as one that has no more than a name, as which it is told.

    Raises:
        UnexpectedAnswer: it is no listing; it is never taken for an empty folder.
    """
    answer = Item(SYSTEM, what, body)
    if not isinstance(answer.fields.get("entries"), list | dict):
        raise UnexpectedAnswer(SYSTEM, f"{what}: the answer is no listing.")
    entries = answer.fields.get("entries")
    listed = entries if isinstance(entries, list) else [entries]
    items = [Item(SYSTEM, what, one if isinstance(one, dict) else {"name": shown(one)}) for one in listed]
    return items, answer.text("next_marker")


def events(body: Answer, what: str) -> tuple[list[BoxEvent], str]:
    """The events in one page of the stream, and the position after it.

    Raises:
        UnexpectedAnswer: it is no such page.
    """
    entries, position = body.get("entries"), id_in(body.get("next_stream_position"))
    if not isinstance(entries, list) or position is None:
        raise UnexpectedAnswer(SYSTEM, f"{what}: the answer is no page of events.")
    return [_event(one.get("source") if isinstance(one, dict) else None) for one in entries], position


def _event(source: object) -> BoxEvent:
    """What an event is about; one that cannot be read is about anything."""
    if not isinstance(source, dict):
        return BoxEvent()
    id_ = id_in(source.get("id")) or id_in(source.get("item_id"))
    path, parent = source.get("path_collection"), source.get("parent")
    places = path.get("entries") if isinstance(path, dict) else None
    listed = places if isinstance(places, list) else []
    ids = [id_in(one.get("id")) for one in [*listed, parent] if isinstance(one, dict)]
    return BoxEvent(
        item_id=BoxId(id_) if id_ else None,
        is_file="file" in (source.get("type"), source.get("item_type")),
        folders=frozenset(BoxId(one) for one in ids if one),
        is_whole_path=bool(listed),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RealtimeServer:
    """Where Box announces changes."""

    url: str
    #: How often it may be asked, until Box is asked for another.
    max_retries: int
    #: How long it may take to answer.
    retry_timeout_s: int


def realtime_server(body: Answer, what: str, *, schemes: Collection[str]) -> RealtimeServer:
    """The first that has an address with one of the schemes.

    Raises:
        UnexpectedAnswer: there is none.
    """
    for entry in sorted_items_in(Item(SYSTEM, what, body), "entries")[0]:
        url = entry.fields.get("url")
        if isinstance(url, str) and _scheme(url) in schemes:
            return RealtimeServer(
                url=url,
                max_retries=_number(entry, "max_retries", _USUAL_RETRIES, at_most=_MOST_RETRIES),
                retry_timeout_s=_number(entry, "retry_timeout", _USUAL_POLL_S, at_most=_LONGEST_POLL_S),
            )
    raise UnexpectedAnswer(SYSTEM, f"{what}: the answer names no server with an address in {' or '.join(schemes)}.")


def _scheme(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme if parts.hostname else ""


def _number(entry: Item, key: str, usual: int, *, at_most: int) -> int:
    """A number from 1 to `at_most`; the usual one where Box says no such number."""
    try:
        number = entry.size(key) or 0
    except SpoiledItem:
        return usual
    return number if 1 <= number <= at_most else usual


def listed_file(entry: Item, template: str = "") -> ListedFile:
    """A file in a listing; one whose values cannot be read has a `problem`, under the name and id that it shows."""
    try:
        return ListedFile(
            id=BoxId(entry.identifier()),
            etag=entry.text("etag"),
            name=entry.text("name"),
            size_bytes=_size(entry),
            sha1_hex=entry.text("sha1"),
            template=instance_in(entry.fields.get("metadata"), template),
        )
    except SpoiledItem as error:
        return refused_entry(entry, str(error))


def _size(entry: Item) -> int:
    size_bytes = entry.size("size")
    if size_bytes is None:
        raise entry.spoiled("size", "a number of bytes")
    return size_bytes


def refused_entry(entry: Item, problem: str) -> ListedFile:
    """An entry of a listing that cannot become a final, as a file that is to be told of."""
    try:
        file_id = entry.identifier()
    except SpoiledItem:
        # Nobody can ask Box for it; what it shows tells it from others, so that it is told once.
        digest = hashlib.sha1(json.dumps(shown(dict(entry.fields))).encode(), usedforsecurity=False)
        file_id = f"without-id-{digest.hexdigest()[:12]}"
    etag = entry.fields.get("etag")
    return ListedFile(
        id=BoxId(file_id),
        etag=etag if isinstance(etag, str) else "",
        name=entry.label,
        size_bytes=0,
        sha1_hex="",
        problem=problem,
    )


def instance_in(scopes: object, template: str) -> dict[str, object] | None:
    """What a template says of a file, in a listing or of the file itself; None where it says nothing.

    Box answers under `enterprise` or `enterprise_<id>`.
    """
    found = [
        templates.get(template)
        for scope, templates in (scopes if isinstance(scopes, dict) else {}).items()
        if scope.startswith("enterprise") and isinstance(templates, dict)
    ]
    return next((instance(values) for values in found if isinstance(values, dict)), None)


def instance(values: Answer) -> dict[str, object]:
    """The values of a template: texts, numbers and lists of texts as they are, anything else as text."""
    return {key: _template_value(value) for key, value in values.items()}


def _template_value(value: object) -> object:
    if isinstance(value, list):
        return [one if isinstance(one, str) else shown(one) for one in value]
    is_plain = value is None or isinstance(value, str | bool | int)
    return value if is_plain or (isinstance(value, float) and math.isfinite(value)) else shown(value)


def place(body: Answer, what: str) -> tuple[str, tuple[tuple[BoxId, str], ...]]:
    """A file's etag and the folders that it lies in, outermost first: ids and names.

    Raises:
        UnexpectedAnswer: Box does not say.
    """
    file = Item(SYSTEM, what, body)
    found = folders(body, what)
    etag = file.text("etag")
    if not etag:
        raise UnexpectedAnswer(SYSTEM, f"{what}: Box does not say which version it is.")
    return etag, found


def folders(body: Answer, what: str) -> tuple[tuple[BoxId, str], ...]:
    """The folders that a file lies in, outermost first: ids and names.

    Raises:
        UnexpectedAnswer: Box does not say.
    """
    found = items_in(object_in(SYSTEM, what, body, "path_collection"), "entries")
    return tuple((BoxId(one.identifier()), one.text("name")) for one in found)


def listed_folder(entry: Item) -> ListedFile:
    """A folder whose files are not listed, the same one under any name; of 0 bytes also where Box says no size."""
    folder_id, name = folder(entry)
    try:
        size_bytes = entry.size("size") or 0
    except SpoiledItem:
        size_bytes = 0
    return ListedFile(id=folder_id, etag="folder", name=name, size_bytes=size_bytes, sha1_hex="", is_folder=True)


def folder(entry: Item) -> tuple[BoxId, str]:
    """A folder's id and name."""
    return BoxId(entry.identifier()), entry.text("name")


def stored_file(body: Answer, what: str) -> tuple[BoxId, str, str, str | None]:
    """Id, name, SHA-1 and etag, where told, of a file that was just uploaded, of the answer that lists it.

    Raises:
        UnexpectedAnswer: none is listed.
    """
    for file in items_in(Item(SYSTEM, what, body), "entries"):
        return BoxId(file.identifier()), file.text("name"), file.text("sha1").lower(), file.text("etag") or None
    raise UnexpectedAnswer(SYSTEM, f"{what}: Box's answer names no file.")


def part_bytes(body: Answer, what: str) -> int:
    """How large the parts of an upload session are to be."""
    session = Item(SYSTEM, what, body)
    size_bytes = session.size("part_size") or 0
    if not 0 < size_bytes <= _LARGEST_PART_BYTES:
        raise session.spoiled("part_size", f"1 to {_LARGEST_PART_BYTES} bytes")
    return size_bytes


def conflict(context: object, what: str) -> Item:
    """The item that has a name already; Box sends it as an object for files and as a list for folders.

    Raises:
        UnexpectedAnswer: Box does not say which.
    """
    for item in items_in(object_in(SYSTEM, what, {"context_info": context}, "context_info"), "conflicts"):
        return item
    raise UnexpectedAnswer(SYSTEM, f"{what}: Box says that a name is in use but not by what.")


def word(value: object) -> str:
    """A code or id in an error answer; empty where it is no text."""
    return value if isinstance(value, str) else ""
