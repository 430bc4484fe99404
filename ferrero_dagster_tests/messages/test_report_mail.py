"""The mail of the daily report: pictures that say their numbers, tables for a spreadsheet, all in one message."""

import csv
import io
from datetime import datetime, timezone
from email import message_from_bytes, policy

import pytest

from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.domain.report import TREND_DAYS, TrendPoint
from ferrero_dagster.messages import charts
from ferrero_dagster.messages.facts import DailyReport
from ferrero_dagster.messages.rendering import build_email, render
from ferrero_dagster.messages.report_mail import report_attachments, report_images
from ferrero_dagster.sandbox.gallery.mails import CONTEXT, EXTREME_NAMES, NOON
from ferrero_dagster.sandbox.gallery.reports import report_of, report_samples

BUSY = report_of("Local adaptation test 2", 12)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_pictures_are_small_and_the_same_every_time():
    for report in [BUSY, *report_samples().values(), *(report_of(n, 200) for n in EXTREME_NAMES.values())]:
        images = report_images(report)
        assert all(image.png.startswith(b"\x89PNG") and len(image.png) < 80_000 for image in images)
        assert images == report_images(report)


def test_a_day_without_anything_has_no_pictures():
    assert report_images(report_of("", 0)) == ()


def test_a_picture_says_its_numbers_to_those_who_cannot_see_it():
    alts = {image.content_id: image.alt for image in report_images(BUSY)}
    assert alts["trend"] == (
        "Files moved per day, 14 April to 27 April 2026: "
        "DAM → Box 23, 25, 27, 22, 0, 0, 21, 23, 25, 27, 22, 0, 0, 24; "
        "Box → DAM 11, 13, 15, 10, 0, 0, 9, 11, 13, 15, 10, 0, 0, 12."
    )
    assert "27 Apr 2 min/7 min" in alts["latency"]
    assert "C000000089 (A2) 37" in alts["ages"]


def test_durations_are_told_in_units_that_fit():
    durations = [charts.duration(seconds) for seconds in (0, 40, 300, 11_520, 172_800)]
    assert durations == ["0 s", "40 s", "5 min", "3.2 h", "2.0 d"]


def test_one_day_with_files_in_one_direction_can_be_drawn():
    trend = [
        TrendPoint(date=BUSY.day, direction=direction, moved=moved, median_s=5.0 if moved else None, p95_s=None)
        for day in range(TREND_DAYS)
        for direction, moved in (("DAM → Box", day // 13), ("Box → DAM", 0))
    ]
    assert charts.trend_png(trend)
    assert charts.latency_png(trend)


def test_the_tables_hold_every_campaign_and_moved_file():
    campaigns, moved = report_attachments(BUSY, CONTEXT.time_zone, CONTEXT.links)
    assert (campaigns.filename, moved.filename) == ("campaigns-2026-04-27.csv", "moved-files-2026-04-27.csv")
    assert [row["pending"] for row in table(campaigns.content)] == [str(line.pending) for line in BUSY.campaigns]
    assert table(campaigns.content)[1]["dam_url"] == CONTEXT.links.folder(BUSY.campaigns[1].campaign_id)
    assert table(moved.content)[1]["tracking_id"] == "AB0001"


def test_times_in_the_tables_are_those_of_the_reports_day():
    moved_at = datetime(2026, 4, 26, 22, 30, 12, 345678, tzinfo=timezone.utc)
    line = BUSY.moved_files[0].model_copy(update={"moved_at": moved_at})
    report = BUSY.model_copy(update={"moved_files": (line,)})
    [row] = table(report_attachments(report, CONTEXT.time_zone, CONTEXT.links)[1].content)
    assert row["moved_at"] == "2026-04-27T00:30:12+02:00"


def test_what_a_report_leaves_out_is_said_in_the_mail():
    moved = BUSY.balances[0].model_copy(update={"moved": 6000})
    report = BUSY.model_copy(update={"is_latest": False, "balances": (moved, BUSY.balances[1])})
    mail = render(DailyReport(report=report), CONTEXT)
    for note in report.notes:
        assert note in mail.text
        assert note in mail.html
    assert "The list of moved files holds the first 36 of 6,012." in report.notes


def test_what_asks_for_a_job_leads_to_its_form_in_the_mail():
    form = "https://dagster.example.com/locations/ferrero_dagster/jobs/resend_notifications/playground"
    need = BUSY.needs[0].model_copy(update={"job": "resend_notifications"})
    mail = render(DailyReport(report=BUSY.model_copy(update={"needs": (need,)})), CONTEXT)
    assert f'href="{form}"' in mail.html
    assert form in mail.text


def test_a_name_from_outside_is_never_a_formula():
    [row, *_] = table(
        report_attachments(report_of("=cmd|' /C calc'!A0", 1), CONTEXT.time_zone, CONTEXT.links)[0].content
    )
    assert row["name"] == "'=cmd|' /C calc'!A0 Germany"


@pytest.mark.fault(70)
@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1+1"])
def test_no_cell_can_run_as_a_formula(name):
    assert moved_as(name)["file"] == f"'{name}"


@pytest.mark.fault(70)
@pytest.mark.parametrize("tracking_id", ["571E23", "123456", "000123", "1E2345", "MAR123", "12MAR5", "SEPT12"])
def test_a_tracking_id_that_a_spreadsheet_takes_for_a_number_or_a_date_stays_text(tracking_id):
    assert moved_as("film.mp4", tracking_id)["tracking_id"] == f"'{tracking_id}"


@pytest.mark.fault(70)
@pytest.mark.parametrize("tracking_id", ["AB0001", "a7K9mP", "E23571", "5E7F23"])
def test_other_tracking_ids_are_written_as_they_are(tracking_id):
    assert moved_as("a;=1.mp4", tracking_id)["tracking_id"] == tracking_id


def moved_as(name, tracking_id="AB0001"):
    line = BUSY.moved_files[0].model_copy(update={"file": name, "tracking_id": tracking_id})
    report = BUSY.model_copy(update={"moved_files": (line,)})
    content = report_attachments(report, CONTEXT.time_zone, CONTEXT.links)[1].content
    assert f'"{name}' in content.decode("utf-8-sig").replace("\"'", '"'), "quoted, whatever separates cells"
    [row] = table(content)
    return row


def test_pictures_and_tables_arrive_with_the_words():
    message = build_email(
        render(DailyReport(report=BUSY), CONTEXT),
        sender=MailAddress("d@example.com"),
        recipients=[MailAddress("o@example.com")],
        message_id="<1@example.com>",
        list_id="<l.example.com>",
        date=NOON,
    )
    received = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert [part.get_filename() for part in received.iter_attachments()] == [
        "campaigns-2026-04-27.csv",
        "moved-files-2026-04-27.csv",
    ]
    shown = {part["Content-ID"] for part in received.walk() if part.get_content_type() == "image/png"}
    body = received.get_body(("html",))
    assert body
    assert shown == {"<trend>", "<latency>", "<ages>"}
    assert all(f"cid:{content_id.strip('<>')}" in body.get_content() for content_id in shown)
