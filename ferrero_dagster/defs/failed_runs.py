"""The sensor that tells of failed runs which nothing else has told."""

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg

from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.defs.failures import ERROR_CODE, REPORTED, SYSTEM
from ferrero_dagster.defs.internals import IMPLICIT_JOB
from ferrero_dagster.defs.partitions import PARTITION_TAG
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.defs.runs import ROUTE_TAG
from ferrero_dagster.domain.errors import FerreroError, OutOfTime
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.operations.run_failures import FailedRun, tell_failed_run
from ferrero_dagster.tracking.waiting import SYSTEM as POSTGRESQL

#: Ended runs that Dagster looks at in one tick: of its five, a bad night's would be told in the afternoon.
_RUNS_PER_TICK = {"DAGSTER_RUN_STATUS_SENSOR_PROCESS_LIMIT": "50", "DAGSTER_RUN_STATUS_SENSOR_FETCH_LIMIT": "200"}


def build_failed_runs(*, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor `failed_runs`; it writes to the outbox only, `pending_notifications` sends."""
    for name, number in _RUNS_PER_TICK.items():
        os.environ.setdefault(name, number)  # Dagster reads them at each tick, from nowhere else

    deadlines: WeakKeyDictionary[logging.Logger, Deadline] = WeakKeyDictionary()

    @dg.run_failure_sensor(
        name="failed_runs",
        minimum_interval_seconds=30,
        default_status=default_status,
        description=(
            "Reports runs that failed without a word: killed, given up, or ended by an error that nobody foresaw. One "
            "mail per cause and day, not per run. What it missed, the job reconcile reports later."
        ),
    )
    def failed_runs(context: dg.RunFailureSensorContext, tracking: TrackingResource) -> None:
        try:
            with foreseen():
                # Called for each run; of a tick the logger is what all calls have in common.
                deadline = deadlines.setdefault(context.log, Deadline.after(tracking.site.looks.budget_s))
                if deadline.is_over:
                    raise OutOfTime(POSTGRESQL, "the time of this tick is over.")
                run = failed_run(context.instance, context.dagster_run.run_id)
                with tracking.database("failed_runs", deadline=deadline) as database:
                    database.transact(tell_failed_run, run)
        except FerreroError as error:
            # Dagster asks for each failed run once; the job reconcile looks again.
            context.log.warning("Not reported now: %s", error)

    return failed_runs


def failed_run(instance: dg.DagsterInstance, run_id: str) -> FailedRun:
    """How and why a run failed, as its events tell."""
    record = instance.get_run_record_by_id(run_id)
    assert record
    run = record.dagster_run
    kind, message, metadata = _why(instance, run_id)
    return FailedRun(
        run_id=run_id,
        job=shown_job(run),
        kind=kind,
        message=message,
        began_at=datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), timezone.utc),
        ended_at=datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), timezone.utc),
        system=str(metadata.get(SYSTEM) or "") or None,
        is_told=bool(metadata.get(REPORTED)),
        details=tuple((label, run.tags[tag]) for label, tag in _details(run) if run.tags.get(tag)),
    )


def shown_job(run: dg.DagsterRun) -> str:
    """What people call it: the route or the job; of one from an asset's button that knows no route yet, its assets."""
    if ROUTE_TAG in run.tags or not run.job_name.startswith(IMPLICIT_JOB):
        return run.tags.get(ROUTE_TAG, run.job_name)
    return ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ())) or "several assets"


def _details(run: dg.DagsterRun) -> tuple[tuple[str, str], ...]:
    if "ferrero/campaign_name" in run.tags:
        return ("Campaign", "ferrero/campaign_name"), ("Number", "ferrero/campaign_number")
    return (("Partition", PARTITION_TAG),)


def _why(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str, Mapping[str, Any]]:
    """Kind, message and metadata of the first failed step, or else of the run's own failure."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    entries = instance.all_logs(run_id, of_type=kinds)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    for event in events:
        data = event.event_specific_data
        told = getattr(data, "user_failure_data", None)
        if told:
            metadata = {name: value.value for name, value in told.metadata.items()}
            return str(metadata.get(ERROR_CODE) or "Failure"), told.description or "", metadata
        error = getattr(data, "error", None)
        if error:
            error = error.cause or error
            return error.cls_name or "error", error.message.partition(":")[2].strip() or error.message, {}
    return "ended from outside", (events[-1].message or "no reason given") if events else "no reason given", {}
