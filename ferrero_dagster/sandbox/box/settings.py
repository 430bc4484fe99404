"""What can be set on the Box stand-in while it runs: limits, lifetimes and the oddities of Box's protocol."""

from dataclasses import dataclass
from typing import Literal


@dataclass(kw_only=True)
class BoxSettings:
    """Change a field at any time; the next request obeys. Outages and delays are faults (`sandbox.faults`) instead."""

    enterprise_id: str = "12345"
    token_lifetime_s: float = 3600
    download_url_lifetime_s: float = 900
    max_file_size_bytes: int = 50 * 1024**3
    storage_full: bool = False

    #: What each user may ask in a minute, all calls and the uploads among them; 0: as often as it likes.
    calls_per_minute: int = 0
    uploads_per_minute: int = 0
    #: Whether a minute is any sixty seconds or one of the clock; tests shorten it.
    minute: Literal["sliding", "fixed"] = "sliding"
    minute_s: float = 60
    #: Whether each part of an upload session counts among the uploads.
    parts_are_uploads: bool = False

    part_size_bytes: int = 8 * 1024**2
    #: Smaller files are refused by an upload session.
    chunked_minimum_bytes: int = 20_000_000
    #: So many of the next commits and downloads are answered "202, not ready yet, come again in `retry_after_s`".
    commit_202_times: int = 0
    download_202_times: int = 0
    retry_after_s: int = 1

    #: Characters that a file name may not have are dropped without a word; otherwise the name is refused.
    sanitise_names: bool = False
    #: The next upload is stored under a SHA-1 that is not its own.
    wrong_sha1: bool = False
    #: A file that is restored from the trash has another etag than before; Box does not say whether it has.
    restored_with_new_etag: bool = False
    #: Shape of a 409's `conflicts`; `contract`: one object for files, a list for folders.
    conflicts_as: Literal["contract", "dict", "list"] = "contract"
    #: Key of the metadata in a listing that asked for `metadata.enterprise.…`.
    metadata_key: Literal["enterprise", "enterprise_id"] = "enterprise"

    #: How many seconds an event takes until the stream shows it; each comes twice; sources without their folders; the
    #: app may not read events.
    event_delay_s: float = 0
    events_twice: bool = False
    event_source: Literal["full", "mini"] = "full"
    events_forbidden: bool = False
    #: Whether a long poll hears of changes, of none, or is not known; how long one waits, and is said to wait.
    long_poll: Literal["announces", "silent", "unknown"] = "announces"
    long_poll_s: float = 600
    long_poll_timeout_s: int = 610
