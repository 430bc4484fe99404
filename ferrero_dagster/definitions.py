"""Everything that Dagster sees, built from the table of routes. Nothing is opened or asked when this is loaded."""

from functools import partial

import dagster as dg

from ferrero_dagster.config.routes import FinalsRoute, Routes
from ferrero_dagster.config.settings import Settings
from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.ageing import build_ageing_checks
from ferrero_dagster.defs.arrivals import build_arrival_check
from ferrero_dagster.defs.audit import build_audit, build_audit_checks, build_audit_schedule
from ferrero_dagster.defs.campaign_sensors import build_campaign_sensor
from ferrero_dagster.defs.catalog import catalogued
from ferrero_dagster.defs.external import counted_from, external_assets
from ferrero_dagster.defs.failed_runs import build_failed_runs
from ferrero_dagster.defs.finals import (
    build_agency_sensor,
    build_finals_asset,
    build_finals_job,
    build_refused_check,
    finals_lineage,
)
from ferrero_dagster.defs.housekeeping import build_reconcile, build_reconcile_schedule
from ferrero_dagster.defs.masters import build_masters_asset, build_masters_job, masters_lineage
from ferrero_dagster.defs.messages import build_pending_notifications
from ferrero_dagster.defs.operations import build_operations
from ferrero_dagster.defs.reds import Watch
from ferrero_dagster.defs.report import build_daily_report, build_daily_report_job, build_daily_report_schedule
from ferrero_dagster.defs.report_check import report_was_sent
from ferrero_dagster.defs.resources import build_resources
from ferrero_dagster.defs.status import build_status
from ferrero_dagster.defs.warm_runs import fork_runs


@dg.definitions
def definitions() -> dg.Definitions:
    """The code location; a wrong setting is refused here, a missing secret only where it is needed."""
    fork_runs()
    connections = Connections.from_environment()
    settings, site = connections.settings, connections.site
    routes = site.routes
    owners = site.dagster.owners
    ageing_checks = build_ageing_checks(routes.masters)
    sensors = _sensors(settings, routes)
    scheduled = dg.DefaultScheduleStatus(settings.sensors.upper())
    reports = build_daily_report_schedule(
        time_zone=site.time_zone, cut_off=site.report.cut_off, default_status=scheduled
    )
    audits = build_audit_schedule(time_zone=site.time_zone, at=site.audit.at, default_status=scheduled)
    # The sensors watch its own schedule, too.
    reconcile = build_reconcile(
        owners,
        Watch(ticking=[*sensors, reports, audits], checks=[*report_was_sent.check_keys]),
        {route.name: partial(masters_lineage, route) for route in routes.masters}
        | {route.name: partial(finals_lineage, route) for route in routes.finals},
    )
    schedules = [reports, audits, build_reconcile_schedule(reconcile, default_status=scheduled)]
    return dg.Definitions(
        assets=catalogued(
            [
                *map(build_masters_asset, routes.masters),
                *(build_finals_asset(route, _masters_of(route, routes)) for route in routes.finals),
                build_daily_report(
                    time_zone=site.time_zone,
                    cut_off=site.report.cut_off,
                    watched=[*sensors, *schedules],
                    counted_from=counted_from(routes),
                ),
                build_status(counted_from(routes)),
                *external_assets(routes),
            ],
            site.dagster,
        ),
        asset_checks=[
            *map(build_arrival_check, routes),
            *map(build_refused_check, routes.finals),
            report_was_sent,
            *ageing_checks,
            *build_audit_checks(routes),
        ],
        jobs=[
            *(build_masters_job(route, owners) for route in routes.masters),
            *(build_finals_job(route, owners) for route in routes.finals),
            build_daily_report_job(ageing_checks, owners),
            *build_operations(owners),
            reconcile,
            build_audit(routes, owners, max_minutes=site.audit.max_minutes),
        ],
        sensors=sensors,
        schedules=schedules,
        resources=build_resources(connections),
        # Of runs that no job of ours describes, such as those of an asset's button.
        executor=dg.in_process_executor,
    )


def _masters_of(route: FinalsRoute, routes: Routes) -> list[dg.AssetKey]:
    return [dg.AssetKey(masters.asset) for masters in routes.masters if masters.name in route.masters]


def _sensors(settings: Settings, routes: Routes) -> list[dg.SensorDefinition]:
    status = dg.DefaultSensorStatus(settings.sensors.upper())
    return [
        *(
            build_campaign_sensor(route, interval_s=settings.campaign_poll_seconds, default_status=status)
            for route in routes.masters
        ),
        *(
            build_agency_sensor(route, interval_s=settings.agency_poll_seconds, default_status=status)
            for route in routes.finals
        ),
        build_pending_notifications(default_status=status),
        build_failed_runs(default_status=status),
    ]
