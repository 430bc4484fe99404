"""The jobs that operators start by hand: their forms in the launchpad, and the table of what was or would be done."""

from collections.abc import Sequence
from functools import partial

import dagster as dg
from pydantic import Field

from ferrero_dagster.defs.catalog import AHEAD_OF_CAMPAIGNS, JOB_METADATA, NO_FORM
from ferrero_dagster.defs.failures import REPORTED, as_failures
from ferrero_dagster.defs.markdown import Metadata, metadata_table
from ferrero_dagster.defs.resources import (
    FIVE,
    BoxResource,
    DamResource,
    MailResource,
    RunResources,
    TrackingResource,
    WebhookResource,
)
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.operations.advances import AdvanceOutcome, Advancing
from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries
from ferrero_dagster.operations.changes import Outcome, Request
from ferrero_dagster.operations.redeliveries import Redelivering, RedeliveryOutcome, Wanted
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files, resend_notifications
from ferrero_dagster.operations.withdrawals import withdraw_masters

_AGAIN = "First look at the table of a dry run, then start the job again with dry_run: false."


class _Form(dg.Config):
    """What every form asks for."""

    done_by: str = Field(default="", description="Your name, for example Maria Rossi; it is recorded with what you do.")
    dry_run: bool = Field(default=True, description="true: only show what would be done. false: do it.")

    def request(self, context: dg.OpExecutionContext) -> Request:
        """Who asks for what kind of run."""
        return Request(done_by=self.done_by, dry_run=self.dry_run, run_id=context.run_id)


class ResetForm(_Form):
    """Which campaigns get a clean slate."""

    campaigns: list[str] = Field(
        default=[],
        description='Campaigns by number, exact name, id or partition, for example ["C000000078", "Spring test 2"].',
    )
    all_failed: bool = Field(default=False, description="Instead of naming them: all that are permanently failed.")
    route: str = Field(default="", description="Only on this route, for example a1_to_a2; empty: on all.")


class ReleaseForm(_Form):
    """Which set-aside files are tried again."""

    tracking_ids: list[str] = Field(default=[], description='Files by tracking ID, for example ["ABC123", "pOiJ9s"].')
    file_names: list[str] = Field(default=[], description="Files by exact name, as the mail tells it.")
    campaigns: list[str] = Field(
        default=[],
        description='All set-aside files of campaigns, by number, exact name, id or partition: ["C000000078"].',
    )
    everything: bool = Field(default=False, description="Instead of choosing: all files that are set aside.")


class RedeliverForm(_Form):
    """Which files are wanted once more."""

    tracking_ids: list[str] = Field(default=[], description='Files by tracking ID, for example ["ABC123", "pOiJ9s"].')
    file_names: list[str] = Field(default=[], description="Files by exact name, as it is in the DAM or in Box.")
    campaigns: list[str] = Field(
        default=[], description='All of campaigns, by number, exact name, id or partition: ["C000000078"].'
    )
    finals: bool = Field(
        default=False, description="true: finals, imported again where the DAM lost them; false: masters, to Box."
    )
    to_folder: str = Field(
        default="",
        description="Id of a Box folder that masters are wanted in, whatever is elsewhere; empty: their campaign's.",
    )


class WithdrawForm(_Form):
    """Which masters need no final any more."""

    tracking_ids: list[str] = Field(default=[], description='Masters by tracking ID, for example ["ABC123", "pOiJ9s"].')


class ResendForm(_Form):
    """Which messages are sent again."""

    notification_ids: list[int] = Field(
        default=[],
        description="Messages by number, also sent ones, for example [17, 18]; `ferrero-dagster status` shows numbers.",
    )
    everything: bool = Field(default=False, description="Instead of choosing: all messages that are set aside.")


class AdvanceForm(_Form):
    """Which campaigns go on to their next status."""

    campaigns: list[str] = Field(
        default=[],
        description='Campaigns by number, exact name, id or partition, for example ["C000000078", "Spring test 2"].',
    )
    incomplete: bool = Field(
        default=False, description="true: also campaigns that have masters without a final; they are shown as missing."
    )


def build_operations(owners: Sequence[str] = ()) -> list[dg.JobDefinition]:
    """The jobs that operators start by hand, but `reconcile`."""
    job = partial(_job, owners)
    return [
        job(
            "reset_campaign_retries",
            reset,
            "Gives campaigns that failed a clean slate; the sensor starts them at its next look. Choose some by id, "
            f"number or name, or all that are permanently failed. {_AGAIN}",
            ResetForm(),
        ),
        job(
            "release_set_aside_files",
            release,
            "Lets files that were set aside after several failures be tried again by the next run, both directions. "
            f"{_AGAIN}",
            ReleaseForm(),
        ),
        job(
            "redeliver_files",
            redeliver,
            "Brings masters to Box again that were deleted or replaced there, or are wanted in another folder; with "
            "finals: true has those imported again that the DAM lost, from Box's trash. What is there as it was "
            f"delivered stays; no status is set. {_AGAIN}",
            RedeliverForm(),
        ),
        job(
            "withdraw_masters",
            withdraw,
            "Lets campaigns become complete without finals of these masters, for example of one that was replaced in "
            f"the DAM; a final that comes in for one nevertheless is refused. {_AGAIN}",
            WithdrawForm(),
        ),
        job(
            "advance_campaigns",
            advance,
            "Sets the next status of campaigns whose finals are all there, for all languages and countries that you "
            "expect; operations/status lists those of which every master has one. One that cannot be advanced does "
            f"not stop the others. {_AGAIN}",
            AdvanceForm(),
        ),
        job(
            "resend_notifications",
            resend,
            "Sends mails and webhooks again that could not be delivered, for example after an address was corrected. "
            f"{_AGAIN}",
            ResendForm(),
        ),
        job(
            "check_connections",
            check,
            "Asks DAM, Box, PostgreSQL, mail server and this machine whether they can be used; changes nothing. Red if "
            "one cannot, with who must act.",
        ),
    ]


