"""The check `report_was_sent`: silence is told too."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg

from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.report import DAILY_REPORT, REPORT_HOUR
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.tracking.daily_reports import ReportDelivery, report_delivery

_STATES = {None: "was never written", "waiting": "waits", "sent": "was sent", "set_aside": "could not be delivered"}


@dg.asset_check(
    asset=DAILY_REPORT,
    name="report_was_sent",
    description="Fails while the last report that was due is missing, or its mail has not left.",
)
def report_was_sent(ferrero: FerreroResource) -> dg.AssetCheckResult:
    """What the tracking database says of the report that was due last."""
    with as_failures():
        connections = ferrero.connections()
        day = day_due(datetime.now(timezone.utc).astimezone(connections.site.zone))
        with connections.database() as database:
            delivery = database.transact(lambda cursor: report_delivery(cursor, day))
    return sent_check(day, delivery)


def day_due(now: datetime) -> date:
    """The day whose report was due last at this local time."""
    return now.date() - timedelta(days=1 if now.hour >= REPORT_HOUR else 2)


def sent_check(day: date, delivery: ReportDelivery | None) -> dg.AssetCheckResult:
    """Whether the report was made and mailed; a mail may take an hour."""
    passed, sentence = False, f"No report was made for {day}: see whether daily_report_schedule is switched on."
    if delivery:
        passed = delivery.mail_state == "sent" or (delivery.mail_state == "waiting" and delivery.is_fresh)
        state = _STATES[delivery.mail_state]
        reason = f": {delivery.last_error}" if delivery.last_error and delivery.mail_state != "sent" else "."
        sentence = f"The mail of the report for {day} {state}{reason}"
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata={"result": dg.MetadataValue.text(sentence)}
    )
