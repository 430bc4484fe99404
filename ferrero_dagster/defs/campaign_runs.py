"""What the assets, jobs and runs of all routes have in common, whichever way their files go."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from ferrero_dagster.config.routes import Route
from ferrero_dagster.defs.arrivals import arrival_evaluation
from ferrero_dagster.defs.catalog import JOB_METADATA, NO_FORM
from ferrero_dagster.defs.failures import REPORTED, as_failures
from ferrero_dagster.defs.lineage import Lineage, LineageWriter
from ferrero_dagster.defs.markdown import Metadata
from ferrero_dagster.defs.messages import deliver_at_once
from ferrero_dagster.defs.partitions import CAMPAIGNS, campaign_id_of, partition_of
from ferrero_dagster.defs.resources import (
    BoxResource,
    DamResource,
    MailResource,
    RunResources,
    TrackingResource,
    WebhookResource,
)
from ferrero_dagster.defs.runs import CAMPAIGN_TAG, ROUTE_TAG, campaign_tags
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.transfers import expected_files
from ferrero_dagster.transfer.systems import Systems, Watcher

#: Tags of runs for which nobody waits; a backfill may be of many campaigns.
_BY_ITSELF = frozenset({"dagster/sensor_name", "dagster/schedule_name", "dagster/backfill"})

#: Moves a campaign: what the run's page says in the end, and whether files failed.
Move = Callable[[dg.AssetExecutionContext, Systems, DamId, Links], tuple[Metadata, bool]]


def build_campaign_asset(
    route: Route, move: Move, *, deps: Sequence[dg.AssetKey], group_name: str, kinds: set[str], description: str
) -> dg.AssetsDefinition:
    """The asset whose partitions are the campaigns that went along this route."""

    @dg.asset(
        key=dg.AssetKey(route.asset),
        partitions_def=CAMPAIGNS,
        # However many campaigns people choose, each gets a run, a lock and a place in the queue of its own.
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
        deps=deps,
        group_name=group_name,
        kinds=kinds,
        tags={ROUTE_TAG: route.name},
        description=f"{description} One partition per campaign: choose yours to see its files, and why one is missing.",
    )
    def campaign_files(
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
            return _run(context, resources, route, move)

    return campaign_files


def build_campaign_job(route: Route, description: str, owners: Sequence[str]) -> Any:
    """The job of a route: one campaign per run, in one process."""
    return dg.define_asset_job(
        route.name,
        # The run itself evaluates the check, also where it ends red.
        selection=dg.AssetSelection.assets(dg.AssetKey(route.asset)).without_checks(),
        executor_def=dg.in_process_executor,
        config=NO_FORM,
        tags={ROUTE_TAG: route.name},
        metadata=JOB_METADATA,
        owners=owners,
        description=f"{route.title}. Choose the campaign as partition. {description}",
    )


def _run(
    context: dg.AssetExecutionContext, resources: RunResources, route: Route, move: Move
) -> dg.MaterializeResult[Any]:
    try:
        with resources.systems(priority_of(context.run)) as systems:
            campaign_id = _campaign_of_run(context, systems.database, route)
            metadata, is_red = move(context, systems, campaign_id, resources.dam.links)
            expected = systems.database.transact(expected_files, route.name, campaign_id)
    finally:
        deliver_at_once(context.log, resources.tracking, resources.mail, resources.webhook)
    context.log_event(arrival_evaluation(route, context.partition_key, expected))
    return _ended(context, metadata, is_red=is_red)


def priority_of(run: dg.DagsterRun) -> Priority:
    """Whoever starts one campaign on its page waits for it."""
    return Priority.REST if _BY_ITSELF & run.tags.keys() else Priority.PEOPLE


@contextmanager
def campaign_watcher(context: dg.AssetExecutionContext, lineage: Lineage) -> Iterator[Watcher]:
    """Tags the run with its campaign and tells of each moved file; when the context ends, all is told."""
    run_id = context.run.run_id
    with LineageWriter(lineage, campaign=context.partition_key, run_id=run_id, warn=context.log.warning) as writer:

        def on_campaign(campaign: Campaign) -> None:
            writer.campaign = str(campaign)
            context.instance.add_run_tags(run_id, campaign_tags(lineage.route.name, campaign))

        yield Watcher(
            run_id=run_id,
            about=context.partition_key,
            log=context.log.info,
            on_moved=writer.add,
            on_campaign=on_campaign,
        )


def _campaign_of_run(context: dg.AssetExecutionContext, database: Database, route: Route) -> DamId:
    """The id of the run's campaign, whose tag the run has from now on, also where a person started it."""
    campaign_id = campaign_id_of(database, partition_of(context.run))
    context.instance.add_run_tags(context.run.run_id, {ROUTE_TAG: route.name, CAMPAIGN_TAG: campaign_id})
    return campaign_id


def _ended(context: dg.AssetExecutionContext, metadata: Metadata, *, is_red: bool) -> dg.MaterializeResult[Any]:
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
