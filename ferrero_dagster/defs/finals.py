"""Box → DAM: the asset, the job, the sensor and the check of each way back, made from its row (SPEC 4, 10)."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import dagster as dg

from ferrero_dagster.clients.http import IMPATIENT
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.defs import groups
from ferrero_dagster.defs.agency_tables import CHECK, agency_check, agency_observation, refused_check
from ferrero_dagster.defs.arrivals import arrival_evaluation
from ferrero_dagster.defs.campaign_runs import campaign_of_run, campaign_watcher, ended
from ferrero_dagster.defs.catalog import JOB_METADATA
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import final_metadata, finals_metadata
from ferrero_dagster.defs.messages import deliver_at_once
from ferrero_dagster.defs.partitions import CAMPAIGNS
from ferrero_dagster.defs.resources import (
    BoxResource,
    DamResource,
    MailResource,
    RunResources,
    TrackingResource,
    WebhookResource,
)
from ferrero_dagster.defs.runs import TickEvent, end_dead_runs, running_campaigns, tick_result
from ferrero_dagster.tracking.agency_files import refused_files
from ferrero_dagster.tracking.arrivals import arrivals
from ferrero_dagster.transfer.finals.look import FinalsLooker
from ferrero_dagster.transfer.finals.run import move_finals

DERIVATIVE_ASSETS = dg.AssetKey(["tracking", "derivative_assets"])


def build_finals_asset(route: FinalsRoute, masters: Collection[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset whose partitions are the campaigns that went along this route; finals are made of `masters`."""

    @dg.asset(
        key=dg.AssetKey(route.asset),
        partitions_def=CAMPAIGNS,
        deps=[dg.AssetKey(route.source_asset), *masters],
        group_name=groups.FINALS_IN_DAM,
        kinds={"opentext", "file"},
        tags={"ferrero/route": route.name},
        description=(
            "Finals in the DAM: every ready file of the agency's Box folder, imported under its clean name with its "
            "master's metadata, proven, and only then deleted from Box. When every active master of a campaign has a "
            f"final, its status goes from {route.status_before} to {route.status_after}. One partition per campaign: "
            "choose yours to see its finals; what waits or was refused is on the page of the agency's folder."
        ),
    )
    def finals(
        context: dg.AssetExecutionContext,
        *,
        dam: DamResource,
        box: BoxResource,
        tracking: TrackingResource,
        mail: MailResource,
        webhook: WebhookResource,
    ) -> dg.MaterializeResult[Any]:
        resources = RunResources(dam=dam, box=box, tracking=tracking, mail=mail, webhook=webhook)
        with as_failures(job=route.name):
            return _move(context, resources, route)

    return finals


def build_finals_job(route: FinalsRoute, owners: Sequence[str] = ()) -> Any:
    """The job of a route: one campaign per run, in one process."""
    return dg.define_asset_job(
        route.name,
        # The run itself evaluates the check, also where it ends red.
        selection=dg.AssetSelection.assets(dg.AssetKey(route.asset)).without_checks(),
        executor_def=dg.in_process_executor,
        tags={"ferrero/route": route.name},
        metadata=JOB_METADATA,
        owners=owners,
        description=(
            f"{route.title}. Choose the campaign as partition; it moves all files of the campaign that the sensor "
            f"{route.sensor} found ready. A repeated run moves only what is missing."
        ),
    )


def build_agency_sensor(
    route: FinalsRoute, *, interval_s: int, default_status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """The sensor of a route: one run for each campaign that has files ready."""

    @dg.sensor(
        name=route.sensor,
        job_name=route.name,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=(
            "Lists the agency's Box folder and sorts every file: ready, settling (still being uploaded or just "
            "changed) or refused (mailed once with what is wrong). Starts one run per campaign that has files ready."
        ),
    )
    def agency_files(
        context: dg.SensorEvaluationContext, box: BoxResource, tracking: TrackingResource
    ) -> dg.SensorResult:
        with as_failures(), tracking.database() as database:
            end_dead_runs(context.instance, database, route.name)
            look = FinalsLooker(
                open_agency=lambda: box.agency(IMPATIENT),
                route=route,
                folder_id=box.folder_id(route.inbox),
                database=database,
                site=tracking.site,
            ).look(running=running_campaigns(context.instance, database, route.name))
            events: list[TickEvent] = []
            if look.judgements is not None:
                events = [agency_observation(route, look, box.links), agency_check(route, look)]
            return tick_result(context, database, route.name, look, events)

    return agency_files


def build_refused_check(route: FinalsRoute) -> dg.AssetChecksDefinition:
    """The check on the agency's folder that the sensor evaluates at each look."""

    @dg.asset_check(
        asset=dg.AssetKey(route.source_asset),
        name=CHECK,
        description=(
            "Fails while the agency's folder holds files that were refused: somebody must rename or remove them."
        ),
    )
    def no_refused_files(tracking: TrackingResource) -> dg.AssetCheckResult:
        with as_failures(), tracking.database() as database:
            return refused_check(database.transact(refused_files, route.name))

    return no_refused_files


def _move(context: dg.AssetExecutionContext, resources: RunResources, route: FinalsRoute) -> dg.MaterializeResult[Any]:
    watcher = campaign_watcher(
        context,
        route_name=route.name,
        files=DERIVATIVE_ASSETS,
        describe=partial(final_metadata, links=resources.dam.links),
    )
    try:
        with resources.systems() as systems:
            campaign_id = campaign_of_run(context, systems.database)
            outcome = move_finals(route, campaign_id, systems, watcher)
            arrived = systems.database.transact(arrivals, route.name, campaign_id)
    finally:
        deliver_at_once(context.log, resources.tracking, resources.mail, resources.webhook)
    context.log_event(arrival_evaluation(route, context.partition_key, arrived))
    metadata = finals_metadata(outcome, resources.dam.links, campaign_id=campaign_id)
    return ended(context, metadata, is_red=bool(outcome.failed))
