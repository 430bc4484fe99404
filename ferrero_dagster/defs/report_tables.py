"""How the daily report is shown on Dagster's pages: what the mail says, as tables and pictures."""

import base64

import dagster as dg

from ferrero_dagster.defs.file_tables import Metadata, cell, link, table
from ferrero_dagster.domain.report import Report

_NUMBERS = ("eligible", "moved", "retrying", "set_aside", "withdrawn", "refused")


def report_metadata(report: Report) -> Metadata:
    """The metadata of the report's materialization."""
    from ferrero_dagster.messages.report_mail import report_images

    metadata: Metadata = {
        "verdict": dg.MetadataValue.text(report.verdict),
        "needs you": dg.MetadataValue.md(_needs(report)),
        "reconciliation": dg.MetadataValue.md(_reconciliation(report)),
        "campaigns": dg.MetadataValue.md(_campaigns(report)),
        "moved": dg.MetadataValue.int(report.moved),
        "moved bytes": dg.MetadataValue.int(sum(part.size_bytes for part in report.integrity)),
        "gaps": dg.MetadataValue.md("\n".join(f"- {cell(gap)}" for gap in report.gaps) or "None."),
    }
    for image in report_images(report):
        picture = base64.b64encode(image.png).decode()
        metadata[image.title] = dg.MetadataValue.md(f"![{cell(image.alt)}](data:image/png;base64,{picture})")
    return metadata


def _needs(report: Report) -> str:
    rows = [
        (link(need.what, need.url), cell(need.why), cell(need.do), "" if need.days is None else str(need.days))
        for need in report.needs
    ]
    return table(("what", "why", "what to do", "days"), rows) if rows else "Nothing."


def _reconciliation(report: Report) -> str:
    rows = [(b.direction, *(str(getattr(b, name)) for name in _NUMBERS)) for b in report.balances]
    remarks = "\n\n".join(map(cell, report.remarks)) or "It adds up in both directions."
    return f"{table(('direction', *(name.replace('_', ' ') for name in _NUMBERS)), rows)}\n\n{remarks}"


def _campaigns(report: Report) -> str:
    rows = [
        (
            link(line.name, line.dam_url), cell(line.number or ""), cell(line.status or ""),
            "" if line.days is None else str(line.days), str(line.files_in_box), str(line.files_in_dam),
            str(line.pending),
        )
        for line in report.campaigns
    ]  # fmt: skip
    head = ("campaign", "number", "status", "days", "in Box", "in the DAM", "open")
    return table(head, rows) if rows else "None."
