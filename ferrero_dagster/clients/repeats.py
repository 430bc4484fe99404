"""Every request of ours that may change something, and whether it may be sent again without a look (FAULTS 61).

What is not declared here as repeated is sent once by the clients: its caller reads, then decides. docs/REQUESTS.md
shows the table. A 401 is no answer to a request but to the log-in it came with: it is sent with the new one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_DAM, _BOX = "DAM", "Box"
#: Methods that change nothing (RFC 9110 9.2.1).
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: What Box's SDK sends with each part of an upload session and its commit, to addresses that Box tells us.
DIGEST = "digest"

Again = Literal["repeated", "after a look", "once"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One kind of request; `path` is a regular expression for the end of its address, `what` the words of the table."""

    system: str
    method: str
    path: str
    what: str
    again: Again
    #: Who sends it again and why nothing is doubled and nobody's change is lost; what cannot be excluded.
    why: str
    has_digest: bool = False

    def is_meant(self, system: str, method: str, path: str, *, has_digest: bool = False) -> bool:
        """Whether a request is of this kind."""
        is_of = (self.system, self.method, self.has_digest) == (system, method, has_digest)
        return is_of and re.search(f"{self.path}$", path) is not None


REQUESTS = (
    Request(
        system=_DAM, method="POST", path="token", what="log-in", again="repeated",
        why="by `retried`, after no answer, 429 or 5xx: a further token changes nothing. A refusal is not sent "
        "again: it could lock the account",
    ),
    Request(
        system=_DAM, method="POST", path="/search/text", what="search", again="repeated",
        why="by `retried`: it reads, as a POST because conditions are long",
    ),
    Request(
        system=_DAM, method="PATCH", path=r"/folders/[^/]+", what="status of a campaign", again="once",
        why="the folder is read back thrice: the new status there is success, another one a person's choice, the "
        "old one a failed attempt; the next attempt reads before it sends",
    ),
    Request(
        system=_DAM, method="PATCH", path=r"/assets/[^/]+", what="metadata of a final", again="after a look",
        why="by `tell_unless`: sent again only while all fields are as they were before; those that changed are "
        "ours already, or a person's and stay",
    ),
    Request(
        system=_DAM, method="PUT", path="/state", again="after a look",
        what="lock, unlock, check-out and its undoing",
        why="by `tell_unless`: a lock is asked for again only while it is not ours, given back only while it is. "
        "Where no answer comes at all it is given back; where that fails, too, the next attempt uses it",
    ),
    Request(
        system=_DAM, method="POST", path="/assets", what="import of a final", again="once",
        why="the doubt is written down before the last bytes leave; what came of it is looked for by job, name, "
        "size and checksum before it is sent anew, not before `dam_import.job_timeout_s`",
    ),
    Request(
        system=_DAM, method="POST", path="/jobs/imports", what="job of a new version", again="once",
        why="the next attempt opens another one: a job without a check-in makes nothing",
    ),
    Request(
        system=_DAM, method="POST", path="/renditions", what="bytes of a new version", again="once",
        why="the next attempt sends them to a job of its own: without a check-in nothing comes of them",
    ),
    Request(
        system=_DAM, method="PUT", path=r"/jobs/checkins/[^/]+", what="check-in of a new version", again="once",
        why="as an import; the check-out ends with it, or is undone where the DAM says no",
    ),
    Request(
        system=_BOX, method="POST", path="/oauth2/token", what="log-in", again="repeated",
        why="by `retried`, each time with an assertion of its own, as Box takes each once: a further token changes "
        "nothing",
    ),
    Request(
        system=_BOX, method="POST", path="/2.0/folders", what="folder of a campaign", again="repeated",
        why="by the SDK: Box makes one folder of a name, the second time it says which (409), and that one is "
        "taken. Cannot be excluded: a folder that a person renames within these seconds is made again under its "
        "name, as Box gives a request no key; the renamed one is empty",
    ),
    Request(
        system=_BOX, method="POST", path="/2.0/files/content", what="upload of a master", again="repeated",
        why="by the SDK: the second time Box names the file that is there (409); the same SHA-1 is our own "
        "success, other content is a person's and stays. Cannot be excluded: a file that a person renames, moves "
        "or deletes before we know of it arrives once more, under the same tracking ID",
    ),
    Request(
        system=_BOX, method="POST", path="/2.0/files/upload_sessions", what="upload session", again="repeated",
        why="by the SDK: a session makes no file before its commit; one that nobody knows is forgotten by Box "
        "after 7 days",
    ),
    Request(
        system=_BOX, method="PUT", path="", what="part of an upload session", again="repeated", has_digest=True,
        why="by the SDK: parts cannot be changed; where Box has one already (409, 416) it is looked for by place "
        "and SHA-1",
    ),
    Request(
        system=_BOX, method="POST", path="", what="commit of an upload session", again="repeated", has_digest=True,
        why="by the SDK: a committed session is gone (404); Box is then asked whether the name is taken, and it "
        "goes on as with an upload",
    ),
    Request(
        system=_BOX, method="DELETE", path="", what="end of an upload session; deletion of a final that arrived",
        again="repeated",
        why="by the SDK: gone already (404) is fine, and only the version that was listed is deleted (`If-Match`): "
        "what a person replaced meanwhile stays. Cannot be excluded: a file that a person takes out of the trash "
        "within these seconds goes back there",
    ),
    Request(
        system=_BOX, method="POST", path=r"/2.0/files/\d+", what="file of a lost final, back from the trash",
        again="once",
        why="the next redelivery looks first where the file is; one that is back is left to the sensor",
    ),
    Request(
        system="SMTP", method="DATA", path="", what="mail", again="once",
        why="a mail whose last answer was lost is sent anew under the same Message-ID, thrice in all, then set "
        "aside and listed. Cannot be excluded: SMTP does not tell whether it was taken (RFC 1047), so it may come "
        "twice; mail systems drop a known Message-ID or show both alike",
    ),
    Request(
        system="Make.com", method="POST", path="", what="webhook", again="once",
        why="after no answer, 429 or 5xx it is posted anew, later and in order, with the same `Idempotency-Key`. "
        "Cannot be excluded: Make.com does not look at the key; a scenario that must not run twice has to",
    ),
)  # fmt: skip


def is_repeated(system: str, method: str, path: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether the same request may be sent again without a look at what the first has done."""
    has_digest = any(name.lower() == DIGEST for name in headers or {})
    return method in _READING or any(
        request.again == "repeated" and request.is_meant(system, method, path, has_digest=has_digest)
        for request in REQUESTS
    )
