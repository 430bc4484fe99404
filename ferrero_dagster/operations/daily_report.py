"""Makes the daily report: counted once, kept, mailed once (SPEC 9)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.report import Report, ReportDay
from ferrero_dagster.domain.report_sections import SensorLook, build_report
from ferrero_dagster.messages.facts import DailyReport
from ferrero_dagster.operations.request_months import request_lines
from ferrero_dagster.tracking import daily_reports, final_scores, outbox, report_frames
from ferrero_dagster.tracking.database import Cursor, Database

#: Many past days may be made at once.
_MAILED_WITHIN = timedelta(days=7)
_NOT_OVER = "No mail: the day is not over."
_MADE_BEFORE = "No mail: this report was made before; to mail it once more, run it with resend: true."
_LONG_PAST = "No mail: the day was over more than 7 days ago; to mail its report, run it with resend: true."


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeReport:
    """A report, counted now or found as it was made first, and why no mail was written, if none was."""

    report: Report
    not_mailed: str | None

    @property
    def is_mailed(self) -> bool:
        """Whether a mail was written now."""
        return self.not_mailed is None


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyReporting:
    """What a report needs beside its day."""

    database: Database
    site: Site
    sensors: Sequence[SensorLook]
    run_id: str

    def make(self, day: ReportDay, *, now: datetime, resend: bool = False) -> MadeReport:
        """The report of `day`; the first one of a day that is over is kept, and mailed, in one transaction.

        Made again it is the one that was kept, and no second mail is written unless `resend`; a day that was over a
        week ago is mailed only with `resend`. The report of a day that is not over is neither kept nor mailed.

        Raises:
            FerreroError: PostgreSQL cannot be used.
        """
        return self.database.transact(self._make, day, now, resend=resend)

    def _make(self, cursor: Cursor, day: ReportDay, now: datetime, *, resend: bool) -> MadeReport:
        report_frames.take_snapshot(cursor)
        stored = daily_reports.stored_report(cursor, day.date)
        if stored is not None:
            report, key = Report.model_validate(stored), f"{daily_reports.mail_key(day.date)}:{self.run_id}"
            not_mailed = None if resend else _MADE_BEFORE
        else:
            day = _between_neighbours(cursor, day)
            report, key = self._count(cursor, day, now), daily_reports.mail_key(day.date)
            if not report.is_over:
                return MadeReport(report=report, not_mailed=_NOT_OVER)
            daily_reports.store_report(cursor, day.date, report.model_dump(mode="json"))
            not_mailed = None if resend or now - day.ends_at < _MAILED_WITHIN else _LONG_PAST
        if not_mailed is None:
            self._write_mail(cursor, report, key)
        return MadeReport(report=report, not_mailed=not_mailed)

    def _count(self, cursor: Cursor, day: ReportDay, now: datetime) -> Report:
        report = build_report(
            report_frames.read_frames(
                cursor,
                day,
                routes=self.site.routes,
                max_days_in_status=self.site.campaigns.max_days_in_status,
                is_latest=day.is_latest(now),
            ),
            day=day,
            as_of=now,
            sensors=self.sensors,
            polls_before_warning=self.site.campaigns.empty_polls_before_warning,
            unscored=final_scores.unscored_of_day(cursor, day.begins_at, day.ends_at),
        )
        return report.model_copy(update={"requests": request_lines(cursor, self.site, day.date)})

    def _write_mail(self, cursor: Cursor, report: Report, dedupe_key: str) -> None:
        fact = DailyReport(report=report, run_id=self.run_id)
        outbox.add(cursor, fact, dedupe_key)


def _between_neighbours(cursor: Cursor, day: ReportDay) -> ReportDay:
    """The day so that nothing is lost or doubled between its report and the stored ones of the days beside it.

    They differ from what the cut-off says where that, or the time zone, was another when they were made.
    """
    beside = daily_reports.periods_beside(cursor, day.date)
    before, after = day.before(1).date, day.before(-1).date
    periods = {date: period or _calendar_day(date, day) for date, period in beside.items()}
    return replace(
        day,
        began_at=periods[before][1] if before in periods else None,
        ended_at=periods[after][0] if after in periods else None,
    )


def _calendar_day(date: date, like: ReportDay) -> tuple[datetime, datetime]:
    day = ReportDay(date=date, zone=like.zone)
    return day.begins_at, day.ends_at
