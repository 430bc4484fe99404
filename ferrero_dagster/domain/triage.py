"""Sorts the files of the agency folder: ready, settling, refused, waiting (SPEC 4.1, 4.4); pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ferrero_dagster.domain.filenames import NameProblem, NameProblems, V2Name, parse_v2
from ferrero_dagster.domain.name_components import COMPONENTS, NamingRules

AgencyState = Literal["settling", "ready", "refused"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedFile:
    """A file as a listing of the agency folder shows it."""

    id: str
    etag: str
    name: str
    size_bytes: int
    sha1_hex: str
    #: The instance of the CreativeX template, as Box sent it; None where the listing holds none.
    template: dict[str, object] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A version of a file that was in the folder at an earlier look."""

    file_id: str
    etag: str
    size_bytes: int
    state: str
    looks: int
    problems: list[dict[str, Any]] | None
    #: Of its transfer, if it was ever tried.
    transfer_state: str | None
    failures: int
    since_last_attempt_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownMaster:
    """What decides whether a final may come in under a tracking ID."""

    tracking_id: str
    #: None where the cron scripts did not note it.
    campaign_id: str | None
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What became of a listed file; `reason` is a sentence for a refused one."""

    file: ListedFile
    state: AgencyState
    name: V2Name | None = None
    #: The tracking ID in the name, also in a wrong one where it is beyond doubt, and its master's campaign.
    tracking_id: str | None = None
    campaign_id: str | None = None
    reason: str | None = None
    problems: tuple[NameProblem, ...] = ()
    #: A name that would be accepted, where it is clear what a wrong one was meant to be.
    corrected_name: str | None = None


def is_ignored(name: str) -> bool:
    """Hidden files and those that programs leave while they write."""
    return name.startswith((".", "~")) or name.lower() in {"thumbs.db", "desktop.ini"}


def judge(
    file: ListedFile, name: V2Name | NameProblems, masters: Mapping[str, KnownMaster], *, looks: int, settle_looks: int
) -> Judgement:
    """Judge one file; `looks` counts how often it was seen with this size and etag, this time included."""
    if looks < settle_looks:
        return Judgement(file=file, state="settling")
    master = masters.get(name.tracking_id or "")
    campaign_id = master.campaign_id if master else None
    reason = _why_no_finals(name.tracking_id, master) if name.tracking_id else None
    judgement = Judgement(file=file, state="ready", tracking_id=name.tracking_id, campaign_id=campaign_id)
    if isinstance(name, NameProblems):
        corrected = str(name.meant) if name.meant and not reason else None
        told = f"{name} {reason or ''}".strip()
        return replace(judgement, state="refused", reason=told, problems=name.problems, corrected_name=corrected)
    return replace(judgement, state="refused" if reason else "ready", name=name, reason=reason)


def _why_no_finals(tracking_id: str, master: KnownMaster | None) -> str | None:
    if master is None:
        return f"The tracking ID {tracking_id} is unknown; the name of the master in Box ends with the right one."
    if master.status != "active":
        return f"The master with tracking ID {tracking_id} is {master.status}: no finals are expected for it."
    if not master.campaign_id:
        return (
            f"The master with tracking ID {tracking_id} has no campaign_id in master_assets; the operator must set it."
        )
    return None


def parsed(files: Sequence[ListedFile], rules: NamingRules) -> dict[str, V2Name | NameProblems]:
    """The files' names by file id, parsed."""
    return {file.id: parse_v2(file.name, rules) for file in files}


def fits_current_rules(name: str, rules: NamingRules) -> bool:
    """Whether a name refused earlier would pass today's code lists; cheaper than parsing."""
    tokens = name.rpartition(".")[0].split("_")
    return len(tokens) == len(COMPONENTS) and all(map(rules.fits, COMPONENTS, tokens))
