"""How moved and failed files are shown on Dagster's pages."""

from collections.abc import Iterable, Sequence

import dagster as dg

from ferrero_dagster.messages.facts import FailedFile, MovedFile
from ferrero_dagster.transfer.masters import Outcome
from ferrero_dagster.transfer.progress import megabytes

#: Longer tables slow the page down; the tracking database has them all.
_MAX_ROWS = 500
Metadata = dict[str, dg.MetadataValue]


def outcome_metadata(outcome: Outcome, *, dam_url: str | None) -> Metadata:
    """What an operator wants to know of a run, without reading its log."""
    moved, before = outcome.moved, outcome.before
    metadata: Metadata = {
        "result": dg.MetadataValue.text(_headline(outcome)),
        "moved": dg.MetadataValue.int(len(moved)),
        "moved before": dg.MetadataValue.int(len(before)),
        "failed": dg.MetadataValue.int(len(outcome.failed)),
        "moved bytes": dg.MetadataValue.int(sum(file.size_bytes for file in moved)),
        "files": dg.MetadataValue.md(_table(moved, before, outcome.failed)),
    }
    if outcome.campaign:
        metadata["campaign"] = dg.MetadataValue.text(str(outcome.campaign))
    if outcome.status:
        metadata["status in the DAM"] = dg.MetadataValue.text(outcome.status)
    if dam_url:
        metadata["campaign in the DAM"] = dg.MetadataValue.url(dam_url)
    if outcome.box_folder_url:
        metadata["folder in Box"] = dg.MetadataValue.url(outcome.box_folder_url)
    return metadata


def moved_file_metadata(file: MovedFile, *, route: str, campaign: str) -> Metadata:
    """What belongs to the event of one file."""
    metadata: Metadata = {
        "route": dg.MetadataValue.text(route),
        "campaign": dg.MetadataValue.text(campaign),
        "name in the DAM": dg.MetadataValue.text(file.name),
        "name in Box": dg.MetadataValue.text(file.stored_name),
        "size bytes": dg.MetadataValue.int(file.size_bytes),
    }
    if file.dam_url:
        metadata["asset in the DAM"] = dg.MetadataValue.url(file.dam_url)
    if file.box_url:
        metadata["file in Box"] = dg.MetadataValue.url(file.box_url)
    return metadata


def _headline(outcome: Outcome) -> str:
    if outcome.nothing:
        return outcome.nothing
    total = len(outcome.moved) + len(outcome.before) + len(outcome.failed)
    if outcome.failed:
        stays = f"the status stays {outcome.status}, the next run moves the rest"
        return f"{len(outcome.failed)} of {total} files failed; {stays}."
    return f"All {total} files are in Box, {len(outcome.moved)} of them by this run; the status is {outcome.status}."


def _table(moved: Sequence[MovedFile], before: Sequence[MovedFile], failed: Sequence[FailedFile]) -> str:
    rows = [
        *(f"| {_cell(file.name)} | | | **failed:** {_cell(file.reason)} |" for file in failed),
        *_moved_rows(moved, "moved"),
        *_moved_rows(before, "moved before"),
    ]
    head = ["| file in the DAM | file in Box | size | result |", "|---|---|---:|---|"]
    cut = [f"| … and {len(rows) - _MAX_ROWS} more | | | |"] if len(rows) > _MAX_ROWS else []
    return "\n".join(head + rows[:_MAX_ROWS] + cut)


def _moved_rows(files: Iterable[MovedFile], result: str) -> list[str]:
    return [
        f"| {_link(file.name, file.dam_url)} | {_link(file.stored_name, file.box_url)} "
        f"| {megabytes(file.size_bytes)} | {result} |"
        for file in files
    ]


def _link(text: str, url: str | None) -> str:
    return f"[{_cell(text)}]({url})" if url else _cell(text)


def _cell(text: str) -> str:
    """Text from outside as plain text in a Markdown table."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|~" else c for c in text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
