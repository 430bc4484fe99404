"""The sensors that look for campaigns in the DAM, one per route, made from its row."""

from contextlib import ExitStack

import dagster as dg

from ferrero_dagster.clients.http import limits_within
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.defs import shown
from ferrero_dagster.defs.dead_runs import end_dead_runs
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import metadata_table
from ferrero_dagster.defs.quiet import skipped
from ferrero_dagster.defs.reds import watch
from ferrero_dagster.defs.resources import DamResource, TrackingResource
from ferrero_dagster.defs.runs import tick_result, under_way
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.turns import NO_CURSOR, Position
from ferrero_dagster.transfer.masters.look import MastersLooker
from ferrero_dagster.transfer.unforeseen import Turn, ended

_MAX_OBSERVED_ROWS = 100


def build_campaign_sensor(
    route: MastersRoute, *, interval_s: int, default_status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """The sensor of a route: one run for each campaign that is ready, while the site allows one more."""

    @dg.sensor(
        name=route.sensor,
        job_name=route.name,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=(
            f"Looks in the DAM for campaigns of type {route.campaign_type} in status {route.status_before} and starts "
            f"a run of {route.name} for each that has assets in {route.source_folder}. Empty campaigns are counted and "
            "wait; failed ones wait for their next attempt. A tick says of each campaign what became of it."
        ),
    )
    def campaigns(context: dg.SensorEvaluationContext, dam: DamResource, tracking: TrackingResource) -> dg.SensorResult:
        with as_failures(), ExitStack() as stack:
            if quiet := skipped(context, tracking.site):
                return quiet
            deadline = Deadline.after(tracking.site.looks.budget_s)
            database = stack.enter_context(tracking.database(route.sensor, deadline=deadline))
            otmm = stack.enter_context(dam.client(limits_within(deadline)))
            with ended(database, Turn(name=f"{route.sensor}, dead runs"), context.log.error):
                end_dead_runs(context.instance, database, tracking.site)
            watch(context, tracking, database)
            looker = MastersLooker(
                dam=otmm,
                route=route,
                database=database,
                site=tracking.site,
                interval_s=interval_s,
                deadline=deadline,
            )
            busy = under_way(context.instance, database, route)
            look = looker.look(
                running=busy.campaigns, on_route=busy.on_route, before=Position.from_cursor(context.cursor)
            )
            said = None if look.found is None else shown.digest(sorted(map(repr, look.found)))
            events = [_observation(route, look.found or [])] if said and shown.is_due(context.cursor, said) else []
            after = look.after.to_cursor() if look.after else NO_CURSOR
            cursor = shown.noted(context.cursor, after, said if events else None)
            return tick_result(context, database, route.name, look, events, cursor=cursor)

    return campaigns


def _observation(route: MastersRoute, found: list[Campaign]) -> dg.AssetObservation:
    rows = [{"number": c.number, "name": c.name, "status": c.status} for c in found[:_MAX_OBSERVED_ROWS]]
    return dg.AssetObservation(
        asset_key=dg.AssetKey(route.source_asset),
        metadata={
            f"campaigns in {route.status_before}": len(found),
            f"waiting in {route.status_before}": metadata_table(rows),
        },
    )
