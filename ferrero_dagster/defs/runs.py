"""What Dagster knows of the runs of a campaign: those under way, and the key and tags of the next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import dagster as dg

from ferrero_dagster.config.routes import Route
from ferrero_dagster.defs.partitions import CAMPAIGNS, CAMPAIGNS_NAME, PARTITION_TAG
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
_MAX_TAG_LENGTH = 200
CAMPAIGN_TAG, ROUTE_TAG = "ferrero/campaign_id", "ferrero/route"
TickEvent = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation


class Look(Protocol):
    """What a sensor's look found: the campaigns to start, and as text a line for each campaign."""

    @property
    def starts(self) -> Collection[Campaign]:
        """Campaigns to start now."""

    @property
    def traces(self) -> Sequence[str]:
        """Of errors that nobody foresaw, for the log."""


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """What is not to be started again, and what takes the places of a route."""

    #: Ids of the campaigns that have an unfinished run of any job, or whose lock on the route somebody holds.
    campaigns: frozenset[DamId]
    #: How many of them are on the route, waiting in Dagster's queue or at work.
    on_route: int


def under_way(instance: dg.DagsterInstance, database: Database, route: Route) -> UnderWay:
    """What is under way on the route, whatever started it.

    A lock without a run there is where a run was deleted in Dagster, or its end forced, while its process still works.
    """
    unfinished = runs_of_campaigns(database, instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)))
    locked = database.transact(overview.locked_campaigns, route.name)
    on_route = {campaign_id for campaign_id, run in unfinished if _is_of(run, route)} | locked
    return UnderWay(campaigns=frozenset({id_ for id_, _ in unfinished} | locked), on_route=len(on_route))


def _is_of(run: dg.DagsterRun, route: Route) -> bool:
    """A run of an asset's button has the route's tag only once it has begun."""
    return run.tags.get(ROUTE_TAG) == route.name or dg.AssetKey(route.asset) in (run.asset_selection or ())


def runs_of_campaigns(database: Database, runs: Sequence[dg.DagsterRun]) -> list[tuple[DamId, dg.DagsterRun]]:
    """Those of the runs that have a campaign, with its id, whatever started them: each carries its partition."""
    keys = {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}
    ids = database.transact(campaigns.partitions, keys) if keys else {}
    found = [(ids.get(run.tags.get(PARTITION_TAG, "")), run) for run in runs]
    return [(campaign_id, run) for campaign_id, run in found if campaign_id]


def tick_result(
    context: dg.SensorEvaluationContext,
    database: Database,
    job_name: str,
    look: Look,
    events: Sequence[TickEvent],
    *,
    cursor: str | None = None,
) -> dg.SensorResult:
    """The end of a tick: a run for each campaign that the look starts; the look's lines in the tick's log.

    The `cursor` says where the next look begins.
    """
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
        cursor=cursor,
        skip_reason=None if look.starts else str(look),
    )


def run_key(instance: dg.DagsterInstance, job_name: str, partition_key: str) -> str:
    """A key that names the run before this one.

    Dagster launches a key once for ever, whatever became of the run. Two ticks at once make the same key, so one run;
    once that run has ended, in whatever way, the next key differs.
    """
    before = instance.get_runs(dg.RunsFilter(job_name=job_name, tags={PARTITION_TAG: partition_key}), limit=1)
    return f"{job_name}:{partition_key}:after:{before[0].run_id if before else 'none'}"


def campaign_tags(route_name: str, campaign: Campaign) -> dict[str, str]:
    """The tags that every run of a campaign carries (SPEC 10)."""
    return {
        ROUTE_TAG: route_name,
        CAMPAIGN_TAG: campaign.id,
        "ferrero/campaign_number": campaign.number[:_MAX_TAG_LENGTH],
        "ferrero/campaign_name": campaign.name[:_MAX_TAG_LENGTH],
    }


def new_partitions(instance: dg.DagsterInstance, keys: Collection[str]) -> list[Any]:
    """The request that adds the campaigns which are no partitions yet; adding known ones again would cost time."""
    known = set(instance.get_dynamic_partitions(CAMPAIGNS_NAME)) if keys else set()
    new = [key for key in keys if key not in known]
    return [CAMPAIGNS.build_add_request(new)] if new else []
