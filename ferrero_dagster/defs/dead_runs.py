"""Runs whose process is gone: found by their campaign and its locks, whatever started them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import dagster as dg

from ferrero_dagster.config.site import Site
from ferrero_dagster.defs.runs import runs_of_campaigns
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import overview
from ferrero_dagster.tracking.database import Cursor, Database

#: The last event of whoever launched a run, and the first of its worker.
_HANDED_OVER = {dg.DagsterEventType.PIPELINE_STARTING, dg.DagsterEventType.RUN_START}
#: Dagster itself ends runs that stay in any other unfinished state but the queue, as dagster.yaml says.
_BEGUN = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED]


def end_dead_runs(instance: dg.DagsterInstance, database: Database, site: Site) -> list[dg.DagsterRun]:
    """End runs of campaigns that are silent while nobody holds a lock of their campaign; those that were ended.

    Only runs have a campaign's partition, whether of a route's job, of an asset's button or of a backfill.
    """
    silent_for = timedelta(minutes=site.campaigns.silent_run_minutes)
    begun = instance.get_runs(dg.RunsFilter(statuses=_BEGUN))
    silent = [run for run in begun if _silent_since(instance, run) < datetime.now(timezone.utc) - silent_for]
    dead = [
        run
        for campaign_id, run in runs_of_campaigns(database, silent)
        if not database.transact(_is_moving, site.routes.names, campaign_id)
    ]
    for run in dead:
        instance.report_run_failed(run, _reason(run, site.campaigns.silent_run_minutes))
    return dead


def _silent_since(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime:
    """When the run wrote its last event; one that has just let go of the lock still sends messages.

    Its worker's clock may be behind that of whoever launched the run: so much later was it.
    """
    events = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    if events:
        handed_over = instance.get_records_for_run(run.run_id, of_type=_HANDED_OVER).records
        return datetime.fromtimestamp(events[0].timestamp + _behind_s(handed_over), timezone.utc)
    record = instance.get_run_record_by_id(run.run_id)
    return record.create_timestamp if record else datetime.now(timezone.utc)


def _behind_s(events: Sequence[dg.EventLogRecord]) -> float:
    """How much earlier an event says that it was written than the one before it."""
    times = [record.timestamp for record in events]
    return max([0.0, *(before - after for before, after in pairwise(times))])


def _is_moving(cursor: Cursor, route_names: Iterable[str], campaign_id: DamId) -> bool:
    return any(overview.is_locked(cursor, f"{name}:{campaign_id}") for name in route_names)


def _reason(run: dg.DagsterRun, minutes: float) -> str:
    if run.status is dg.DagsterRunStatus.NOT_STARTED:
        return f"It was made {minutes:g} minutes ago or more, and whoever made it never put it into the queue."
    return (
        f"Its process is gone: it has written nothing for {minutes:g} minutes, "
        "and nobody holds the lock of its campaign."
    )
