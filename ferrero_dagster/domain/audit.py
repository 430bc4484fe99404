"""What an audit finds where tables, Box and the DAM differ: the kinds, what to do about each, how listings are judged.

Pure: what was listed and what the rows say goes in, findings come out, in an order that is the same each time.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.links import Thing
from ferrero_dagster.domain.triage import ListedFile, is_ignored

#: What Dagster shows a finding on: the asset of its route, or one of the two tables.
Shown = Literal["route", "masters", "finals"]
_TRACKING_ID = re.compile(r".*_([A-Za-z0-9]{6})(?:\.[A-Za-z0-9]{1,10})?")
#: A word or a date, as people end names with.
_NO_TRACKING_ID = re.compile(r"[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of difference; `do` says what helps, with the job of ours that does it, if one does."""

    name: str
    do: str
    job: str | None = None
    shown: Shown = "route"


_REDELIVER = "redeliver_files"
_AGAIN = f"Run {_REDELIVER} with its tracking ID, and it is moved to Box again."
_FINAL_AGAIN = f"run {_REDELIVER} with its tracking ID and finals: true, and it is imported again"
_SOMEBODY = "Ask the agency who put it there; delete it in Box if it is of no use."
_RESTORE = "Restore the row from a backup of the database."

MISSING_IN_BOX = Kind(name="missing in Box", do=_AGAIN, job=_REDELIVER)
CHANGED_IN_BOX = Kind(
    name="changed in Box",
    do=f"Ask the agency whether it replaced the file on purpose; if not, run {_REDELIVER} with its tracking ID.",
    job=_REDELIVER,
)
OUT_OF_FOLDERS = Kind(name="moved out of our folders", do=f"Move it back in Box. Or: {_AGAIN}", job=_REDELIVER)
UNKNOWN_IN_BOX = Kind(name="unknown in Box", do=_SOMEBODY)
DOUBLED_IN_BOX = Kind(name="doubled in Box", do="Delete the copy in Box that the tables do not know.")
SECOND_OF_ID = Kind(
    name="second file of a tracking ID",
    do="Delete it in Box or rename it without the tracking ID, lest the agency works on the wrong one.",
)
ID_WITHOUT_ROW = Kind(
    name="tracking ID without a row",
    do="Finals named after it are refused: delete or rename it in Box, or restore the row of its master.",
)
WRONG_ID = Kind(
    name="wrong tracking ID in a name",
    do="Rename it in Box so that it ends with its own tracking ID: finals named after it go to another master.",
)
MISSING_IN_DAM = Kind(name="missing in the DAM", do=f"Restore it in the DAM, or {_FINAL_AGAIN}.", job=_REDELIVER)
CHANGED_IN_DAM = Kind(
    name="changed in the DAM",
    do=f"Ask who replaced its content; if nobody did, {_FINAL_AGAIN}.",
    job=_REDELIVER,
)
UNKNOWN_IN_DAM = Kind(
    name="unknown in the DAM",
    do="Ask who put it into the folder of finals; delete it in the DAM if it is of no use.",
)
DOUBLED_IN_DAM = Kind(name="doubled in the DAM", do="Delete in the DAM the asset of that name that is not ours.")
STUCK = Kind(
    name="stuck on its way",
    do="See in Dagster why its campaign starts no run; once mended, run reset_campaign_retries for it.",
    job="reset_campaign_retries",
)
UNENDED_IMPORT = Kind(
    name="import that never ended",
    do="Look in the DAM whether the final is there; the next run of its campaign adopts it or imports it again.",
)
STATUS_AHEAD = Kind(
    name="status ahead of its files",
    do="Set the campaign back to the status before, so that the rest is moved; or leave it, if nobody needs the rest.",
)
STATUS_BEHIND = Kind(
    name="status behind its files",
    do="See what holds up its runs; mended, run reset_campaign_retries, and the next run sets the status.",
    job="reset_campaign_retries",
)
MASTER_WITHOUT_TRANSFER = Kind(
    name="master without a transfer",
    do="Run its campaign again, which adopts what is in Box; or restore the row from a backup.",
    shown="masters",
)
TRANSFER_WITHOUT_MASTER = Kind(name="moved, but no master", do=f"Finals of it are refused. {_RESTORE}", shown="masters")
OTHER_BOX_FILE = Kind(
    name="master of another Box file",
    do="See which of the two files in Box is right, and correct box_file_id in master_assets.",
    shown="masters",
)
FINAL_WITHOUT_MASTER = Kind(name="final without a master", do=_RESTORE, shown="finals")
FINAL_WITHOUT_TRANSFER = Kind(name="final without its transfer", do=_RESTORE, shown="finals")
TRANSFER_WITHOUT_FINAL = Kind(name="moved, but no final", do=_RESTORE, shown="finals")

