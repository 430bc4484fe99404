"""DAM → Box: the asset and the job of each route, made from its row."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.defs import groups
from ferrero_dagster.defs.campaign_runs import build_campaign_asset, build_campaign_job, campaign_watcher
from ferrero_dagster.defs.lineage import Lineage
from ferrero_dagster.defs.markdown import Metadata, master_metadata, outcome_metadata
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.masters.mails import moved_file
from ferrero_dagster.transfer.masters.run import move_masters
from ferrero_dagster.transfer.systems import Systems

MASTER_ASSETS = dg.AssetKey(["tracking", "master_assets"])


def build_masters_asset(route: MastersRoute) -> dg.AssetsDefinition:
    """The asset whose partitions are the campaigns that went along this route."""
    return build_campaign_asset(
        route,
        partial(_move, route),
        deps=[dg.AssetKey(route.source_asset)],
        group_name=groups.MASTERS_IN_BOX,
        kinds={"box", "file"},
        description=_description(route),
    )


def build_masters_job(route: MastersRoute, owners: Sequence[str] = ()) -> Any:
    """The job of a route: one campaign per run, in one process."""
    return build_campaign_job(route, "A repeated run moves only what is missing.", owners)


def _description(route: MastersRoute) -> str:
    place = f"{route.box_folder}/{route.box_subfolder}".rstrip("/")
    return (
        f"{route.title}. The files of `{route.source_folder}` of every campaign of type *{route.campaign_type}* in "
        f"status {route.status_before}, each as `name_TRACKID.ext` in the Box folder `{place}`. When all of them are "
        f"there, the campaign's status becomes {route.status_after}"
        f"{', Make.com is told' if route.webhook else ''} and a mail goes out."
    )


def masters_lineage(
    route: MastersRoute, instance: dg.DagsterInstance, database: Database, zone: ZoneInfo, links: Links
) -> Lineage:
    """Where the events of the route's files go."""
    return Lineage(
        instance=instance,
        database=database,
        zone=zone,
        route=route,
        files=MASTER_ASSETS,
        describe=partial(master_metadata, route=route.title, links=links),
        moved_file=moved_file,
    )


def _move(
    route: MastersRoute, context: dg.AssetExecutionContext, systems: Systems, campaign_id: DamId, links: Links
) -> tuple[Metadata, bool]:
    lineage = masters_lineage(route, context.instance, systems.database, systems.site.zone, links)
    with campaign_watcher(context, lineage) as watcher:
        outcome = move_masters(route, campaign_id, systems, watcher)
    return outcome_metadata(outcome, links, campaign_id=campaign_id), bool(outcome.failed)
