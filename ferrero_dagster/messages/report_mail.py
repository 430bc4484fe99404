"""What travels with the mail of the daily report: its pictures, and its tables as CSV for a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.report import CampaignLine, MovedLine, Report
from ferrero_dagster.messages import charts
from ferrero_dagster.messages.enclosures import Attachment, InlineImage

# A spreadsheet takes a cell that begins so for a formula, whoever named the file; signs may have full width.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mrz|gen|mag|giu|lug|ago|set|ott|dic"
# And these for numbers, dates or truth, as the tracking ID 571E23.
_LIKE_A_VALUE = re.compile(
    rf"\s*(\d[\d.,'\s]*(e[+-]?\d+)?%?|[\d./:-]+|true|false|\d{{0,4}}[ ./-]?({_MONTHS})[a-z]*[ ./-]?\d{{0,4}})\s*",
    re.IGNORECASE,
)
_CAMPAIGN_COLUMNS = [*(name for name in CampaignLine.model_fields if name != "campaign_id"), "dam_url"]


def report_images(report: Report) -> tuple[InlineImage, ...]:
    """The pictures that have something to show."""
    trend, campaigns = report.trend, report.campaigns
    images = []
    if any(point.moved for point in trend):
        alt = charts.describe_trend(trend)
        images.append(_image("trend", "Files moved, last 14 days", alt, charts.trend_png(trend)))
    if any(point.median_s is not None for point in trend):
        alt = charts.describe_latency(trend)
        images.append(_image("latency", "Time from first sight to arrival, median", alt, charts.latency_png(trend)))
    if any(line.days is not None for line in campaigns):
        alt = charts.describe_ages(campaigns)
        images.append(_image("ages", "Days in status, the oldest campaigns", alt, charts.ages_png(campaigns)))
    return tuple(images)


def report_attachments(report: Report, zone: ZoneInfo, links: Links) -> tuple[Attachment, ...]:
    """The campaigns, and the files that moved on the day, whose times are those of the zone."""
    campaigns = _csv(_CAMPAIGN_COLUMNS, [_campaign(line, links) for line in report.campaigns], zone)
    moved = _csv(MovedLine.model_fields, [line.model_dump() for line in report.moved_files], zone)
    return (
        Attachment(filename=f"campaigns-{report.day}.csv", content=campaigns),
        Attachment(filename=f"moved-files-{report.day}.csv", content=moved),
    )


def _image(name: str, title: str, alt: str, png: bytes) -> InlineImage:
    return InlineImage(content_id=name, title=title, alt=alt, png=png)


def _campaign(line: CampaignLine, links: Links) -> dict[str, Any]:
    return line.model_dump(exclude={"campaign_id"}) | {"dam_url": links.folder(line.campaign_id)}


def _csv(columns: Iterable[str], lines: Sequence[dict[str, Any]], zone: ZoneInfo) -> bytes:
    table = io.StringIO(newline="")
    # Quoted, since a spreadsheet may also take semicolons for the ends of cells.
    writer = csv.DictWriter(table, list(columns), quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _cell(value, zone) for name, value in line.items()})
    return table.getvalue().encode("utf-8-sig")


def _cell(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    is_risky = isinstance(value, str) and (_FORMULA.match(value) or _LIKE_A_VALUE.fullmatch(value))
    return f"'{value}" if is_risky else value
