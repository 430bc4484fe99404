"""How the daily report is shown on Dagster's pages: what the mail says, as tables and pictures."""

import base64
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.defs.markdown import Metadata, cell, link, markdown_table
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.report import Report
from ferrero_dagster.messages.report_mail import report_images

_NUMBERS = ("eligible", "moved", "retrying", "set_aside", "withdrawn", "refused")


def report_metadata(report: Report, zone: ZoneInfo, links: Links) -> Metadata:
    """The metadata of the report's materialization, its times in the zone."""
    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(report.verdict),
        "needs you": dg.MetadataValue.md(_needs(report, links)),
        "reconciliation": dg.MetadataValue.md(_reconciliation(report)),
        "campaigns": dg.MetadataValue.md(_campaigns(report, links)),
        "current retry status": dg.MetadataValue.md(_retry_status(report)),
        "tried or looked at twice and more": dg.MetadataValue.md(_near_failure(report, zone)),
        "integrity of the moved files": dg.MetadataValue.md(_integrity(report)),
        "requests this month": dg.MetadataValue.md(_requests(report)),
        "moved files": dg.MetadataValue.md(_moved_files(report, zone)),
        "moved": dg.MetadataValue.int(report.moved),
        "moved bytes": dg.MetadataValue.int(sum(part.size_bytes for part in report.integrity)),
        "finals without a score": dg.MetadataValue.int(report.unscored),
        "gaps": dg.MetadataValue.md(_lines(report.gaps)),
        "notes": dg.MetadataValue.md(_lines(report.notes)),
    }
    for image in report_images(report):
        picture = base64.b64encode(image.png).decode()
        metadata[image.title] = dg.MetadataValue.md(f"![{cell(image.alt)}](data:image/png;base64,{picture})")
    return metadata


def _needs(report: Report, links: Links) -> str:
    rows = [
        (
            link(need.what, links.thing(need.about, need.id)), cell(need.why), _linked(need.do, links.job(need.job)),
            "" if need.days is None else str(need.days),
        )
        for need in report.needs
    ]  # fmt: skip
    return markdown_table(("what", "why", "what to do", "days"), rows) if rows else "Nothing."


def _reconciliation(report: Report) -> str:
    rows = [(b.direction, *(str(getattr(b, name)) for name in _NUMBERS)) for b in report.balances]
    remarks = "\n\n".join(map(cell, report.remarks)) or "It adds up in both directions."
    return f"{markdown_table(('direction', *(name.replace('_', ' ') for name in _NUMBERS)), rows)}\n\n{remarks}"


def _campaigns(report: Report, links: Links) -> str:
    rows = [
        (
            link(line.name, links.folder(line.campaign_id)), cell(line.number or ""), cell(line.status or ""),
            "" if line.days is None else str(line.days), str(line.files_in_box), str(line.files_in_dam),
            str(line.pending),
        )
        for line in report.campaigns
    ]  # fmt: skip
    head = ("campaign", "number", "status", "days", "in Box", "in the DAM", "open")
    return markdown_table(head, rows) if rows else "None."


def _retry_status(report: Report) -> str:
    rows = [
        (cell(row.status), str(row.no_issues), str(row.attempt_1), str(row.attempt_2), str(row.permanently_failed))
        for row in report.retry_status
    ]
    head = ("status", "no issues", "attempt 1", "attempt 2", "attempt 3 and more")
    return f"{markdown_table(head, rows)}\n\nLooks at an empty folder count as attempts here." if rows else "Not known."


def _near_failure(report: Report, zone: ZoneInfo) -> str:
    rows = [
        (
            cell(row.name), cell(row.number or ""), cell(row.status), str(row.attempts),
            _time(row.last_attempt_at, zone), cell(row.reason or "No assets yet"),
        )
        for row in report.near_failure
    ]  # fmt: skip
    return (
        markdown_table(("campaign", "number", "status", "attempts", "last time", "reason"), rows) if rows else "None."
    )


def _requests(report: Report) -> str:
    return markdown_table(
        ["what", "calls", "forecast", "licensed", "GB"],
        [[label, *figures] for label, figures in report.request_figures],
    )


def _integrity(report: Report) -> str:
    rows = [
        (
            part.direction, str(part.files), str(part.size_bytes), str(part.with_source_hash), str(part.with_own_hash),
            str(part.unverified),
        )
        for part in report.integrity
    ]  # fmt: skip
    head = ("direction", "files", "bytes", "verified with the source's hash", "with our own hash", "not verified by us")
    return markdown_table(head, rows)


def _moved_files(report: Report, zone: ZoneInfo) -> str:
    rows = [
        (
            _time(line.moved_at, zone), line.direction, cell(line.campaign_number or line.campaign_name or ""),
            cell(line.tracking_id), link(line.file, None), link(line.arrived_as or "", None),
            "" if line.size_bytes is None else str(line.size_bytes),
        )
        for line in report.moved_files
    ]  # fmt: skip
    head = ("time", "direction", "campaign", "tracking ID", "file", "arrived as", "bytes")
    return markdown_table(head, rows) if rows else "None."


def _time(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _lines(texts: Sequence[str]) -> str:
    return "\n".join(f"- {cell(text)}" for text in texts) or "None."


def _linked(sentence: str, url: str | None) -> str:
    return f"[{cell(sentence)}]({url})" if url else cell(sentence)
