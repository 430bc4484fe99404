"""Assets that others make or that have no run of their own: shown for lineage, their events come from elsewhere."""

from collections.abc import Sequence

import dagster as dg

from ferrero_dagster.config.routes import Route, Routes
from ferrero_dagster.defs.finals import DERIVATIVE_ASSETS
from ferrero_dagster.defs.masters import MASTER_ASSETS
from ferrero_dagster.defs.partitions import TRACKING_IDS


def external_assets(routes: Routes) -> list[dg.AssetSpec]:
    """What the sensors observe, and one event per moved file under its tracking ID."""
    master_assets = dg.AssetSpec(
        MASTER_ASSETS,
        partitions_def=TRACKING_IDS,
        deps=_all_campaigns(routes.masters),
        group_name="tracking",
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
        group_name="tracking",
        kinds={"postgres", "table"},
        description=(
            "The finals in the DAM, one partition per tracking ID of their master: each event links the agency's file "
            "with the asset in the DAM. The tracking database holds the same in `derivative_assets`."
        ),
    )
    return [*_sources(routes), master_assets, derivative_assets]


def _all_campaigns(routes: Sequence[Route]) -> list[dg.AssetDep]:
    # Campaign and tracking ID are different partitions: the edge says that all files come from all campaigns.
    return [dg.AssetDep(dg.AssetKey(route.asset), partition_mapping=dg.AllPartitionMapping()) for route in routes]


def _sources(routes: Routes) -> list[dg.AssetSpec]:
    types = {dg.AssetKey(route.source_asset): route.campaign_type for route in routes.masters}
    agency_uploads = (
        "The agency's Box folder as the sensor last saw it: every file with its state, ready, settling, refused with "
        "the reason, or set aside. The check fails while refused files wait."
    )
    return [
        *(
            dg.AssetSpec(
                key, group_name="outside", kinds={"opentext"},
                description=f"Campaigns of type {campaign_type} in the DAM, as the sensors last saw them.",
            )
            for key, campaign_type in types.items()
        ),
        *(
            dg.AssetSpec(
                dg.AssetKey(route.source_asset), group_name="outside", kinds={"box"}, description=agency_uploads
            )
            for route in routes.finals
        ),
    ]  # fmt: skip
