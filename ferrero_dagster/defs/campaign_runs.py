"""What the runs of all routes have in common: who watches them, and how they end."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from ferrero_dagster.defs.failures import REPORTED
from ferrero_dagster.defs.markdown import Metadata
from ferrero_dagster.defs.partitions import TRACKING_IDS_NAME
from ferrero_dagster.defs.runs import CAMPAIGN_TAG, campaign_tags
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.systems import Watcher


def campaign_watcher(
    context: dg.AssetExecutionContext,
    *,
    route_name: str,
    files: dg.AssetKey,
    describe: Callable[[MovedFile, str], Metadata],
) -> Watcher:
    """Tags the run with its campaign and writes an event of the asset `files` for each moved file.

    `describe` makes an event's metadata of the file and the campaign's name.
    """
    name = context.partition_key

    def on_campaign(campaign: Campaign) -> None:
        nonlocal name
        name = str(campaign)
        context.instance.add_run_tags(context.run.run_id, campaign_tags(route_name, campaign))

    def on_moved(file: MovedFile) -> None:
        context.instance.add_dynamic_partitions(TRACKING_IDS_NAME, [file.tracking_id])
        event = dg.AssetMaterialization(files, partition=file.tracking_id, metadata=describe(file, name))
        context.log_event(event)

    return Watcher(run_id=context.run.run_id, log=context.log.info, on_moved=on_moved, on_campaign=on_campaign)


def campaign_of_run(context: dg.AssetExecutionContext, database: Database) -> DamId:
    """The id of the run's campaign, whose tag the run has from now on, also where a person started it."""
    campaign_id = campaign_id_of(database, context.partition_key)
    context.instance.add_run_tags(context.run.run_id, {CAMPAIGN_TAG: campaign_id})
    return campaign_id


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


def ended(context: dg.AssetExecutionContext, metadata: Metadata, *, is_red: bool) -> dg.MaterializeResult[Any]:
    """The end of a run that came to its end; red if files failed, whose mail is written already.

    Raises:
        dagster.Failure: it is red.
    """
    result = str(metadata["result"].value)
    context.log.info(result)
    if is_red:
        metadata[REPORTED] = dg.MetadataValue.bool(True)  # Dagster takes it by position only
        raise dg.Failure(description=result, metadata=metadata)
    return dg.MaterializeResult(metadata=metadata)
