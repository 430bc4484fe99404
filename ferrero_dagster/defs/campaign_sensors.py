"""The sensors that look for campaigns in the DAM, one per route, made from its row."""

from typing import Any

import dagster as dg

from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.masters import campaign_tags
from ferrero_dagster.defs.partitions import CAMPAIGNS, CAMPAIGNS_NAME
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.routes import Route

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_MAX_OBSERVED_ROWS = 100


def build_campaign_sensor(
    route: Route, *, interval_s: int, default_status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """The sensor of a route: one run for each campaign that is ready, at most so many per tick as the site says."""

    @dg.sensor(
        name=route.sensor,
        job_name=route.name,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=(
            f"Looks in the DAM for campaigns of type {route.campaign_type} in status {route.status_before} and starts "
            f"a run of {route.name} for each that has assets in {route.source_folder}. Empty campaigns are counted and "
            "wait; failed ones wait for their next attempt. A tick says of each campaign what became of it."
        ),
    )
    def campaigns(context: dg.SensorEvaluationContext, ferrero: FerreroResource) -> dg.SensorResult:
        from ferrero_dagster.clients.http import HttpLimits
        from ferrero_dagster.transfer.looking import Looker

        limits = HttpLimits(connect_timeout_s=5, read_timeout_s=20, retry_for_s=15, attempts=3)
        with as_failures():
            connections = ferrero.connections()
            with connections.database() as database, connections.dam(limits) as dam:
                looker = Looker(
                    dam=dam, database=database, site=connections.site, links=connections.links, interval_s=interval_s
                )
                look = looker.look(route, running=_running(context.instance, route))
        for line in str(look).splitlines():
            context.log.info(line)
        return dg.SensorResult(
            run_requests=[_request(context.instance, route, campaign) for campaign in look.starts],
            dynamic_partitions_requests=_new_partitions(context.instance, look.starts),
            asset_events=[] if look.found is None else [_observation(route, look.found)],
            skip_reason=None if look.starts else str(look),
        )

    return campaigns


def _running(instance: dg.DagsterInstance, route: Route) -> set[str]:
    runs = instance.get_runs(dg.RunsFilter(job_name=route.name, statuses=_UNFINISHED))
    return {run.tags.get("dagster/partition", "") for run in runs}


def _request(instance: dg.DagsterInstance, route: Route, campaign: Campaign) -> dg.RunRequest:
    """A run under a key that names the run before it.

    Dagster launches a key once for ever, whatever became of the run. Two ticks at once make the same key, so one run;
    once that run has ended, in whatever way, the next key differs.
    """
    before = instance.get_runs(dg.RunsFilter(job_name=route.name, tags={"dagster/partition": campaign.id}), limit=1)
    run_key = f"{route.name}:{campaign.id}:after:{before[0].run_id if before else 'none'}"
    return dg.RunRequest(run_key=run_key, partition_key=campaign.id, tags=campaign_tags(route.name, campaign))


def _new_partitions(instance: dg.DagsterInstance, starts: list[Campaign]) -> list[Any]:
    known = set(instance.get_dynamic_partitions(CAMPAIGNS_NAME)) if starts else set()
    new = [campaign.id for campaign in starts if campaign.id not in known]
    return [CAMPAIGNS.build_add_request(new)] if new else []


def _observation(route: Route, found: list[Campaign]) -> dg.AssetObservation:
    records = [
        dg.TableRecord({"number": c.number, "name": c.name, "status": c.status}) for c in found[:_MAX_OBSERVED_ROWS]
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in ("number", "name", "status")])
    return dg.AssetObservation(
        asset_key=dg.AssetKey(route.source_asset),
        metadata={
            f"campaigns in {route.status_before}": len(found),
            f"waiting in {route.status_before}": dg.MetadataValue.table(records, schema=columns),
        },
    )
