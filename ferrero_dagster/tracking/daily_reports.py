"""`daily_reports`: what the report of each day said when it was made first, and whether its mail has left."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import json_text

#: The rows of `UnsentReport`.
UNSENT = """
SELECT r.day, n.state AS mail_state, n.last_error
FROM daily_reports r JOIN notifications n ON n.dedupe_key = 'daily_report:' || r.day
WHERE r.made_at BETWEEN now() - interval '7 days' AND now() - interval '1 hour' AND n.state <> 'sent'
  AND NOT EXISTS (SELECT FROM notifications again
                  WHERE again.state = 'sent' AND starts_with(again.dedupe_key, n.dedupe_key || ':'))
ORDER BY r.day
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDelivery:
    """Where a report that was made stands; `mail_state` is the outbox's, None where no mail was written."""

    mail_state: str | None
    last_error: str | None
    #: Made less than an hour ago: its mail may still be on its way.
    is_fresh: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsentReport:
    """A report of the last days whose mail has not left within an hour; `mail_state` is the outbox's."""

    day: date
    mail_state: str
    last_error: str | None


def stored_report(cursor: Cursor, day: date) -> dict[str, Any] | None:
    """What the report of that day said when it was made first, if it was."""
    cursor.execute("SELECT report FROM daily_reports WHERE day = %s", (day,))
    row = cursor.fetchone()
    return row["report"] if row else None


def store_report(cursor: Cursor, day: date, report: dict[str, Any]) -> None:
    """Keep what the report of that day says; what was kept first stays."""
    cursor.execute(
        "INSERT INTO daily_reports (day, report) VALUES (%s, %s) ON CONFLICT (day) DO NOTHING",
        (day, json_text(report)),
    )


def periods_beside(cursor: Cursor, day: date) -> dict[date, tuple[datetime, datetime] | None]:
    """What the stored reports of the day before and the day after tell of; None for one that does not say."""
    cursor.execute(
        """
        SELECT day, (report->>'begins_at')::timestamptz AS begins_at, (report->>'ends_at')::timestamptz AS ends_at
        FROM daily_reports WHERE day IN (%(day)s::date - 1, %(day)s::date + 1)
        """,
        {"day": day},
    )
    return {
        row["day"]: (row["begins_at"], row["ends_at"]) if row["begins_at"] and row["ends_at"] else None
        for row in cursor.fetchall()
    }


def mail_key(day: date) -> str:
    """The dedupe key of the mail that a report writes when it is made first."""
    return f"daily_report:{day}"


def report_delivery(cursor: Cursor, day: date) -> ReportDelivery | None:
    """Whether the mail of that day's report has left; None where no report was made."""
    cursor.execute(
        """
        SELECT CASE WHEN EXISTS (SELECT FROM notifications again WHERE again.state = 'sent'
                                 AND starts_with(again.dedupe_key, n.dedupe_key || ':'))
                    THEN 'sent' ELSE n.state END AS mail_state,
               n.last_error, r.made_at > now() - interval '1 hour' AS is_fresh
        FROM daily_reports r LEFT JOIN notifications n ON n.dedupe_key = %s WHERE r.day = %s
        """,
        (mail_key(day), day),
    )
    row = cursor.fetchone()
    return ReportDelivery(**row) if row else None


def installed_after(cursor: Cursor, moment: datetime) -> bool:
    """Whether this database became ours only then or later."""
    cursor.execute("SELECT FROM installations WHERE installed_at >= %s", (moment,))
    return cursor.rowcount > 0


def unsent_reports(cursor: Cursor) -> list[UnsentReport]:
    """The reports of the last week whose mails should have left by now, however they were asked for."""
    cursor.execute(UNSENT)
    return [UnsentReport(**row) for row in cursor.fetchall()]
