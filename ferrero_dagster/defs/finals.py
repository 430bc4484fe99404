"""Box → DAM: the asset, the job, the sensor and the check of each way back, made from its row (SPEC 4, 10)."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ferrero_dagster.clients.http import limits_within
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.defs import groups, shown
from ferrero_dagster.defs.agency_tables import CHECK, agency_check, agency_observation, refused_check
from ferrero_dagster.defs.campaign_runs import build_campaign_asset, build_campaign_job, campaign_watcher
from ferrero_dagster.defs.dead_runs import end_dead_runs
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.lineage import Lineage
from ferrero_dagster.defs.markdown import Metadata, final_metadata, finals_metadata
from ferrero_dagster.defs.quiet import skipped
from ferrero_dagster.defs.reds import watch
from ferrero_dagster.defs.resources import BoxResource, TrackingResource
from ferrero_dagster.defs.runs import TickEvent, tick_result, under_way
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.turns import NO_CURSOR
from ferrero_dagster.tracking.agency_files import refused_files, shown_files
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.finals.look import FinalsLook, FinalsLooker
from ferrero_dagster.transfer.finals.mails import moved_file
from ferrero_dagster.transfer.finals.run import move_finals
from ferrero_dagster.transfer.systems import Systems
from ferrero_dagster.transfer.unforeseen import Turn, ended

DERIVATIVE_ASSETS = dg.AssetKey(["tracking", "derivative_assets"])


def build_finals_asset(route: FinalsRoute, masters: Collection[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset whose partitions are the campaigns that went along this route; finals are made of `masters`."""
    return build_campaign_asset(
        route,
        partial(_move, route),
        deps=[dg.AssetKey(route.source_asset), *masters],
        group_name=groups.FINALS_IN_DAM,
        kinds={"opentext", "file"},
        description=(
            "Finals in the DAM: every ready file of the agency's Box folder, imported under its clean name with its "
            "master's metadata, proven, and only then deleted from Box. When every active master of a campaign has a "
            f"final, its status may go from {route.status_before} to {route.status_after}: by the job "
            "advance_campaigns, or by itself where the site configuration says so. What waits or was refused is "
            "on the page of the agency's folder."
        ),
    )


def build_finals_job(route: FinalsRoute, owners: Sequence[str] = ()) -> Any:
    """The job of a route: one campaign per run, in one process."""
    moves = f"It moves all files of the campaign that the sensor {route.sensor} found ready."
    return build_campaign_job(route, f"{moves} A repeated run moves only what is missing.", owners)


def build_agency_sensor(
    route: FinalsRoute, *, interval_s: int, default_status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """The sensor of a route: one run for each campaign that has files ready."""

    @dg.sensor(
        name=route.sensor,
        job_name=route.name,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=(
            "Asks Box what has changed in the agency's folder, lists it where anything has, and sorts every file: "
            "ready, settling (still being uploaded or just changed) or refused (mailed once with what is wrong). "
            "Starts one run per campaign that has files ready."
        ),
    )
    def agency_files(
        context: dg.SensorEvaluationContext, box: BoxResource, tracking: TrackingResource
    ) -> dg.SensorResult:
        with as_failures(), ExitStack() as stack:
            if quiet := skipped(context, tracking.site):
                return quiet
            deadline = Deadline.after(tracking.site.looks.budget_s)
            database = stack.enter_context(tracking.database(route.sensor, deadline=deadline))
            with ended(database, Turn(name=f"{route.sensor}, dead runs"), context.log.error):
                end_dead_runs(context.instance, database, tracking.site)
            watch(context, tracking, database)
            busy = under_way(context.instance, database, route)
            look = FinalsLooker(
                open_agency=lambda: box.agency(limits_within(deadline)),
                route=route,
                folder_id=box.folder_id(route.inbox),
                database=database,
                site=tracking.site,
                deadline=deadline,
            ).look(running=busy.campaigns, on_route=busy.on_route)
            events: list[TickEvent] = []
            with ended(database, Turn(name=f"{route.sensor}, tables"), context.log.error):
                events = _events(route, look, database, box.links, context.cursor)
            cursor = shown.noted(context.cursor, NO_CURSOR, _shown(look) if events else None)
            return tick_result(context, database, route.name, look, events, cursor=cursor)

    return agency_files


def _shown(look: FinalsLook) -> str:
    return shown.digest(sorted(look.counts.items()), len(look.set_aside))


def _events(
    route: FinalsRoute, look: FinalsLook, database: Database, links: Links, cursor: str | None
) -> list[TickEvent]:
    """What the folder's page shows, where it shows something else by now or has not said so for an hour."""
    if look.judgements is None or not (look.has_news or shown.is_due(cursor, _shown(look))):
        return []
    files = database.transact(shown_files, route.name)
    return [agency_observation(route, files, links), agency_check(route, files)]


def build_refused_check(route: FinalsRoute) -> dg.AssetChecksDefinition:
    """The check on the agency's folder that the sensor evaluates at each look."""

    @dg.asset_check(
        asset=dg.AssetKey(route.source_asset),
        name=CHECK,
        description=(
            "Fails while the agency's folder holds files that were refused: somebody must rename or remove them."
        ),
    )
    def no_refused_files(tracking: TrackingResource) -> dg.AssetCheckResult:
        with as_failures(), tracking.database() as database:
            return refused_check(database.transact(refused_files, route.name))

    return no_refused_files


def finals_lineage(
    route: FinalsRoute, instance: dg.DagsterInstance, database: Database, zone: ZoneInfo, links: Links
) -> Lineage:
    """Where the events of the route's files go."""
    return Lineage(
        instance=instance,
        database=database,
        zone=zone,
        route=route,
        files=DERIVATIVE_ASSETS,
        describe=partial(final_metadata, links=links),
        moved_file=moved_file,
    )


def _move(
    route: FinalsRoute, context: dg.AssetExecutionContext, systems: Systems, campaign_id: DamId, links: Links
) -> tuple[Metadata, bool]:
    lineage = finals_lineage(route, context.instance, systems.database, systems.site.zone, links)
    with campaign_watcher(context, lineage) as watcher:
        outcome = move_finals(route, campaign_id, systems, watcher)
    return finals_metadata(outcome, links, campaign_id=campaign_id), bool(outcome.failed)
