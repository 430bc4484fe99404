"""What is old in Dagster's tables and of no use to anybody goes, so that they do not grow for ever.

That is runs of the job `reconcile` that ended well, whose work our own tables tell. Each writes some 15 events, every
hour: those that found nothing to do and had nothing to say go with the next. And it is what is written without a run:
what sensors observed, what checks said then, and how things stood. Of each the latest stays. All other materializations
and the runs of campaigns stay: they are history and lineage.
"""

from datetime import datetime, timedelta, timezone

import dagster as dg
import sqlalchemy as sa

from ferrero_dagster.config.site import DagsterSite
from ferrero_dagster.defs.internals import AssetEventTagsTable, SqlEventLogStorage, SqlEventLogStorageTable
from ferrero_dagster.defs.status import STATUS

#: At one time, so that the job ends soon; more go at the next.
_MAX_RUNS, _MAX_EVENTS = 200, 5000
#: So long whoever has started a run by hand finds it, whatever it found.
_SHOWN = timedelta(minutes=30)
#: The tags of a run that found nothing to do and had nothing to say.
IDLE = {"ferrero/idle": "true"}
_SEEN = [dg.DagsterEventType.ASSET_OBSERVATION.value, dg.DagsterEventType.ASSET_CHECK_EVALUATION.value]
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION.value


def forget_old(instance: dg.DagsterInstance, site: DagsterSite, *, job: str) -> tuple[int, int]:
    """Delete some of the old runs of the job, and of the old events without a run; how many went. Safe to repeat."""
    now = datetime.now(timezone.utc)
    runs, observations = site.keep_reconcile_days, site.keep_observations_days
    return (
        _forget_runs(instance, job, now - timedelta(days=runs)) if runs else 0,
        _forget_events(instance, now - timedelta(days=observations)) if observations else 0,
    )


def _forget_runs(instance: dg.DagsterInstance, job: str, before: datetime) -> int:
    good = [dg.DagsterRunStatus.SUCCESS]
    old = dg.RunsFilter(job_name=job, statuses=good, created_before=before)
    idle = dg.RunsFilter(job_name=job, statuses=good, tags=IDLE, created_before=datetime.now(timezone.utc) - _SHOWN)
    run_ids = {run_id for which in (old, idle) for run_id in instance.get_run_ids(which, limit=_MAX_RUNS)}
    for run_id in run_ids:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return len(run_ids)


def _forget_events(instance: dg.DagsterInstance, before: datetime) -> int:
    """Dagster has no call for it; only whole assets can be wiped."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    events, tags = SqlEventLogStorageTable, AssetEventTagsTable
    id_, kind, key = events.c.id, events.c.dagster_event_type, events.c.asset_key
    is_status = (kind == _MATERIALIZED) & (key == STATUS.to_string())
    is_one = (events.c.run_id == "") & (kind.in_(_SEEN) | is_status)
    latest = sa.select(sa.func.max(id_)).where(is_one).group_by(key, kind)
    old = sa.select(id_).where(is_one, events.c.timestamp < before.replace(tzinfo=None), id_.not_in(latest))
    with storage.index_connection() as connection:
        ids = list(connection.execute(old.order_by(id_).limit(_MAX_EVENTS)).scalars())
        connection.execute(sa.delete(tags).where(tags.c.event_id.in_(ids)))
        connection.execute(sa.delete(events).where(id_.in_(ids)))
    return len(ids)
