"""The job `reconcile`: what must be put right by itself from time to time, and its schedule."""

from datetime import datetime, timedelta, timezone
from functools import partial

import dagster as dg

from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.failed_runs import failed_run
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.operations import table
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.routes import FINALS_ROUTE, ROUTES

_SILENT_FOR = timedelta(minutes=10)
_LOOK_BACK = timedelta(days=1)
_MAX_FAILED_RUNS = 500
_ROUTE_NAMES = (*(route.name for route in ROUTES), FINALS_ROUTE.name)
_Row = dict[str, str]


def build_reconcile() -> dg.JobDefinition:
    """The job; idempotent, and safe beside everything else that runs."""

    @dg.op
    def put_right(context: dg.OpExecutionContext, ferrero: FerreroResource) -> None:
        with as_failures():
            connections = ferrero.connections()
            done = [
                *_end_dead_runs(context.instance, connections),
                *_report_missed(context.instance, connections),
                *_release_old_failures(connections, context.run_id),
                *_write_digest(connections),
            ]
        context.log.info("%d things were put right.", len(done))
        context.add_output_metadata({"done": table(done)})

    @dg.job(
        executor_def=dg.in_process_executor,
        description=(
            "Ends runs whose process died, reports failed runs that the sensor missed, gives campaigns that failed "
            "long ago a new chance and writes the weekly digest, the last two as the site configuration says. Nothing "
            "to fill in; safe to start at any time."
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


def _end_dead_runs(instance: dg.DagsterInstance, connections: Connections) -> list[_Row]:
    """Runs of campaigns that are silent and do not hold their campaign's lock: their process is gone."""
    from ferrero_dagster.tracking import overview

    rows = []
    with connections.database() as database:
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            campaign_id = run.tags.get("dagster/partition")
            if run.job_name not in _ROUTE_NAMES or not campaign_id or not _is_silent(instance, run.run_id):
                continue
            is_locked = partial(overview.is_locked, name=f"{run.job_name}:{campaign_id}")
            if not database.transact(is_locked):
                instance.report_run_failed(run, "Its process is gone: it does not hold the lock of its campaign.")
                rows.append(_row("dead run ended", f"{run.job_name} {run.run_id}"))
    return rows


def _is_silent(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run wrote no event lately; one that has just let go of the lock still sends messages."""
    [last] = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return last.timestamp < (datetime.now(timezone.utc) - _SILENT_FOR).timestamp()


def _report_missed(instance: dg.DagsterInstance, connections: Connections) -> list[_Row]:
    from ferrero_dagster.operations.run_failures import report_failed_run

    recent = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(timezone.utc) - _LOOK_BACK
    )
    rows = []
    with connections.database() as database:
        for failed in instance.get_runs(recent, limit=_MAX_FAILED_RUNS):
            run = failed_run(instance, failed.run_id)
            if database.transact(partial(report_failed_run, run=run, links=connections.links)):
                rows.append(_row("failed run reported", f"{run.job} {run.run_id}"))
    return rows


def _release_old_failures(connections: Connections, run_id: str) -> list[_Row]:
    from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries
    from ferrero_dagster.operations.changes import Request

    days = connections.site.campaigns.release_failed_after_days
    if days is None:
        return []
    with connections.database() as database:
        outcome = reset_campaign_retries(
            database,
            connections.site,
            CampaignSelection(all_failed=True, failed_for_days=days),
            Request(done_by="reconcile", dry_run=False, run_id=run_id),
        )
    return [_row("campaign released", change.target) for change in outcome.changes]


def _write_digest(connections: Connections) -> list[_Row]:
    from ferrero_dagster.operations.stuck_digest import write_digest

    now = datetime.now(timezone.utc)
    with connections.database() as database:
        stuck = database.transact(lambda cursor: write_digest(cursor, connections.site, connections.links, now))
    return [] if stuck is None else [_row("digest written", f"{stuck} stuck campaigns")]


def _row(what: str, about: str) -> _Row:
    return {"what": what, "about": about}
