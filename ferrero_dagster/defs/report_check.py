"""The check `report_was_sent`: silence is told too."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg

from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.report import DAILY_REPORT, REPORT_HOUR
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.tracking.daily_reports import ReportDelivery, report_delivery, unsent_reports

_STATES = {None: "was never written", "waiting": "waits", "sent": "was sent", "set_aside": "could not be delivered"}


@dg.asset_check(
    asset=DAILY_REPORT,
    name="report_was_sent",
    description=(
        "Fails while the last report that was due is missing, or the mail of one of the last week has not left. "
        "The job reconcile looks every hour."
    ),
)
def report_was_sent(tracking: TrackingResource) -> dg.AssetCheckResult:
    """What the tracking database says of the reports."""
    with as_failures():
        passed, sentence = find_unsent(tracking)
    metadata = {"result": dg.MetadataValue.text(sentence)}
    return dg.AssetCheckResult(passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)


def evaluate_report_was_sent(instance: dg.DagsterInstance, tracking: TrackingResource) -> None:
    """Write down what the check says now, without a run of its own."""
    passed, sentence = find_unsent(tracking)
    [key] = report_was_sent.check_keys
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"result": dg.MetadataValue.text(sentence)},
        )
    )


def find_unsent(tracking: TrackingResource) -> tuple[bool, str]:
    """Whether every report that was due has been made and has left, and a sentence about those that have not."""
    day = day_due(datetime.now(timezone.utc).astimezone(tracking.site.zone))
    with tracking.database() as database:
        delivery = database.transact(report_delivery, day)
        unsent = database.transact(unsent_reports)
    passed, sentence = judge_delivery(day, delivery)
    told = [_told(report.day, report.mail_state, report.last_error) for report in unsent if report.day != day]
    return passed and not told, " ".join([*told, sentence])


def day_due(now: datetime) -> date:
    """The day whose report was due last at this local time."""
    return now.date() - timedelta(days=1 if now.hour >= REPORT_HOUR else 2)


def judge_delivery(day: date, delivery: ReportDelivery | None) -> tuple[bool, str]:
    """Whether the report was made and mailed, in words too; a mail may take an hour."""
    if delivery is None:
        return False, f"No report was made for {day}: see whether daily_report_schedule is switched on."
    passed = delivery.mail_state == "sent" or (delivery.mail_state == "waiting" and delivery.is_fresh)
    return passed, _told(day, delivery.mail_state, delivery.last_error)


def _told(day: date, mail_state: str | None, last_error: str | None) -> str:
    reason = f": {last_error}" if last_error and mail_state != "sent" else "."
    return f"The mail of the report for {day} {_STATES[mail_state]}{reason}"
