"""How moved and failed files are shown on Dagster's pages: text from outside stays text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.domain.custody import CustodyEvent
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.words import size_in_words
from ferrero_dagster.messages.facts import FailedFile, MovedFile
from ferrero_dagster.transfer.finals.run import FinalsOutcome
from ferrero_dagster.transfer.masters.run import MastersOutcome

#: Longer tables slow the page down; the tracking database has them all.
_MAX_ROWS = 500
_MAX_NAME_LENGTH = 60
_MARKDOWN = frozenset("\\`*_{}[]()#+-.!|~")
Metadata = dict[str, dg.MetadataValue]


def outcome_metadata(outcome: MastersOutcome, links: Links, *, campaign_id: str) -> Metadata:
    """What an operator wants to know of a run DAM → Box, without reading its log."""
    rows = [
        *_failed_rows(outcome.failed, "failed"),
        *_moved_rows(outcome.moved, "moved", links),
        *_moved_rows(outcome.before, "moved before", links),
    ]
    metadata = {
        **_shared(outcome, links.folder(campaign_id)),
        "moved before": dg.MetadataValue.int(len(outcome.before)),
        "files": dg.MetadataValue.md(markdown_table(("file in the DAM", "file in Box", "size", "result"), rows)),
    }
    if outcome.notes:
        metadata["notes"] = dg.MetadataValue.md("\n".join(f"- {cell(note)}" for note in outcome.notes[:_MAX_ROWS]))
    return metadata | _url("folder in Box", links.box_folder(outcome.box_folder_id))


def finals_metadata(outcome: FinalsOutcome, links: Links, *, campaign_id: str) -> Metadata:
    """What an operator wants to know of a run Box → DAM."""
    moved = [
        (cell(f.name), link(f.stored_name, links.asset(f.dam_asset_id)), size_in_words(f.size_bytes), _final_result(f))
        for f in outcome.moved
    ]
    rows = [*_failed_rows(outcome.failed, "failed"), *_failed_rows(outcome.left, "left for the next look"), *moved]
    return {
        **_shared(outcome, links.folder(campaign_id)),
        "left": dg.MetadataValue.int(len(outcome.left)),
        "unscored": dg.MetadataValue.int(sum(file.is_unscored for file in outcome.moved)),
        "files": dg.MetadataValue.md(markdown_table(("file in Box", "final in the DAM", "size", "result"), rows)),
    }


def _final_result(file: MovedFile) -> str:
    score = f"CreativeX {cell(file.creativex_score)}" if file.creativex_score else ""
    unscored = "unscored" if file.is_unscored else ""
    unkept = f"**not kept by the DAM as sent:** {cell(', '.join(file.unkept_fields))}" if file.unkept_fields else ""
    return "; ".join(filter(None, ("moved", score, unscored, unkept)))


def _shared(outcome: MastersOutcome | FinalsOutcome, dam_url: str | None) -> Metadata:
    metadata: Metadata = {
        "result": dg.MetadataValue.text(str(outcome)),
        "moved": dg.MetadataValue.int(len(outcome.moved)),
        "failed": dg.MetadataValue.int(len(outcome.failed)),
        "moved bytes": dg.MetadataValue.int(sum(file.size_bytes for file in outcome.moved)),
        **_url("campaign in the DAM", dam_url),
    }
    if outcome.campaign:
        metadata["campaign"] = dg.MetadataValue.text(str(outcome.campaign))
    if outcome.status:
        metadata["status in the DAM"] = dg.MetadataValue.text(outcome.status)
    return metadata


def master_metadata(file: MovedFile, campaign: str, *, route: str, links: Links) -> Metadata:
    """What belongs to the event of one master."""
    return {
        "route": dg.MetadataValue.text(route),
        "campaign": dg.MetadataValue.text(campaign),
        "name in the DAM": dg.MetadataValue.text(file.name),
        "name in Box": dg.MetadataValue.text(file.stored_name),
        "size bytes": dg.MetadataValue.int(file.size_bytes),
        **_url("asset in the DAM", links.asset(file.dam_asset_id)),
        **_url("file in Box", links.box_file(file.box_file_id)),
    }


def final_metadata(file: MovedFile, campaign: str, *, links: Links) -> Metadata:
    """What belongs to the event of one final."""
    return {
        "campaign": dg.MetadataValue.text(campaign),
        "name in Box": dg.MetadataValue.text(file.name),
        "name in the DAM": dg.MetadataValue.text(file.stored_name),
        "size bytes": dg.MetadataValue.int(file.size_bytes),
        **({"CreativeX score": dg.MetadataValue.text(file.creativex_score)} if file.creativex_score else {}),
        **_url("CreativeX", file.creativex_url),
        **({"not kept by the DAM": dg.MetadataValue.text(", ".join(file.unkept_fields))} if file.unkept_fields else {}),
        **_url("asset in the DAM", links.asset(file.dam_asset_id)),
    }


def life_metadata(events: Sequence[CustodyEvent], tracking_id: str, zone: ZoneInfo) -> Metadata:
    """What happened to a file until now, on the page of its tracking ID."""
    rows = [(f"{one.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", one.what, cell(one.details)) for one in events]
    return {
        "life": dg.MetadataValue.md(markdown_table(("at", "what", "details"), rows)),
        "with mails and people": dg.MetadataValue.text(f"ferrero-dagster trace {tracking_id}"),
    }


def metadata_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows of the same columns as a table of Dagster's own."""
    columns = dg.TableSchema([dg.TableColumn(name) for name in (rows[0] if rows else ())])
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows], schema=columns)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of finished cells, cut at 500 rows."""
    shown = [tuple(row) for row in rows[:_MAX_ROWS]]
    if len(rows) > _MAX_ROWS:
        shown.append((f"… and {len(rows) - _MAX_ROWS} more", *[""] * (len(head) - 1)))
    lines = [tuple(head), tuple("---" for _ in head), *shown]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def link(name: str, url: str | None) -> str:
    """A file's name, leading to it; the middle of a long one is left out, its ending tells files apart."""
    half = _MAX_NAME_LENGTH // 2
    shown = name if len(name) <= _MAX_NAME_LENGTH else f"{name[:half]}…{name[-half:]}"
    return f"[{cell(shown)}]({url})" if url else cell(shown)


def cell(text: str) -> str:
    """Text from outside as plain text in a Markdown table."""
    escaped = "".join(f"\\{char}" if char in _MARKDOWN else char for char in " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _url(name: str, url: str | None) -> Metadata:
    return {name: dg.MetadataValue.url(url)} if url else {}


def _moved_rows(files: Iterable[MovedFile], result: str, links: Links) -> list[tuple[str, ...]]:
    return [
        (
            link(file.name, links.asset(file.dam_asset_id)),
            link(file.stored_name, links.box_file(file.box_file_id)),
            size_in_words(file.size_bytes),
            result,
        )
        for file in files
    ]


def _failed_rows(files: Iterable[FailedFile], result: str) -> list[tuple[str, ...]]:
    return [(link(file.name, None), "", "", f"**{result}:** {cell(file.reason)}") for file in files]
