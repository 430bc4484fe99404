"""Sorts the files of the agency folder: ready, settling, refused, waiting (SPEC 4.1, 4.4); pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ferrero_dagster.domain.filenames import AgencyName, NameProblem, NameProblems, NamingRules, parse_name
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId

AgencyState = Literal["settling", "ready", "refused"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedFile:
    """A file as a listing of the agency folder shows it."""

    id: BoxId
    etag: str
    name: str
    size_bytes: int
    sha1_hex: str
    #: The instance of the CreativeX template, as Box sent it; None where the listing holds none.
    template: dict[str, object] | None = None
    #: Why Box's listing of it cannot be read, as a sentence; it is refused for that.
    problem: str | None = None
    #: It is a folder, and what it holds is not looked at; `size_bytes` tells whether that has changed.
    is_folder: bool = False

    @property
    def version(self) -> tuple[BoxId, str]:
        """What tells this version of the file from others."""
        return self.id, self.etag


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A version of a file that was in the folder at an earlier look."""

    file_id: BoxId
    etag: str
    size_bytes: int
    state: str
    looks: int
    name: str = ""
    #: What is wrong with its name.
    problems: tuple[NameProblem, ...] = ()
    #: Why it was refused.
    reason: str | None = None
    #: As `ListedFile.template`.
    template: dict[str, object] | None = None
    #: Of its transfer, if it was ever tried.
    transfer_state: str | None = None
    failures: int = 0
    since_last_attempt_s: float | None = None

    @property
    def version(self) -> tuple[BoxId, str]:
        """As `ListedFile.version`."""
        return self.file_id, self.etag

    @property
    def is_set_aside(self) -> bool:
        """Whether it was given up until somebody releases it."""
        return self.transfer_state == "set_aside"


#: By the versions of the files.
KnownFiles = Mapping[tuple[BoxId, str], KnownFile]


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownMaster:
    """What decides whether a final may come in under a tracking ID."""

    tracking_id: TrackingId
    #: None where the cron scripts did not note it.
    campaign_id: DamId | None
    status: str


@dataclass(frozen=True)
class KnownMasters:
    """Masters by tracking ID, which counts letter by letter: two that differ in case only are two."""

    by_id: Mapping[TrackingId, KnownMaster]

    @cached_property
    def _by_letters(self) -> dict[str, list[KnownMaster]]:
        found = defaultdict[str, list[KnownMaster]](list)
        for tracking_id, master in self.by_id.items():
            found[tracking_id.lower()].append(master)
        return found

    def spelled_otherwise(self, tracking_id: TrackingId) -> KnownMaster | None:
        """The master that was probably meant by an ID that none has: the only one that differs in case only."""
        alike = self._by_letters.get(tracking_id.lower(), [])
        return alike[0] if tracking_id not in self.by_id and len(alike) == 1 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What became of a listed file; `reason` is a sentence for a refused one."""

    file: ListedFile
    state: AgencyState
    #: How often the file was seen with this size and etag, this time included.
    looks: int
    name: AgencyName | None = None
    #: The tracking ID in the name, also in a wrong one where it is beyond doubt, and its master's campaign.
    tracking_id: TrackingId | None = None
    campaign_id: DamId | None = None
    reason: str | None = None
    problems: tuple[NameProblem, ...] = ()
    #: A name that would be accepted, where it is clear what a wrong one was meant to be.
    corrected_name: str | None = None


def is_ignored(name: str) -> bool:
    """Hidden files and those that programs leave while they write."""
    return name.startswith((".", "~")) or name.lower() in {"thumbs.db", "desktop.ini"}


def judge(
    file: ListedFile,
    name: AgencyName | NameProblems,
    masters: KnownMasters,
    *,
    looks: int,
    settle_looks: int,
) -> Judgement:
    """Judge one file; of one that was seen less than `settle_looks` times as it is, nothing is said yet."""
    if looks < settle_looks:
        return Judgement(file=file, state="settling", looks=looks)
    if file.problem:
        return Judgement(file=file, state="refused", looks=looks, reason=file.problem)
    typed = name.tracking_id
    other = masters.spelled_otherwise(typed) if typed else None
    master = other or (masters.by_id.get(typed) if typed else None)
    reason = _why_no_finals(typed, master) if typed else None
    judgement = Judgement(
        file=file,
        state="ready",
        looks=looks,
        tracking_id=typed,
        campaign_id=master.campaign_id if master else None,
        corrected_name=None if reason else _corrected(name, master),
    )
    if other and not reason:
        reason = f"The tracking ID {typed} is unknown; a master has {other.tracking_id}, letter by letter."
    if isinstance(name, NameProblems):
        told = f"{name} {reason or ''}".strip()
        return replace(judgement, state="refused", reason=told, problems=name.problems)
    if reason:
        return replace(judgement, state="refused", name=name, reason=reason)
    return replace(judgement, name=name, corrected_name=None)


def _corrected(name: AgencyName | NameProblems, master: KnownMaster | None) -> str | None:
    """The name that was meant, with the tracking ID as its master has it."""
    meant = name.meant if isinstance(name, NameProblems) else name
    return str(replace(meant, tracking_id=master.tracking_id)) if meant and master else None


def _why_no_finals(tracking_id: TrackingId, master: KnownMaster | None) -> str | None:
    if master is None:
        return f"The tracking ID {tracking_id} is unknown; the name of the master in Box ends with the right one."
    if master.status != "active":
        return f"The master with tracking ID {tracking_id} is {master.status}: no finals are expected for it."
    if not master.campaign_id:
        return (
            f"The master with tracking ID {tracking_id} has no campaign_id in master_assets; the operator must set it."
        )
    return None


def count_looks(file: ListedFile, before: KnownFile | None) -> int:
    """How often the file was seen with this size and etag, this time included; a folder once told stays so."""
    is_told_folder = file.is_folder and before is not None and before.state == "refused"
    return before.looks + 1 if before and (is_told_folder or before.size_bytes == file.size_bytes) else 1


def is_other(judgement: Judgement, known: KnownFiles) -> bool:
    """Whether the file is new or another than it was."""
    file, before = judgement.file, known.get(judgement.file.version)
    if before is None or before.state != judgement.state or before.size_bytes != file.size_bytes:
        return True
    return file.is_folder and (before.name, before.reason) != (file.name, judgement.reason)


def is_news(judgement: Judgement, known: KnownFiles) -> bool:
    """Whether the judgement is to be written down."""
    before = known.get(judgement.file.version)
    if before is None or is_other(judgement, known):
        return True
    # What CreativeX says may come after the file; for a file about to be moved it is kept up to date.
    is_newer = judgement.file.template != before.template
    return judgement.state == "settling" or (is_newer and judgement.state == "ready" and before.transfer_state is None)


def named(files: Sequence[ListedFile], known: KnownFiles, rules: NamingRules) -> dict[BoxId, AgencyName | NameProblems]:
    """The files' names by file id, parsed; what was wrong at an earlier look, only where it may pass by now."""
    wrong = {file.id: before.problems for file in files if (before := known.get(file.version)) and before.problems}
    return {
        file.id: NameProblems(name=file.name, problems=wrong[file.id])
        if file.id in wrong and rules.read(file.name) is None
        else parse_name(file.name, rules)
        for file in files
    }
