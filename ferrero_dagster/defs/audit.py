"""The job `audit` with its schedule, and the checks that show what it has found."""

from collections.abc import Iterable, Sequence
from datetime import time
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.defs.catalog import JOB_METADATA
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.finals import DERIVATIVE_ASSETS
from ferrero_dagster.defs.markdown import cell, link, markdown_table
from ferrero_dagster.defs.masters import MASTER_ASSETS
from ferrero_dagster.defs.resources import (
    BoxResource,
    DamResource,
    MailResource,
    RunResources,
    TrackingResource,
    WebhookResource,
)
from ferrero_dagster.defs.status import refresh_status
from ferrero_dagster.domain import audit
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.operations.audit import Audit, AuditOutcome, campaign_called
from ferrero_dagster.operations.audit_findings import what_to_do
from ferrero_dagster.tracking import findings
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.findings import KnownFinding

AUDIT_CHECK = "audit_finds_nothing"
_TABLES = {"masters": MASTER_ASSETS, "finals": DERIVATIVE_ASSETS}
#: More than one check shows.
_MAX_READ = 5000
#: The audit ends after the step that it is at when its time is over.
_LAST_STEP_S = 3600


class AuditForm(dg.Config):
    """What is looked at."""

    campaign: str = Field(default="", description="Only this campaign, by number, name, id or partition; empty: all.")


def build_audit(routes: Routes, owners: Sequence[str] = (), *, max_minutes: float) -> dg.JobDefinition:
    """The job; safe to start at any time."""

    @dg.op
    def compare(
        context: dg.OpExecutionContext,
        config: AuditForm,
        *,
        dam: DamResource,
        box: BoxResource,
        tracking: TrackingResource,
        mail: MailResource,
        webhook: WebhookResource,
    ) -> None:
        resources = RunResources(dam=dam, box=box, tracking=tracking, mail=mail, webhook=webhook)
        with as_failures(job="audit"):
            outcome = _audited(context, resources, config.campaign)
            _show_findings(context.instance, tracking, routes)
            refresh_status(context.instance, tracking)
        context.log.info(str(outcome))
        context.add_output_metadata({"result": str(outcome), "findings": _table(outcome.found, tracking.links)})

    @dg.job(
        executor_def=dg.in_process_executor,
        config={"ops": {compare.name: {"config": AuditForm().model_dump()}}},
        # Dagster gives up a run whose host died; the schedule then goes on where that stopped.
        tags={"dagster/max_runtime": str(round(60 * max_minutes) + _LAST_STEP_S)},
        metadata=JOB_METADATA,
        owners=owners,
        description=(
            "Compares what the tables say with what Box and the DAM show, both ways, and says what differs and what "
            f"to do; it repairs nothing. The checks {AUDIT_CHECK} show it, so do operations/status and the daily "
            "report. It keeps to the calls and the time that the site configuration allows; what it did not come to "
            "is looked at by the next start."
        ),
    )
    def audit() -> None:
        compare()

    return audit


def _audited(context: dg.OpExecutionContext, resources: RunResources, campaign: str) -> AuditOutcome:
    with resources.systems() as systems:
        only = systems.database.transact(campaign_called, campaign) if campaign else None
        return Audit(systems=systems, log=context.log.info, campaign_id=only).run()


def build_audit_schedule(
    *, time_zone: str, at: time, default_status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    """The schedule `audit_schedule`: once a night, an hour later where that run failed."""

    @dg.schedule(
        name="audit_schedule",
        job_name="audit",
        cron_schedule=f"{at.minute} * * * *",
        execution_timezone=time_zone,
        default_status=default_status,
        description=(
            f"Starts the audit at {at:%H:%M} in {time_zone}. If its run failed, as while Box or the DAM was out, or "
            "nothing ran at that time, it goes on an hour later: it looks every hour."
        ),
    )
    def audit_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = ReportDay.last_over(context.scheduled_execution_time, ZoneInfo(time_zone), at).ends_at
        last = context.instance.get_runs(dg.RunsFilter(job_name="audit", created_after=due), limit=1)
        if last and last[0].status is not dg.DagsterRunStatus.FAILURE:
            return dg.SkipReason(f"The audit of {due:%Y-%m-%d %H:%M} UTC was made, or is being made.")
        key = due.isoformat()
        return dg.RunRequest(run_key=f"{key}:after:{last[0].run_id}" if last else key)

    return audit_schedule


def build_audit_checks(routes: Routes) -> list[dg.AssetChecksDefinition]:
    """One check for each asset that a finding may be shown on."""
    return [_build_check(key, routes) for key in _keys(routes)]


def _keys(routes: Routes) -> list[dg.AssetKey]:
    return [*(dg.AssetKey(route.asset) for route in routes), *_TABLES.values()]


def _build_check(key: dg.AssetKey, routes: Routes) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key,
        name=AUDIT_CHECK,
        description=(
            "Fails while the last audits found that tables, Box and the DAM differ: each difference with what to do. "
            "Evaluated at the end of the job audit, from the tracking database; to look again, run that job."
        ),
    )
    def audit_finds_nothing(tracking: TrackingResource) -> dg.AssetCheckResult:
        with as_failures(), tracking.database() as database:
            found = _by_asset(database, routes)[key]
        return dg.AssetCheckResult(
            passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata=_metadata(found, tracking.links)
        )

    return audit_finds_nothing


def _show_findings(instance: dg.DagsterInstance, tracking: TrackingResource, routes: Routes) -> None:
    """Bring all checks up to date, without a run of their own."""
    with tracking.database() as database:
        by_asset = _by_asset(database, routes)
    for key, found in by_asset.items():
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=AUDIT_CHECK,
                passed=not found,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=_metadata(found, tracking.links),
            )
        )


def _by_asset(database: Database, routes: Routes) -> dict[dg.AssetKey, list[KnownFinding]]:
    found: dict[dg.AssetKey, list[KnownFinding]] = {key: [] for key in _keys(routes)}
    of_route = {route.name: dg.AssetKey(route.asset) for route in routes}
    for known in database.transact(findings.open_findings, limit=_MAX_READ):
        kind = audit.KINDS.get(known.finding.kind)
        shown = _TABLES.get(kind.shown) if kind else None
        # What no route has moved was moved by the cron scripts, whose rows are masters.
        found[shown or of_route.get(known.finding.route, MASTER_ASSETS)].append(known)
    return found


def _metadata(found: Sequence[KnownFinding], links: Links) -> dict[str, dg.MetadataValue]:
    return {"number of findings": dg.MetadataValue.int(len(found)), "findings": _table(found, links)}


def _table(found: Iterable[KnownFinding], links: Links) -> dg.MetadataValue:
    rows = [
        (
            cell(known.finding.kind),
            link(known.finding.name, links.thing(known.finding.thing, known.finding.thing_id)),
            cell(known.campaign),
            cell(known.finding.detail),
            f"{known.found_at:%Y-%m-%d}",
            _what_to_do(known, links),
        )
        for known in found
    ]
    if not rows:
        return dg.MetadataValue.md("None.")
    return dg.MetadataValue.md(markdown_table(("finding", "file", "campaign", "detail", "since", "what to do"), rows))


def _what_to_do(known: KnownFinding, links: Links) -> str:
    kind, do = audit.KINDS.get(known.finding.kind), cell(what_to_do(known.finding))
    return f"{do} {link(kind.job, links.job(kind.job))}" if kind and kind.job else do
