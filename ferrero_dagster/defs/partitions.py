"""What runs and events are divided by."""

import dagster as dg

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.tracking.database import Database

CAMPAIGNS_NAME = "campaigns"
TRACKING_IDS_NAME = "tracking_ids"

#: `campaign_status.partition_key`, local and global in one set: assets of a campaign map to each other by identity.
CAMPAIGNS = dg.DynamicPartitionsDefinition(name=CAMPAIGNS_NAME)

#: Six characters; one event per moved file.
TRACKING_IDS = dg.DynamicPartitionsDefinition(name=TRACKING_IDS_NAME)


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
