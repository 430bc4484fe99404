"""What Dagster knows of the runs of a campaign: those under way, and the key and tags of the next."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

import dagster as dg

from ferrero_dagster.defs.partitions import CAMPAIGNS, CAMPAIGNS_NAME
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import campaigns, overview
from ferrero_dagster.tracking.database import Database

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_SILENT_FOR = timedelta(minutes=10)
_MAX_TAG_LENGTH = 200
_PARTITION_TAG = "dagster/partition"
CAMPAIGN_TAG = "ferrero/campaign_id"
TickEvent = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation


class Look(Protocol):
    """What a sensor's look found: the campaigns to start, and as text a line for each campaign."""

    @property
    def starts(self) -> Collection[Campaign]:
        """Campaigns to start now."""

    @property
    def traces(self) -> Sequence[str]:
        """Of errors that nobody foresaw, for the log."""


def running_campaigns(instance: dg.DagsterInstance, database: Database, job_name: str) -> set[DamId]:
    """Ids of the campaigns that have an unfinished run of this job."""
    unfinished = instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=_UNFINISHED))
    return {campaign_id for campaign_id, _ in _with_campaigns(database, unfinished)}


def _with_campaigns(database: Database, runs: Sequence[dg.DagsterRun]) -> list[tuple[DamId, dg.DagsterRun]]:
    """The runs, each with its campaign's id; one started by hand knows only its partition until it begins."""
    keys = {run.tags[_PARTITION_TAG] for run in runs if _PARTITION_TAG in run.tags}
    ids = database.transact(campaigns.partitions, keys) if keys else {}
    found = [(ids.get(run.tags.get(_PARTITION_TAG, "")), run) for run in runs]
    return [(campaign_id, run) for campaign_id, run in found if campaign_id]


def end_dead_runs(instance: dg.DagsterInstance, database: Database, job_name: str) -> list[str]:
    """End runs of a route that are silent and do not hold their campaign's lock: their process is gone; their ids."""
    ended = []
    started = instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus.STARTED]))
    for campaign_id, run in _with_campaigns(database, started):
        if not _is_silent(instance, run.run_id):
            continue
        if not database.transact(overview.is_locked, f"{job_name}:{campaign_id}"):
            instance.report_run_failed(run, "Its process is gone: it does not hold the lock of its campaign.")
            ended.append(run.run_id)
    return ended


def _is_silent(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run wrote no event lately; one that has just let go of the lock still sends messages."""
    records = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return bool(records) and records[0].timestamp < (datetime.now(timezone.utc) - _SILENT_FOR).timestamp()


def tick_result(
    context: dg.SensorEvaluationContext, database: Database, job_name: str, look: Look, events: Sequence[TickEvent]
) -> dg.SensorResult:
    """The end of a tick: a run for each campaign that the look starts; the look's lines in the tick's log."""
    for line in str(look).splitlines():
        context.log.info(line)
    for trace in look.traces:
        context.log.error(trace)
    keys = database.transact(campaigns.partition_keys, list(look.starts)) if look.starts else {}
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=run_key(context.instance, job_name, keys[campaign.id]),
                partition_key=keys[campaign.id],
                tags=campaign_tags(job_name, campaign),
            )
            for campaign in look.starts
        ],
        dynamic_partitions_requests=new_partitions(context.instance, keys.values()),
        asset_events=events,
        skip_reason=None if look.starts else str(look),
    )


def run_key(instance: dg.DagsterInstance, job_name: str, partition_key: str) -> str:
    """A key that names the run before this one.

    Dagster launches a key once for ever, whatever became of the run. Two ticks at once make the same key, so one run;
    once that run has ended, in whatever way, the next key differs.
    """
    before = instance.get_runs(dg.RunsFilter(job_name=job_name, tags={_PARTITION_TAG: partition_key}), limit=1)
    return f"{job_name}:{partition_key}:after:{before[0].run_id if before else 'none'}"


def campaign_tags(route_name: str, campaign: Campaign) -> dict[str, str]:
    """The tags that every run of a campaign carries (SPEC 10)."""
    return {
        "ferrero/route": route_name,
        CAMPAIGN_TAG: campaign.id,
        "ferrero/campaign_number": campaign.number[:_MAX_TAG_LENGTH],
        "ferrero/campaign_name": campaign.name[:_MAX_TAG_LENGTH],
    }


def new_partitions(instance: dg.DagsterInstance, keys: Collection[str]) -> list[Any]:
    """The request that adds the campaigns which are no partitions yet; adding known ones again would cost time."""
    known = set(instance.get_dynamic_partitions(CAMPAIGNS_NAME)) if keys else set()
    new = [key for key in keys if key not in known]
    return [CAMPAIGNS.build_add_request(new)] if new else []
