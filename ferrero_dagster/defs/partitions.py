"""What runs and events are divided by."""

import dagster as dg

CAMPAIGNS_NAME = "campaigns"
TRACKING_IDS_NAME = "tracking_ids"

#: `campaign_status.partition_key`, local and global in one set: assets of a campaign map to each other by identity.
CAMPAIGNS = dg.DynamicPartitionsDefinition(name=CAMPAIGNS_NAME)

#: Six characters; one event per moved file.
TRACKING_IDS = dg.DynamicPartitionsDefinition(name=TRACKING_IDS_NAME)
