"""What happened to a file, in words: from the changes of its rows (`tracking.file_events`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.domain.words import counted

Changed = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class CustodyEvent:
    """One thing that happened, at its time: in a word or two, and the rest of what is known of it."""

    at: datetime
    what: str
    details: str = ""
    #: The person who did it, if one did; else a run or a sensor of ours.
    done_by: str | None = None


def transfer_events(changed: Changed) -> Iterator[tuple[str, str]]:
    """What a change of a row of `transfers` says, as what and details."""
    state, before = changed.get("state"), changed.get("state_before")
    if state and before is None:
        yield "claimed", _claimed(changed)
    elif state == "moved":
        yield "arrived and proven", _arrived(changed)
    elif turn := _TURNS.get((str(before), str(state))):
        yield turn, changed.get("last_error") or ""
    yield from _on_the_way(changed, is_first=bool(state) and before is None)


_TURNS = {
    ("moved", "pending"): "to be moved again",
    ("set_aside", "pending"): "released",
    ("withdrawn", "pending"): "there again",
    ("pending", "set_aside"): "set aside",
    ("pending", "withdrawn"): "withdrawn",
    ("set_aside", "withdrawn"): "withdrawn",
}


def _on_the_way(changed: Changed, *, is_first: bool) -> Iterator[tuple[str, str]]:
    if changed.get("import_began_at"):
        yield "import began", ""
    if changed.get("job_id"):
        yield "import job", str(changed["job_id"])
    if "source_version" in changed and not is_first:
        yield "to be imported again", ""
    if "source_name" in changed and not is_first:
        yield "renamed", str(changed["source_name"])
    if changed.get("last_error") and "state" not in changed:
        code = changed.get("last_error_code") or "as before"
        what = "failed" if "attempts" in changed else "not yet"
        yield what, f"{changed['last_error']} ({code})"
    if changed.get("deleted_at"):
        yield "deleted in Box", ""


def _claimed(changed: Changed) -> str:
    version = f", version {changed['source_version']}" if changed.get("source_version") else ""
    return (
        f"{changed.get('source_name')} ({changed.get('source_id')}{version}) is to be moved on {changed.get('route')} "
        f"as {changed.get('tracking_id')}"
    )


def _arrived(changed: Changed) -> str:
    size = changed.get("size_bytes")
    parts = [f"as {changed.get('target_name') or changed.get('source_name')} ({changed.get('target_id')})"]
    parts += [counted(size, "byte")] if isinstance(size, int) else []
    parts += [f"{label} {changed[key]}" for key, label in _HASHES.items() if changed.get(key)]
    parts += [_SOURCE_HASH[changed["source_hash"]]] if changed.get("source_hash") in _SOURCE_HASH else []
    parts += ["it was there already"] if changed.get("adopted") else []
    parts += [f"run {changed['run_id']}"] if changed.get("run_id") else []
    return ", ".join(parts)


_HASHES = {"sha1_hex": "SHA-1", "md5_hex": "MD5"}
_SOURCE_HASH = {
    "given": "as the source gave it",
    "computed": "computed on the way, as the source gave none",
}


def agency_file_events(changed: Changed) -> Iterator[tuple[str, str]]:
    """What a change of a row of `agency_files` says, as what and details."""
    state, reason = changed.get("state"), changed.get("reason")
    name = f"{changed['name']} ({changed.get('file_id')}, version {changed.get('etag')})" if "name" in changed else ""
    if state and changed.get("state_before") is None:
        yield "seen in the agency's folder", name
    if state in _SEEN and (state != "ready" or changed.get("state_before")):
        yield _SEEN[state], reason or ""
    elif reason and state is None:
        yield "still refused", reason


_SEEN = {"ready": "ready to be moved", "refused": "refused", "gone": "left the agency's folder"}
