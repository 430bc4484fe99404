"""Whether the daily report that was due has been made and has left: silence is told too (SPEC 9)."""

from datetime import date, datetime, timezone

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.tracking.daily_reports import (
    ReportDelivery,
    installed_after,
    report_delivery,
    unsent_reports,
)
from ferrero_dagster.tracking.database import Database

_STATES = {None: "was never written", "waiting": "waits", "sent": "was sent", "set_aside": "could not be delivered"}


def find_unsent(database: Database, site: Site) -> tuple[bool, str]:
    """Whether every report that was due has been made and has left, and a sentence about those that have not."""
    due = report_day_due(datetime.now(timezone.utc), site)
    delivery = database.transact(report_delivery, due.date)
    passed, sentence = judge_delivery(due.date, delivery)
    if delivery is None and database.transact(installed_after, due.ends_at):
        passed, sentence = True, "No report is due yet: when the last day ended, this database was not in use."
    unsent = database.transact(unsent_reports)
    told = [_told(report.day, report.mail_state, report.last_error) for report in unsent if report.day != due.date]
    return passed and not told, " ".join([*told, sentence])


def report_day_due(now: datetime, site: Site) -> ReportDay:
    """The day whose report was due last: it is made at the cut-off that ends the day."""
    return ReportDay.last_over(now, site.zone, site.report.cut_off)


def judge_delivery(day: date, delivery: ReportDelivery | None) -> tuple[bool, str]:
    """Whether the report was made and mailed, in words too; a mail may take an hour."""
    if delivery is None:
        return False, f"No report was made for {day}: see whether daily_report_schedule is switched on."
    passed = delivery.mail_state == "sent" or (delivery.mail_state == "waiting" and delivery.is_fresh)
    return passed, _told(day, delivery.mail_state, delivery.last_error)


def _told(day: date, mail_state: str | None, last_error: str | None) -> str:
    reason = f": {last_error}" if last_error and mail_state != "sent" else "."
    return f"The mail of the report for {day} {_STATES[mail_state]}{reason}"