def _job(
    owners: Sequence[str], name: str, work: dg.OpDefinition, description: str, form: _Form | None = None
) -> dg.JobDefinition:
    # With every field in the job's own configuration the launchpad opens as a form to be filled in.
    config = {"ops": {work.name: {"config": form.model_dump()}}} if form else NO_FORM

    @dg.job(
        name=name,
        description=description,
        config=config,
        executor_def=dg.in_process_executor,
        tags=AHEAD_OF_CAMPAIGNS,
        metadata=JOB_METADATA,
        owners=owners,
    )
    def operation() -> None:
        work()

    return operation


@dg.op
def reset(context: dg.OpExecutionContext, config: ResetForm, tracking: TrackingResource) -> None:
    """Give campaigns a clean slate."""
    selection = CampaignSelection(names=config.campaigns, all_failed=config.all_failed, route=config.route or None)
    with as_failures(is_attended=True), tracking.database() as database:
        _show(context, reset_campaign_retries(database, tracking.site, selection, config.request(context)))


@dg.op
def release(context: dg.OpExecutionContext, config: ReleaseForm, tracking: TrackingResource) -> None:
    """Let files be tried again."""
    selection = FileSelection(
        tracking_ids=config.tracking_ids, file_names=config.file_names, campaigns=config.campaigns,
        everything=config.everything,
    )  # fmt: skip
    with as_failures(is_attended=True), tracking.database() as database:
        _show(context, release_set_aside_files(database, selection, config.request(context)))


@dg.op
def redeliver(
    context: dg.OpExecutionContext,
    config: RedeliverForm,
    *,
    dam: DamResource,
    box: BoxResource,
    tracking: TrackingResource,
    mail: MailResource,
    webhook: WebhookResource,
) -> None:
    """Bring files once more."""
    resources = RunResources(dam=dam, box=box, tracking=tracking, mail=mail, webhook=webhook)
    wanted = Wanted(
        tracking_ids=config.tracking_ids, file_names=config.file_names, campaigns=config.campaigns,
        finals=config.finals, to_folder=config.to_folder,
    )  # fmt: skip
    with as_failures(is_attended=True), resources.systems(Priority.PEOPLE) as systems:
        operation = Redelivering(systems=systems, request=config.request(context), log=context.log.info)
        outcome = operation.redeliver(wanted)
    rows = [file.row() for file in outcome.files]
    _show_each(context, outcome, {"files": metadata_table(rows)}, is_red=bool(outcome.refused))


@dg.op
def withdraw(context: dg.OpExecutionContext, config: WithdrawForm, tracking: TrackingResource) -> None:
    """Await no finals of masters any more."""
    with as_failures(is_attended=True), tracking.database() as database:
        _show(context, withdraw_masters(database, config.tracking_ids, config.request(context)))


@dg.op
def advance(
    context: dg.OpExecutionContext,
    config: AdvanceForm,
    *,
    dam: DamResource,
    tracking: TrackingResource,
    webhook: WebhookResource,
) -> None:
    """Set the next status of campaigns."""
    with as_failures(is_attended=True), tracking.database() as database, dam.client(priority=Priority.PEOPLE) as otmm:
        outcome = Advancing(
            database=database,
            dam=otmm,
            site=tracking.site,
            has_webhook=webhook.url is not None,
            request=config.request(context),
            incomplete=config.incomplete,
        ).advance(config.campaigns)
    rows = [campaign.row() for campaign in outcome.campaigns]
    _show_each(context, outcome, {"campaigns": metadata_table(rows)}, is_red=bool(outcome.refused))


@dg.op
def resend(context: dg.OpExecutionContext, config: ResendForm, tracking: TrackingResource) -> None:
    """Let messages be sent again."""
    with as_failures(is_attended=True), tracking.database() as database:
        outcome = resend_notifications(
            database, config.request(context), ids=config.notification_ids, everything=config.everything
        )
        _show(context, outcome)


@dg.op(required_resource_keys=FIVE)
def check(context: dg.OpExecutionContext) -> None:
    """Ask every system."""
    from ferrero_dagster.operations.connection_checks import check_connections  # noqa: PLC0415  # loads Alembic: slow

    with as_failures(is_attended=True):
        checks = check_connections(context.resources.tracking.connected(Priority.PEOPLE))
    rows = [
        {"system": c.system, "check": c.check, "state": c.state, "detail": c.detail, "who must act": c.who_must_act}
        for c in checks
    ]
    metadata = {"checks": metadata_table(rows)}
    failed = {c.system: None for c in checks if c.state == "failed"}
    if failed:
        raise dg.Failure(
            f"Cannot be used as they are: {', '.join(failed)}.",
            metadata={**metadata, REPORTED: True},
        )
    context.add_output_metadata(metadata)


def _show_each(
    context: dg.OpExecutionContext, outcome: AdvanceOutcome | RedeliveryOutcome, table: Metadata, *, is_red: bool
) -> None:
    """What became of each thing; red where one was left as it is, unless it was a dry run."""
    metadata: Metadata = {"result": dg.MetadataValue.text(str(outcome)), **table}
    if is_red and not outcome.dry_run:
        raise dg.Failure(str(outcome), metadata={**metadata, REPORTED: dg.MetadataValue.bool(True)})
    context.log.info(str(outcome))
    context.add_output_metadata(metadata)


def _show(context: dg.OpExecutionContext, outcome: Outcome) -> None:
    context.log.info(str(outcome))
    context.add_output_metadata({"result": str(outcome), "changes": metadata_table([c.row() for c in outcome.changes])})
