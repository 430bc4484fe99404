"""The daily report in Dagster: an asset with a partition per day, its job, its schedule (SPEC 9, 10)."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from ferrero_dagster.defs import groups
from ferrero_dagster.defs.catalog import JOB_METADATA
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.looks import Watched, sensor_looks
from ferrero_dagster.defs.messages import deliver_at_once
from ferrero_dagster.defs.report_tables import report_metadata
from ferrero_dagster.defs.resources import MailResource, TrackingResource, WebhookResource
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.domain.report_sections import SensorLook
from ferrero_dagster.operations.daily_report import DailyReporting, MadeReport

DAILY_REPORT = dg.AssetKey(["reports", "daily_report"])
_FIRST_DAY = "2026-01-01"
_MAX_RUNTIME_S = 1800


class DailyReportConfig(dg.Config):
    """What an operator may choose when making a report by hand."""

    resend: bool = Field(
        default=False,
        description=(
            "Mail the report once more. Without it a day is mailed once, however often its report is made, and a day "
            "that was over more than 7 days ago is not mailed."
        ),
    )


def build_daily_report(
    *, time_zone: str, cut_off: time, watched: Sequence[Watched], counted_from: Sequence[dg.AssetDep]
) -> dg.AssetsDefinition:
    """The asset `reports/daily_report`; it says which of the `watched` have not looked."""

    @dg.asset(
        key=DAILY_REPORT,
        partitions_def=_days(time_zone, cut_off),
        deps=counted_from,
        group_name=groups.REPORTS,
        kinds={"pandas", "postgres"},
        freshness_policy=dg.FreshnessPolicy.cron(
            deadline_cron=f"{cut_off.minute} {(cut_off.hour + 1) % 24} * * *",
            lower_bound_delta=timedelta(hours=1),
            timezone=time_zone,
        ),
        description=(
            f"What happened on a day, from {cut_off:%H:%M} to {cut_off:%H:%M}, and what waits for somebody. "
            "The first report of a day that is over is kept and "
            "mailed once, if it is made within 7 days; made again it says the same. Today's is counted anew each time "
            "and not mailed. What is known of the present only, as that a campaign failed, is told of the latest day. "
            "Choose a day, and begin with *needs you*."
        ),
    )
    def daily_report(
        context: dg.AssetExecutionContext,
        config: DailyReportConfig,
        tracking: TrackingResource,
        mail: MailResource,
        webhook: WebhookResource,
    ) -> dg.MaterializeResult[Any]:
        with as_failures(job="daily_report"):
            made = _make(context, tracking, sensor_looks(context.instance, watched), resend=config.resend)
        context.log.info(made.report.verdict)
        if made.is_mailed:
            deliver_at_once(context.log, tracking, mail, webhook)
        mailed = made.not_mailed or "A mail was written."
        context.log.info(mailed)
        metadata = report_metadata(made.report, tracking.site.zone, tracking.links)
        return dg.MaterializeResult(metadata=metadata | {"mail": dg.MetadataValue.text(mailed)})

    return daily_report


def _make(
    context: dg.AssetExecutionContext, tracking: TrackingResource, looks: Sequence[SensorLook], *, resend: bool
) -> MadeReport:
    site = tracking.site
    day = ReportDay(date=date.fromisoformat(context.partition_key), zone=site.zone, cut_off=site.report.cut_off)
    with tracking.database() as database:
        reporting = DailyReporting(database=database, site=site, sensors=looks, run_id=context.run.run_id)
        return reporting.make(day, now=datetime.now(timezone.utc), resend=resend)


def _days(time_zone: str, cut_off: time) -> dg.DailyPartitionsDefinition:
    """A partition for each day that has begun, so that people can look at the one that is not over, too.

    Dagster calls a day by the date that it begins on, which of a late cut-off is the day before ours.
    """
    some_day = ReportDay(date=date.fromisoformat(_FIRST_DAY), zone=ZoneInfo("UTC"), cut_off=cut_off)
    days_ahead = (some_day.date - some_day.begins_at.date()).days
    return dg.DailyPartitionsDefinition(
        start_date=_FIRST_DAY,
        timezone=time_zone,
        hour_offset=cut_off.hour,
        minute_offset=cut_off.minute,
        end_offset=1 + days_ahead,
    )


def build_daily_report_job(checks: Sequence[dg.AssetChecksDefinition] = (), owners: Sequence[str] = ()) -> Any:
    """The job `daily_report`: one day per run, and once a day the checks that nothing else runs."""
    return dg.define_asset_job(
        "daily_report",
        selection=dg.AssetSelection.assets(DAILY_REPORT)
        | dg.AssetSelection.checks(*(key for check in checks for key in check.check_keys)),
        executor_def=dg.in_process_executor,
        config={"ops": {DAILY_REPORT.to_python_identifier(): {"config": DailyReportConfig().model_dump()}}},
        # While a run is taken for alive the schedule starts no other: Dagster gives up one whose host died.
        tags={"dagster/max_runtime": str(_MAX_RUNTIME_S)},
        metadata=JOB_METADATA,
        owners=owners,
        description="Makes the report of a day. Choose the day as partition; made again it says and mails nothing new.",
    )


def build_daily_report_schedule(
    *, time_zone: str, cut_off: time, default_status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    """The schedule `daily_report_schedule`: at the cut-off the report of the day that is over, if need be later."""

    @dg.schedule(
        name="daily_report_schedule",
        job_name="daily_report",
        cron_schedule=f"{cut_off.minute} * * * *",
        execution_timezone=time_zone,
        default_status=default_status,
        description=(
            f"Makes and mails the report of the day that is over, at {cut_off:%H:%M} in {time_zone}. If its run "
            "failed, or nothing ran at that time, it is made an hour later: it looks every hour."
        ),
    )
    def daily_report_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = ReportDay.last_over(context.scheduled_execution_time, ZoneInfo(time_zone), cut_off)
        day = due.date.isoformat()
        # A run of before the day was over only looked at it.
        last = context.instance.get_runs(
            dg.RunsFilter(job_name="daily_report", tags={"dagster/partition": day}, created_after=due.ends_at), limit=1
        )
        if last and last[0].status is not dg.DagsterRunStatus.FAILURE:
            return dg.SkipReason(f"The report for {day} has been made, or is being made.")
        return dg.RunRequest(partition_key=day, run_key=f"{day}:after:{last[0].run_id}" if last else day)

    return daily_report_schedule
