"""What runs and events are divided by."""

import dagster as dg

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.tracking.database import Database

CAMPAIGNS_NAME = "campaigns"
TRACKING_IDS_NAME = "tracking_ids"
PARTITION_TAG = "dagster/partition"

#: `campaign_status.partition_key`, local and global in one set: assets of a campaign map to each other by identity.
CAMPAIGNS = dg.DynamicPartitionsDefinition(name=CAMPAIGNS_NAME)

#: Six characters; one event per moved file.
TRACKING_IDS = dg.DynamicPartitionsDefinition(name=TRACKING_IDS_NAME)


def partition_of(run: dg.DagsterRun) -> str:
    """The one partition that a run is for.

    Raises:
        PermanentError: it is for none, or for a range of them.
    """
    key = run.tags.get(PARTITION_TAG)
    if key is None:
        raise PermanentError(
            "This run is for no single campaign: choose one or more campaigns as partitions and start again; a range "
            "is to be started as a backfill with a run for each partition.",
            code="no partition",
        )
    return key


def campaign_id_of(database: Database, key: str) -> DamId:
    """The campaign that a partition stands for.

    Raises:
        PermanentError: it stands for none.
    """
    campaign_id = database.transact(campaigns.partitions, [key]).get(key)
    if campaign_id is None:
        raise PermanentError(
            f"No campaign is known by the partition {key!r}: the sensors make partitions, with the first run of a "
            "campaign; choose one of theirs, and delete this one in Dagster.",
            code="unknown partition",
        )
    return campaign_id
