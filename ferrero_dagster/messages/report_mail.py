"""What travels with the mail of the daily report: its pictures, and its tables as CSV for a spreadsheet."""

from typing import Any
from zoneinfo import ZoneInfo

from ferrero_dagster.domain.csv_table import csv_table
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.report import CampaignLine, MovedLine, Report
from ferrero_dagster.messages import charts
from ferrero_dagster.messages.enclosures import Attachment, InlineImage

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
    campaigns = csv_table(_CAMPAIGN_COLUMNS, [_campaign(line, links) for line in report.campaigns], zone)
    moved = csv_table(MovedLine.model_fields, [line.model_dump() for line in report.moved_files], zone)
    return (
        Attachment(filename=f"campaigns-{report.day}.csv", content=campaigns),
        Attachment(filename=f"moved-files-{report.day}.csv", content=moved),
    )


def _image(name: str, title: str, alt: str, png: bytes) -> InlineImage:
    return InlineImage(content_id=name, title=title, alt=alt, png=png)


def _campaign(line: CampaignLine, links: Links) -> dict[str, Any]:
    return line.model_dump(exclude={"campaign_id"}) | {"dam_url": links.folder(line.campaign_id)}
