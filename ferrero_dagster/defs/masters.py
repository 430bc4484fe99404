"""DAM → Box: the asset and the job of each route, made from its row."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import dagster as dg

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.defs import groups
from ferrero_dagster.defs.arrivals import arrival_evaluation
from ferrero_dagster.defs.campaign_runs import campaign_of_run, campaign_watcher, ended
from ferrero_dagster.defs.catalog import JOB_METADATA
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import master_metadata, outcome_metadata
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
from ferrero_dagster.tracking.arrivals import arrivals
from ferrero_dagster.transfer.masters.run import move_masters

MASTER_ASSETS = dg.AssetKey(["tracking", "master_assets"])


def build_masters_asset(route: MastersRoute) -> dg.AssetsDefinition:
    """The asset whose partitions are the campaigns that went along this route."""

    @dg.asset(
        key=dg.AssetKey(route.asset),
        partitions_def=CAMPAIGNS,
        deps=[dg.AssetDep(dg.AssetKey(route.source_asset))],
        group_name=groups.MASTERS_IN_BOX,
        kinds={"box", "file"},
        description=_description(route),
        tags={"ferrero/route": route.name},
    )
    def masters(
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

    return masters


def build_masters_job(route: MastersRoute, owners: Sequence[str] = ()) -> Any:
    """The job of a route: one campaign per run, in one process."""
    return dg.define_asset_job(
        route.name,
        # The run itself evaluates the check, also where it ends red.
        selection=dg.AssetSelection.assets(dg.AssetKey(route.asset)).without_checks(),
        executor_def=dg.in_process_executor,
        tags={"ferrero/route": route.name},
        metadata=JOB_METADATA,
        owners=owners,
        description=f"{route.title}. Choose the campaign as partition; a repeated run moves only what is missing.",
    )


def _description(route: MastersRoute) -> str:
    place = f"{route.box_folder}/{route.box_subfolder}".rstrip("/")
    return (
        f"{route.title}. The files of `{route.source_folder}` of every campaign of type *{route.campaign_type}* in "
        f"status {route.status_before}, each as `name_TRACKID.ext` in the Box folder `{place}`. When all of them are "
        f"there, the campaign's status becomes {route.status_after}"
        f"{', Make.com is told' if route.webhook else ''} and a mail goes out. One partition per campaign: choose "
        "yours to see its files, and why one is missing."
    )


def _move(context: dg.AssetExecutionContext, resources: RunResources, route: MastersRoute) -> dg.MaterializeResult[Any]:
    watcher = campaign_watcher(
        context,
        route_name=route.name,
        files=MASTER_ASSETS,
        describe=partial(master_metadata, route=route.title, links=resources.dam.links),
    )
    try:
        with resources.systems() as systems:
            campaign_id = campaign_of_run(context, systems.database)
            outcome = move_masters(route, campaign_id, systems, watcher)
            arrived = systems.database.transact(arrivals, route.name, campaign_id)
    finally:
        deliver_at_once(context.log, resources.tracking, resources.mail, resources.webhook)
    context.log_event(arrival_evaluation(route, context.partition_key, arrived))
    metadata = outcome_metadata(outcome, resources.dam.links, campaign_id=campaign_id)
    return ended(context, metadata, is_red=bool(outcome.failed))
