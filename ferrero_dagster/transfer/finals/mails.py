"""What became of a campaign's finals: each fact and its message, written in one transaction (SPEC 4.3-4.7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.creativex import SentScore
from ferrero_dagster.domain.errors import FerreroError, OwnTrouble
from ferrero_dagster.domain.files import Campaign, ToDam
from ferrero_dagster.domain.triage import Judgement
from ferrero_dagster.messages.facts import (
    CampaignRef,
    Fact,
    MovedFile,
    UploadFailed,
    WorkflowError,
)
from ferrero_dagster.tracking import campaigns, outbox, transfers
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer.systems import Systems


def mail_key(fact: Fact, about: str) -> str:
    """What a message is written by: once for ever."""
    return f"mail:{fact.template}:{about}"


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsMails:
    """Writes down, and tells people, what became of one campaign's files that did not just move."""

    systems: Systems
    route: FinalsRoute
    campaign: Campaign
    run_id: str

    def count_failure(self, transfer: ToDam, error: FerreroError) -> None:
        """Count the attempt; after the last one, or where another cannot help, the file is set aside (SPEC 4.5)."""
        attempts = transfer.attempts + 1
        is_last = not error.retry or attempts >= self.systems.site.agency.max_attempts

        def work(cursor: Cursor) -> None:
            if not isinstance(error, OwnTrouble):
                transfers.record_failure(cursor, transfer.id, message=str(error), code=error.code)
            set_aside_at = transfers.set_aside(cursor, transfer.id) if is_last else None
            if set_aside_at:
                fact = self._set_aside(transfer, attempts, str(error))
                self._add(cursor, fact, f"{transfer.id}:set_aside:{set_aside_at}")

        self.systems.database.transact(work)

    def _set_aside(self, transfer: ToDam, attempts: int, reason: str) -> UploadFailed:
        return UploadFailed(
            route=self.route,
            campaign=self.campaign,
            file_name=transfer.source_name,
            box_file_id=transfer.source_id,
            tracking_id=transfer.tracking_id,
            reason=reason,
            set_aside=True,
            attempts=attempts,
        )

    def tell_undeleted(self, transfer: ToDam, reason: str) -> None:
        """A final has arrived, but stays in the agency's folder: told once, and tried again much later."""
        fact = WorkflowError(
            headline=f"{transfer.source_name} has arrived, but cannot be deleted in Box",
            explanation=reason,
            what_to_do="Delete it there by hand, or mend what is wrong; deleting is tried again from time to time.",
            details=(("Campaign", str(self.campaign)),),
            box_file_id=transfer.source_id,
        )

        def work(cursor: Cursor) -> None:
            transfers.note_undeleted(cursor, transfer.id, reason)
            self._add(cursor, fact, f"{transfer.id}:undeleted")

        self.systems.database.transact(work)

    def _add(self, cursor: Cursor, fact: Fact, about: str) -> None:
        outbox.add(cursor, fact, mail_key(fact, about), campaign_id=self.campaign.id)


def tell_refused(cursor: Cursor, route: FinalsRoute, refused: Sequence[Judgement]) -> None:
    """Files that cannot be taken as they are, each version told once (SPEC 4.4)."""
    ids = {judgement.campaign_id for judgement in refused if judgement.campaign_id}
    known = {campaign.id: campaign for campaign in (campaigns.known(cursor, ids) if ids else ())}
    facts = {j.file.version: refusal(route, j, known.get(j.campaign_id) if j.campaign_id else None) for j in refused}
    outbox.add_mails(cursor, {mail_key(fact, ":".join(version)): fact for version, fact in facts.items()})


def refusal(route: FinalsRoute, judgement: Judgement, campaign: Campaign | CampaignRef | None) -> UploadFailed:
    """What is wrong with the file, and what its name should be; `campaign` is its master's, where that is known."""
    return UploadFailed(
        route=route,
        campaign=campaign,
        file_name=judgement.file.name,
        box_file_id=judgement.file.id,
        tracking_id=judgement.tracking_id,
        reason=judgement.reason or "",
        problems=judgement.problems,
        corrected_name=judgement.corrected_name,
    )


def moved_file(transfer: ToDam, *, unkept_fields: tuple[str, ...] = (), score: SentScore | None = None) -> MovedFile:
    """A final in the DAM as people are told of it."""
    return MovedFile(
        name=transfer.source_name,
        stored_name=transfer.target_name or transfer.source_name,
        tracking_id=transfer.tracking_id,
        size_bytes=transfer.size_bytes or 0,
        transfer_id=transfer.id,
        dam_asset_id=transfer.target_id,
        unkept_fields=unkept_fields,
        creativex_score=score.creativex.shown_score if score else None,
        creativex_url=score.creativex.url if score else None,
        is_unscored=score.is_missing if score else False,
    )
