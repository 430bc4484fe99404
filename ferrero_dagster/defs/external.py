"""Assets that others make or that have no run of their own: shown for lineage, their events come from elsewhere."""

import dagster as dg

from ferrero_dagster.defs.masters import MASTER_ASSETS
from ferrero_dagster.defs.partitions import TRACKING_IDS
from ferrero_dagster.routes import ROUTES

_SOURCES = {
    ("dam", "local_campaigns"): "Campaigns of type Local Adaptation in the DAM, as the sensors last saw them.",
    ("dam", "global_campaigns"): "Campaigns of type Global comm in the DAM, as the sensor last saw them.",
}


def external_assets() -> list[dg.AssetSpec]:
    """What the sensors observe, and one event per moved file under its tracking ID."""
    sources = [
        dg.AssetSpec(dg.AssetKey(key), group_name="outside", kinds={"opentext"}, description=description)
        for key, description in _SOURCES.items()
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
    return [*sources, master_assets]
