"""Assets that others make or that have no run of their own: shown for lineage, their events come from elsewhere."""

from collections.abc import Sequence

import dagster as dg

from ferrero_dagster.config.routes import FinalsRoute, Route, Routes
from ferrero_dagster.defs import groups
from ferrero_dagster.defs.finals import DERIVATIVE_ASSETS
from ferrero_dagster.defs.masters import MASTER_ASSETS
from ferrero_dagster.defs.partitions import TRACKING_IDS


def external_assets(routes: Routes) -> list[dg.AssetSpec]:
    """What the sensors observe, and one event per moved file under its tracking ID."""
    master_assets = dg.AssetSpec(
        MASTER_ASSETS,
        partitions_def=TRACKING_IDS,
        deps=_all_campaigns(routes.masters),
        group_name=groups.TRACKING,
        kinds={"postgres", "table"},
        description=(
            "The masters in Box, one partition per tracking ID: each event links the asset in the DAM with the file in "
            "Box. Written by the runs of the routes; the tracking database holds the same in `master_assets`."
        ),
    )
    derivative_assets = dg.AssetSpec(
        DERIVATIVE_ASSETS,
        partitions_def=TRACKING_IDS,
        deps=[*_all_campaigns(routes.finals), dg.AssetDep(MASTER_ASSETS)],
        group_name=groups.TRACKING,
        kinds={"postgres", "table"},
        description=(
            "The finals in the DAM, one partition per tracking ID of their master: each event links the agency's file "
            "with the asset in the DAM. The tracking database holds the same in `derivative_assets`."
        ),
    )
    return [*_sources(routes), master_assets, derivative_assets]


def counted_from(routes: Routes) -> list[dg.AssetDep]:
    """What report and status are counted from: files that moved, and files that wait in the agency's folders."""
    waiting = dict.fromkeys(dg.AssetKey(route.source_asset) for route in routes)
    return [*map(dg.AssetDep, waiting), *(_all_of(key) for key in (MASTER_ASSETS, DERIVATIVE_ASSETS))]


def _all_campaigns(routes: Sequence[Route]) -> list[dg.AssetDep]:
    return [_all_of(dg.AssetKey(route.asset)) for route in routes]


def _all_of(key: dg.AssetKey) -> dg.AssetDep:
    # Campaigns, tracking IDs and days are different partitions: the edge says that all come from all.
    return dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping())


def _sources(routes: Routes) -> list[dg.AssetSpec]:
    types = {dg.AssetKey(route.source_asset): route.campaign_type for route in routes.masters}
    campaigns = [
        dg.AssetSpec(
            key,
            group_name=groups.CAMPAIGNS_IN_DAM,
            kinds={"opentext"},
            description=(
                f"Campaigns of type {campaign_type} in the DAM that a route looks for, as the sensors last saw them. "
                "Why one does not start is said by the sensor's last tick, and by operations/status."
            ),
        )
        for key, campaign_type in types.items()
    ]
    return campaigns + [_inbox(route, routes) for route in routes.finals]


def _inbox(route: FinalsRoute, routes: Routes) -> dg.AssetSpec:
    masters = [masters for masters in routes.masters if masters.name in route.masters]
    return dg.AssetSpec(
        dg.AssetKey(route.source_asset),
        deps=_all_campaigns(masters),
        group_name=groups.FINALS_OF_AGENCY,
        kinds={"box"},
        description=(
            "The agency's Box folder as the sensor last saw it: every file with its state, ready, settling, refused "
            "with the reason, or set aside. The check fails while refused files wait: rename or remove them in Box."
        ),
    )
