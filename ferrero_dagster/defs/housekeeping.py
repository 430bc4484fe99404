"""The job `reconcile`: what must be put right by itself from time to time, and its schedule."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import dagster as dg

from ferrero_dagster.defs.catalog import JOB_METADATA
from ferrero_dagster.defs.failed_runs import failed_run
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import metadata_table
from ferrero_dagster.defs.report_check import evaluate_report_was_sent
from ferrero_dagster.defs.resources import DamResource, TrackingResource
from ferrero_dagster.defs.runs import end_dead_runs
from ferrero_dagster.defs.status import refresh_status
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.run_failures import tell_failed_run
from ferrero_dagster.operations.stuck_digest import write_digest
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.transfer.campaign.sightings import reread

_LOOK_BACK = timedelta(days=1)
_MAX_FAILED_RUNS = 500
_MAX_REREAD = 50
_Row = dict[str, str]


def build_reconcile(owners: Sequence[str] = ()) -> dg.JobDefinition:
    """The job; idempotent, and safe beside everything else that runs."""

    @dg.op
    def put_right(context: dg.OpExecutionContext, dam: DamResource, tracking: TrackingResource) -> None:
        with as_failures(job="reconcile"):
            done = [
                *_end_dead_runs(context.instance, tracking),
                *_tell_missed(context.instance, tracking),
                *_release_old_failures(tracking, context.run_id),
                *_reread_campaigns(dam, tracking, context.log.warning),
                *_write_digest(tracking),
            ]
            evaluate_report_was_sent(context.instance, tracking)
            refresh_status(context.instance, tracking)
        context.log.info("%d things were put right.", len(done))
        context.add_output_metadata({"done": metadata_table(done)})

    @dg.job(
        executor_def=dg.in_process_executor,
        metadata=JOB_METADATA,
        owners=owners,
        description=(
            "Ends runs whose process died, reports failed runs that the sensor missed, notices campaigns that people "
            "moved on in the DAM, gives those that failed long ago a new chance and writes the weekly digest, the last "
            "two as the site configuration says. Brings the asset operations/status and the check report_was_sent up "
            "to date. Nothing to fill in; safe to start at any time."
        ),
    )
    def reconcile() -> None:
        put_right()

    return reconcile


def build_reconcile_schedule(
    job: dg.JobDefinition, *, default_status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    """The schedule `reconcile_schedule`, every hour."""
    return dg.ScheduleDefinition(
        name="reconcile_schedule",
        job=job,
        cron_schedule="20 * * * *",
        default_status=default_status,
        description="Puts right every hour what died or was forgotten.",
    )


def _end_dead_runs(instance: dg.DagsterInstance, tracking: TrackingResource) -> list[_Row]:
    with tracking.database() as database:
        return [
            _row("dead run ended", f"{name} {run_id}")
            for name in tracking.site.routes.names
            for run_id in end_dead_runs(instance, database, name)
        ]


def _tell_missed(instance: dg.DagsterInstance, tracking: TrackingResource) -> list[_Row]:
    recent = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(timezone.utc) - _LOOK_BACK
    )
    rows = []
    with tracking.database() as database:
        for failed in instance.get_runs(recent, limit=_MAX_FAILED_RUNS):
            run = failed_run(instance, failed.run_id)
            if database.transact(tell_failed_run, run):
                rows.append(_row("failed run reported", f"{run.job} {run.run_id}"))
    return rows


def _release_old_failures(tracking: TrackingResource, run_id: str) -> list[_Row]:
    days = tracking.site.campaigns.release_failed_after_days
    if days is None:
        return []
    with tracking.database() as database:
        outcome = reset_campaign_retries(
            database,
            tracking.site,
            CampaignSelection(all_failed=True, failed_for_days=days),
            Request(done_by="reconcile", dry_run=False, run_id=run_id),
        )
    return [_row("campaign released", change.target) for change in outcome.changes]


def _reread_campaigns(dam: DamResource, tracking: TrackingResource, warn: Callable[[str], None]) -> list[_Row]:
    """Campaigns in a status that has a time limit, which a person may have moved on unseen by any sensor."""
    site = tracking.site
    statuses = {*(route.status_before for route in site.routes.finals), *site.campaigns.max_days_in_status}
    with tracking.database() as database:
        known = database.transact(campaigns.in_status, statuses, limit=_MAX_REREAD)
        if not known:
            return []
        try:
            with dam.client() as otmm:
                return [_row("campaign moved on", line) for line in reread(otmm, database, tracking.site, known)]
        except FerreroError as error:
            warn(f"Campaigns could not be read again: {error}")
            return []


def _write_digest(tracking: TrackingResource) -> list[_Row]:
    now = datetime.now(timezone.utc)
    with tracking.database() as database:
        stuck = database.transact(write_digest, tracking.site, now)
    return [] if stuck is None else [_row("digest written", f"{stuck} stuck campaigns")]


def _row(what: str, about: str) -> _Row:
    return {"what": what, "about": about}
