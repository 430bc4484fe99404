"""Box → DAM: the asset, the job, the sensor and the check of the way back (SPEC 4, 10)."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from ferrero_dagster.clients.http import IMPATIENT
from ferrero_dagster.config.routes import FINALS_ROUTE, ROUTES
from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.agency_tables import AGENCY_UPLOADS, agency_check, agency_observation, refused_check
from ferrero_dagster.defs.campaign_runs import campaign_watcher, ended
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import final_metadata, finals_metadata
from ferrero_dagster.defs.messages import deliver_at_once
from ferrero_dagster.defs.partitions import CAMPAIGNS
from ferrero_dagster.defs.resources import FerreroResource
from ferrero_dagster.defs.runs import TickEvent, end_dead_runs, running_campaigns, tick_result
from ferrero_dagster.tracking.finals import refused_files
from ferrero_dagster.transfer.finals.look import AgencyLook, AgencyLooker
from ferrero_dagster.transfer.finals.run import move_finals

DERIVATIVE_ASSETS = dg.AssetKey(["tracking", "derivative_assets"])
FINALS_JOB = FINALS_ROUTE.name


@dg.asset(
    key=dg.AssetKey(FINALS_ROUTE.asset),
    partitions_def=CAMPAIGNS,
    # The agency adapts local masters only.
    deps=[AGENCY_UPLOADS, *(dg.AssetKey(route.asset) for route in ROUTES if route.box_root == "local_masters")],
    group_name="box_to_dam",
    kinds={"opentext", "file"},
    tags={"ferrero/route": FINALS_ROUTE.name},
    description=(
        "Finals in the DAM: every ready file of the agency's Box folder, imported under its clean name with its "
        "master's metadata, proven, and only then deleted from Box. When every active master of a campaign has a "
        f"final, its status goes from {FINALS_ROUTE.status_before} to {FINALS_ROUTE.status_after}. "
        "One partition per campaign."
    ),
)
def final_assets(context: dg.AssetExecutionContext, ferrero: FerreroResource) -> dg.MaterializeResult[Any]:
    """Move the ready files of one campaign."""
    with as_failures(job=FINALS_JOB):
        return _move(context, ferrero.connections())


finals_job = dg.define_asset_job(
    FINALS_JOB,
    selection=[dg.AssetKey(FINALS_ROUTE.asset)],
    executor_def=dg.in_process_executor,
    tags={"ferrero/route": FINALS_ROUTE.name},
    description=(
        f"{FINALS_ROUTE.title}. Choose the campaign as partition; it moves all files of the campaign that the sensor "
        f"{FINALS_ROUTE.sensor} found ready. A repeated run moves only what is missing."
    ),
)


def build_agency_sensor(*, interval_s: int, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor `agency_files`: one run for each campaign that has files ready."""

    @dg.sensor(
        name=FINALS_ROUTE.sensor,
        job_name=FINALS_JOB,
        minimum_interval_seconds=interval_s,
        default_status=default_status,
        description=(
            "Lists the agency's Box folder and sorts every file: ready, settling (still being uploaded or just "
            "changed) or refused (mailed once with what is wrong). Starts one run per campaign that has files ready."
        ),
    )
    def agency_files(context: dg.SensorEvaluationContext, ferrero: FerreroResource) -> dg.SensorResult:
        with as_failures():
            connections = ferrero.connections()
            with connections.database() as database:
                end_dead_runs(context.instance, database, FINALS_JOB)
            look = _look(connections, running=running_campaigns(context.instance, FINALS_JOB))
        events: list[TickEvent] = []
        if look.judgements is not None:
            events = [agency_observation(look, connections.links), agency_check(look)]
        return tick_result(context, FINALS_JOB, look, events)

    return agency_files


@dg.asset_check(
    asset=AGENCY_UPLOADS,
    name="no_refused_files",
    description="Fails while the agency's folder holds files that were refused: somebody must rename or remove them.",
)
def no_refused_files(ferrero: FerreroResource) -> dg.AssetCheckResult:
    """What the tracking database says of the folder since the sensor's last look."""
    with as_failures(), ferrero.connections().database() as database:
        return refused_check(database.transact(refused_files))


def _look(connections: Connections, *, running: Collection[str]) -> AgencyLook:
    with connections.database() as database:
        looker = AgencyLooker(
            open_agency=lambda: connections.agency(IMPATIENT), folder_id=connections.box_folders["agency_uploads"],
            database=database, site=connections.site, links=connections.links,
        )  # fmt: skip
        return looker.look(running=running)


def _move(context: dg.AssetExecutionContext, connections: Connections) -> dg.MaterializeResult[Any]:
    watcher = campaign_watcher(
        context, route_name=FINALS_ROUTE.name, files=DERIVATIVE_ASSETS,
        describe=lambda file, campaign: final_metadata(file, campaign=campaign),
    )  # fmt: skip
    try:
        with connections.systems() as systems:
            outcome = move_finals(context.partition_key, systems, watcher)
    finally:
        deliver_at_once(context.log, connections)
    metadata = finals_metadata(outcome, dam_url=connections.links.folder(context.partition_key))
    return ended(context, metadata, is_red=bool(outcome.failed))