KINDS = {
    kind.name: kind
    for kind in (
        MISSING_IN_BOX, CHANGED_IN_BOX, OUT_OF_FOLDERS, UNKNOWN_IN_BOX, DOUBLED_IN_BOX, SECOND_OF_ID, ID_WITHOUT_ROW,
        WRONG_ID, MISSING_IN_DAM, CHANGED_IN_DAM, UNKNOWN_IN_DAM, DOUBLED_IN_DAM, STUCK, UNENDED_IMPORT, STATUS_AHEAD,
        STATUS_BEHIND, MASTER_WITHOUT_TRANSFER, TRANSFER_WITHOUT_MASTER, OTHER_BOX_FILE, FINAL_WITHOUT_MASTER,
        FINAL_WITHOUT_TRANSFER, TRANSFER_WITHOUT_FINAL,
    )
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One difference; `kind` and `about` tell it from all others, in every pass alike."""

    kind: str
    #: The row or thing that it is about, such as `transfer 17`.
    about: str
    name: str
    detail: str
    route: str = ""
    campaign_id: DamId | None = None
    tracking_id: TrackingId | None = None
    #: What a person opens to see it.
    thing: Thing
    thing_id: str

    @property
    def key(self) -> str:
        """Unique."""
        return f"{self.kind}: {self.about}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What a look at one campaign found; where it is not `is_whole`, what was found before may still be there."""

    findings: tuple[Finding, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Owned:
    """What the rows say of files that a campaign's folders in Box hold."""

    route: str
    campaign_id: DamId
    #: The tracking IDs of Box files that some row knows, empty for those that are no master's.
    files: Mapping[BoxId, TrackingId | None]
    #: Of the tracking IDs in names, those that a row has, and how many older files of it may lie there.
    copies: Mapping[TrackingId, int]


def tracking_id_in(name: str) -> TrackingId | None:
    """The tracking ID that a name in Box ends with, if these six characters may be one."""
    found = _TRACKING_ID.fullmatch(name)
    return TrackingId(found[1]) if found else None


def strangers_in_box(
    listed: Collection[ListedFile], owned: Owned, *, excused: Collection[TrackingId] = ()
) -> Iterator[Finding]:
    """A finding on each file that no row knows, and on each of ours that is named after another master.

    Nothing on files under a tracking ID that is `excused`: it is told already why its own file is not there.
    """
    ordered = sorted(listed, key=lambda file: (file.id not in owned.files, file.name, file.id))
    first_of: dict[str, ListedFile] = {}
    for file in ordered:
        typed = tracking_id_in(file.name)
        found = (
            _misnamed(file, typed, owned)
            if file.id in owned.files
            else _stranger(file, typed, owned, first_of.get(file.sha1_hex))
        )
        first_of.setdefault(file.sha1_hex, file)
        if found and not (file.id not in owned.files and (typed in excused or is_ignored(file.name))):
            kind, detail = found
            yield Finding(
                kind=kind.name, about=f"Box file {file.id}", name=file.name, detail=detail, route=owned.route,
                campaign_id=owned.campaign_id, tracking_id=typed if typed in owned.copies else None, thing="box_file",
                thing_id=file.id,
            )  # fmt: skip


def _misnamed(file: ListedFile, typed: TrackingId | None, owned: Owned) -> tuple[Kind, str] | None:
    own = owned.files[file.id]
    if not own or not typed or typed == own or typed not in owned.copies:
        return None
    return WRONG_ID, f"It is the file of the master {own}, and its name ends with {typed}, which another master has."


def _stranger(
    file: ListedFile, typed: TrackingId | None, owned: Owned, same: ListedFile | None
) -> tuple[Kind, str] | None:
    if same and file.sha1_hex:
        return DOUBLED_IN_BOX, f"It holds the same content as {same.name}."
    if typed and typed in owned.copies:
        # Those that were delivered anew beside other content.
        if owned.copies[typed]:
            return None
        return SECOND_OF_ID, f"The master {typed} has another file in Box."
    if typed and not _NO_TRACKING_ID.fullmatch(typed):
        return ID_WITHOUT_ROW, f"No master has the tracking ID {typed}."
    return UNKNOWN_IN_BOX, "It lies in a campaign's folder, and no row knows it."


def strangers_in_dam(
    listed: Sequence[DamAsset], known: Collection[DamId], names: Collection[str], *, tells_unknown: bool
) -> Iterator[tuple[Kind, DamAsset, str]]:
    """The assets in a folder of finals that no row knows, by id or as a cron script's final by one of these `names`."""
    folded = {name.casefold() for name in names}
    by_name: dict[str, list[DamAsset]] = defaultdict(list)
    for asset in listed:
        by_name[asset.name.casefold()].append(asset)
    for name, assets in sorted(by_name.items()):
        ours = [asset for asset in assets if asset.id in known or asset.original_id in known]
        others = sorted((asset for asset in assets if asset not in ours and not asset.expired), key=lambda one: one.id)
        if not ours and name in folded:
            others = others[1:]
            ours = assets
        for asset in others:
            if ours:
                yield DOUBLED_IN_DAM, asset, f"The folder holds {len(assets)} assets of this name."
            elif tells_unknown:
                yield UNKNOWN_IN_DAM, asset, "It lies in a folder of finals, and no row knows it."
