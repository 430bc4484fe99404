"""The job `reconcile`: what must be put right by itself from time to time, and its schedule."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from functools import partial
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.defs.catalog import AHEAD_OF_CAMPAIGNS, JOB_METADATA, NO_FORM
from ferrero_dagster.defs.dead_runs import end_dead_runs
from ferrero_dagster.defs.failed_runs import failed_run, shown_job
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.lineage import Lineage, tell_the_rest
from ferrero_dagster.defs.markdown import metadata_table
from ferrero_dagster.defs.old_events import IDLE, forget_old
from ferrero_dagster.defs.reds import Watch, tell
from ferrero_dagster.defs.report_check import evaluate_report_was_sent
from ferrero_dagster.defs.resources import BoxResource, DamResource, TrackingResource
from ferrero_dagster.defs.status import refresh_status
from ferrero_dagster.domain.links import Links
from ferrero_dagster.operations import housekeeping
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.housekeeping import Row, row
from ferrero_dagster.operations.run_failures import tell_failed_run
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.unforeseen import Turn, ended

_LOGGER = logging.getLogger(__name__)
_LOOK_BACK = timedelta(days=1)
_MAX_FAILED_RUNS = 500
_NOTHING = Watch()
_NONE: Mapping[str, "MakeLineage"] = {}


#: Makes a route's `Lineage`.
MakeLineage = Callable[[dg.DagsterInstance, Database, ZoneInfo, Links], Lineage]
_Log = Callable[[str], None]


def build_reconcile(
    owners: Sequence[str] = (), watched: Watch = _NOTHING, lineages: Mapping[str, MakeLineage] = _NONE
) -> dg.JobDefinition:
    """The job; idempotent, and safe beside everything else that runs. `lineages` are those of routes, by name."""

    @dg.op
    def put_right(
        context: dg.OpExecutionContext, dam: DamResource, box: BoxResource, tracking: TrackingResource
    ) -> None:
        with as_failures(job="reconcile"):
            done: list[Row] = []
            troubles: list[str] = []
            with tracking.database() as database:
                step = partial(_step, database, context.run_id, _heard(context.log.error, troubles))
                with step("ending dead runs"):
                    done += _end_dead_runs(context.instance, tracking)
                with step("telling failed runs"):
                    done += _tell_missed(context.instance, tracking)
                with step("telling Dagster of files"):
                    made = {
                        name: make(context.instance, database, tracking.site.zone, dam.links)
                        for name, make in lineages.items()
                    }
                    done += [row("files shown in Dagster", str(n)) for n in [tell_the_rest(database, made)] if n]
                done += _put_right(context.run_id, dam, box, tracking, _heard(context.log.warning, troubles))
                with step("looking for what is red"):
                    reds = tell(context.instance, watched, tracking, database)
                    done += [row("red in Dagster", f"{red.name}: {red.message}") for red in reds]
                with step("looking for the report"):
                    evaluate_report_was_sent(context.instance, tracking)
                with step("bringing the status up to date"):
                    refresh_status(context.instance, tracking)
                context.log.info("%d things were put right.", len(done))
                if not done and not troubles:
                    context.instance.add_run_tags(context.run_id, IDLE)
                with step("forgetting what is old in Dagster"):
                    done += _forget_old(context, tracking)
        context.add_output_metadata({"done": metadata_table(done)})

    @dg.job(
        executor_def=dg.in_process_executor,
        config=NO_FORM,
        tags=AHEAD_OF_CAMPAIGNS,
        metadata=JOB_METADATA,
        owners=owners,
        description=(
            "Ends runs whose process died, reports failed runs that the sensor missed, shows files that a dying run "
            "had moved and not told of, tells what is red in Dagster, notices campaigns that people moved on in the "
            "DAM, brings CreativeX scores that came after their final, ends uploads to Box that nobody goes on with, "
            "gives campaigns that failed long ago a new chance and writes the weekly digest, the last two as the site "
            "configuration says. Brings the asset operations/status and the check report_was_sent up to date. Nothing "
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


def _heard(log: _Log, heard: list[str]) -> _Log:
    """Logs, and keeps what was logged."""

    def both(message: str) -> None:
        heard.append(message)
        log(message)

    return both


def _step(database: Database, run_id: str, log: _Log, name: str) -> AbstractContextManager[None]:
    """An error that nobody foresaw ends this step; the others are done all the same."""
    return ended(database, Turn(name=name, run_id=run_id), log)


def _put_right(run_id: str, dam: DamResource, box: BoxResource, tracking: TrackingResource, warn: _Log) -> list[Row]:
    request = Request(done_by="reconcile", dry_run=False, run_id=run_id)
    with tracking.database() as database:
        return housekeeping.put_right(database, tracking.site, dam.client, box.clients, request, warn=warn)


def _forget_old(context: dg.OpExecutionContext, tracking: TrackingResource) -> list[Row]:
    runs, events = forget_old(context.instance, tracking.site.dagster, job=context.job_name)
    told = {"old runs of reconcile forgotten": runs, "old events without a run forgotten": events}
    return [row(what, str(number)) for what, number in told.items() if number]


def _end_dead_runs(instance: dg.DagsterInstance, tracking: TrackingResource) -> list[Row]:
    with tracking.database() as database:
        dead = end_dead_runs(instance, database, tracking.site)
    return [row("dead run ended", f"{shown_job(run)} {run.run_id}") for run in dead]


def _tell_missed(instance: dg.DagsterInstance, tracking: TrackingResource) -> list[Row]:
    recent = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(timezone.utc) - _LOOK_BACK
    )
    rows = []
    with tracking.database() as database:
        for failed in instance.get_runs(recent, limit=_MAX_FAILED_RUNS):
            with ended(database, Turn(name="telling failed runs", about=failed.run_id), _LOGGER.error):
                run = failed_run(instance, failed.run_id)
                if database.transact(tell_failed_run, run):
                    rows.append(row("failed run reported", f"{run.job} {run.run_id}"))
    return rows
