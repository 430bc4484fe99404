"""Assets that others make or that have no run of their own: shown for lineage, their events come from elsewhere."""

import dagster as dg

from ferrero_dagster.defs.finals import DERIVATIVE_ASSETS
from ferrero_dagster.defs.masters import MASTER_ASSETS
from ferrero_dagster.defs.partitions import TRACKING_IDS
from ferrero_dagster.routes import FINALS_ROUTE, ROUTES

_SOURCES: dict[tuple[str, str], tuple[str, str]] = {
    ("dam", "local_campaigns"): ("opentext", "Local campaigns in the DAM, as the sensors last saw them."),
    ("dam", "global_campaigns"): ("opentext", "Global campaigns in the DAM, as the sensor last saw them."),
    FINALS_ROUTE.source_asset: (
        "box",
        "The agency's Box folder as the sensor last saw it: every file with its state, ready, settling, refused with "
        "the reason, or set aside. The check fails while refused files wait.",
    ),
}


def external_assets() -> list[dg.AssetSpec]:
    """What the sensors observe, and one event per moved file under its tracking ID."""
    sources = [
        dg.AssetSpec(dg.AssetKey(key), group_name="outside", kinds={kind}, description=description)
        for key, (kind, description) in _SOURCES.items()
    ]
    # Campaign and tracking ID are different partitions: the edge says that all files come from all campaigns.
    deps = [dg.AssetDep(dg.AssetKey(route.asset), partition_mapping=dg.AllPartitionMapping()) for route in ROUTES]
    master_assets = dg.AssetSpec(
        MASTER_ASSETS,
        partitions_def=TRACKING_IDS,
        deps=deps,
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
        deps=[
            dg.AssetDep(dg.AssetKey(FINALS_ROUTE.asset), partition_mapping=dg.AllPartitionMapping()),
            dg.AssetDep(MASTER_ASSETS),
        ],
        group_name="tracking",
        kinds={"postgres", "table"},
        description=(
            "The finals in the DAM, one partition per tracking ID of their master: each event links the agency's file "
            "with the asset in the DAM. The tracking database holds the same in `derivative_assets`."
        ),
    )
    return [*sources, master_assets, derivative_assets]
