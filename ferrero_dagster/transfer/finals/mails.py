"""What people are told of finals (SPEC 4.3-4.7); each message is written in the transaction of its fact."""

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.files import Campaign, ToDam
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.messages.facts import (
    CampaignRef,
    FileUploaded,
    FinalsComplete,
    MovedFile,
    RouteRef,
    UploadFailed,
    WorkflowError,
)
from ferrero_dagster.tracking import campaigns, outbox, rounds, transfers
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer.systems import Systems


def add(
    cursor: Cursor,
    fact: FileUploaded | UploadFailed | FinalsComplete | WorkflowError,
    key: str,
    *,
    campaign_id: DamId | None,
) -> None:
    """Write a message, once per key for ever."""
    outbox.add(cursor, fact, f"mail:{fact.template}:{key}", campaign_id=campaign_id)


def moved_file(transfer: ToDam, *, unkept_fields: tuple[str, ...] = ()) -> MovedFile:
    """A final in the DAM as people are told of it."""
    return MovedFile(
        name=transfer.source_name,
        stored_name=transfer.target_name or transfer.source_name,
        tracking_id=transfer.tracking_id,
        size_bytes=transfer.size_bytes or 0,
        dam_asset_id=transfer.target_id,
        unkept_fields=unkept_fields,
    )


def set_aside(route: FinalsRoute, campaign: Campaign, transfer: ToDam, *, reason: str, attempts: int) -> UploadFailed:
    """A file that failed too often, or for a reason that does not pass (SPEC 4.5)."""
    return UploadFailed(
        file_name=transfer.source_name, box_file_id=transfer.source_id, tracking_id=transfer.tracking_id,
        route=RouteRef.model_validate(route), campaign=CampaignRef.model_validate(campaign), reason=reason,
        set_aside=True, attempts=attempts,
    )  # fmt: skip


def undeleted(campaign: Campaign, transfer: ToDam, *, reason: str) -> WorkflowError:
    """A final that has arrived, but stays in the agency's folder."""
    return WorkflowError(
        headline=f"{transfer.source_name} has arrived, but cannot be deleted in Box",
        explanation=reason,
        what_to_do="Delete it there by hand, or mend what is wrong; deleting is tried again from time to time.",
        details=(("Campaign", str(campaign)),),
        box_file_id=transfer.source_id,
    )


def report_complete(
    systems: Systems,
    route: FinalsRoute,
    campaign: Campaign,
    current: rounds.Round,
    run_id: str,
    *,
    notes: tuple[str, ...],
) -> None:
    """The status is set and read back: write it down and tell everybody; idempotent."""

    def work(cursor: Cursor) -> None:
        campaigns.note_status(cursor, campaign.id, route.status_after)
        rounds.close(cursor, current.id, "advanced")
        files = tuple(moved_file(transfer) for transfer in transfers.moved(cursor, route.name, campaign.id))
        ref = CampaignRef.model_validate(campaign)
        fact = FinalsComplete(
            route=RouteRef.model_validate(route), campaign=ref, files=files, notes=notes, run_id=run_id
        )
        add(cursor, fact, current.key, campaign_id=campaign.id)

    systems.database.transact(work)
