"""What became of a campaign's masters: each fact and its message, written in one transaction (SPEC 3.3-3.7, 8)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.box_names import box_file_name
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.domain.files import Campaign, ToBox
from ferrero_dagster.domain.planning import pause_s
from ferrero_dagster.messages.facts import (
    CampaignComplete,
    CampaignPartial,
    Comments,
    FailedFile,
    MovedFile,
    NoAssetsRetry,
    NoAssetsWarning,
    PermanentlyFailed,
)
from ferrero_dagster.tracking import campaigns, outbox, rounds, steps, unforeseen_errors
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersMails:
    """Writes down, and tells people, how a run of one campaign ended."""

    systems: Systems
    route: MastersRoute
    campaign: Campaign
    round: rounds.Round
    run_id: str

    def tell_complete(
        self,
        files: tuple[MovedFile, ...],
        box_folder_id: str,
        *,
        notes: tuple[str, ...] = (),
        comments: Comments | None = None,
    ) -> None:
        """The status is set and read back: reset the counters, tell everybody (SPEC 3.5); idempotent."""
        fact = CampaignComplete(
            route=self.route,
            campaign=self.campaign,
            run_id=self.run_id,
            files=files,
            box_folder_id=box_folder_id,
            notes=notes,
            comments=comments,
        )

        def work(cursor: Cursor) -> None:
            campaigns.note_status(cursor, self.campaign.id, self.route.status_after)
            campaigns.reset(cursor, self.route.column_prefix, [self.campaign.id])
            rounds.close(cursor, self.round.id, "advanced")
            incidents.note_all_well(cursor)
            unforeseen_errors.forget(cursor, self.route.name, self.campaign.id)
            self._add(cursor, fact, self.round.key, to_make=True)

        self.systems.database.transact(work)

    def tell_partial(
        self,
        moved: tuple[MovedFile, ...],
        failures: Sequence[tuple[FailedFile, str]],
        box_folder_id: str,
        *,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Some files failed: the status stays, and the error list hears of it once per distinct outcome (SPEC 3.6).

        `failures` are the failed files, each with the code of its error.
        """
        fact = CampaignPartial(
            route=self.route,
            campaign=self.campaign,
            run_id=self.run_id,
            moved=moved,
            failed=tuple(file for file, _ in failures),
            box_folder_id=box_folder_id,
            notes=notes,
            next_attempt_at=self._next_attempt(self.round.failed_attempts + 1),
        )
        outcome = "\n".join(sorted(f"{file.name}\t{code}" for file, code in failures))
        fingerprint = hashlib.sha256(outcome.encode()).hexdigest()[:16]

        def work(cursor: Cursor) -> None:
            steps.note_failed_run(cursor, self.route, self.round)
            incidents.note_all_well(cursor)
            self._add(cursor, fact, f"{self.round.key}:{fingerprint}")

        self.systems.database.transact(work)

    def count_strike(self, error: CampaignError) -> None:
        """A genuine error of the campaign: count it, and give the campaign up at the limit (SPEC 3.7)."""
        counted = self.systems.database.transact(self._patience).error_count

        def work(cursor: Cursor) -> None:
            # Run again after a commit whose outcome is unknown, it finds its own strike.
            if self._patience(cursor).error_count <= counted:
                campaigns.count_poll(cursor, self.route.column_prefix, self.campaign.id, error=str(error))
            self._tell_strike(cursor, self._patience(cursor), str(error))

        self.systems.database.transact(work)

    def _patience(self, cursor: Cursor) -> campaigns.Patience:
        return campaigns.patience(cursor, self.route.column_prefix, [self.campaign.id])[self.campaign.id]

    def _tell_strike(self, cursor: Cursor, patience: campaigns.Patience, reason: str) -> None:
        site = self.systems.site.campaigns
        limit = patience.max_retries or site.max_attempts
        key = f"{self.round.key}:{patience.last_error_at}"
        if patience.error_count < limit:
            self._add(cursor, self._to_be_tried_again(patience.error_count, limit, reason), key)
        else:
            campaigns.mark_permanently_failed(cursor, self.route.column_prefix, self.campaign.id)
            to_make = site.webhook_on_permanent_failure
            self._add(cursor, self._given_up(patience.error_count, reason), key, to_make=to_make)

    def _to_be_tried_again(self, attempt: int, max_attempts: int, reason: str) -> NoAssetsRetry:
        return NoAssetsRetry(
            route=self.route,
            campaign=self.campaign,
            run_id=self.run_id,
            attempt=attempt,
            max_attempts=max_attempts,
            reason=reason,
            next_attempt_at=self._next_attempt(attempt),
        )

    def _given_up(self, attempts: int, reason: str) -> PermanentlyFailed:
        return PermanentlyFailed(
            route=self.route,
            campaign=self.campaign,
            run_id=self.run_id,
            attempts=attempts,
            reason=reason,
            reset_sql=campaigns.reset_sql(self.route.column_prefix, self.campaign.id),
            reset_command=f"ferrero-dagster reset-retries {self.campaign.id} --yes",
        )

    def _next_attempt(self, failures: int) -> datetime:
        pauses = self.systems.site.campaigns.retry_pauses_minutes
        return datetime.now(timezone.utc) + timedelta(seconds=pause_s(failures, pauses))

    def _add(
        self,
        cursor: Cursor,
        fact: CampaignComplete | CampaignPartial | NoAssetsRetry | PermanentlyFailed,
        key: str,
        *,
        to_make: bool = False,
    ) -> None:
        """Write a message, once per key for ever; Make.com gets it too, where it hears of this route."""
        channels: list[outbox.Channel] = ["mail"]
        if to_make and self.route.webhook and self.systems.has_webhook:
            channels.append("webhook")
        for channel in channels:
            dedupe_key = f"{channel}:{fact.template}:{key}"
            outbox.add(cursor, fact, dedupe_key, channel=channel, campaign_id=self.campaign.id)


def count_empty_poll(cursor: Cursor, route: MastersRoute, campaign: Campaign, site: Site, *, interval_s: float) -> int:
    """Count one poll of an empty source folder and return the count; warns once per stuck period (SPEC 3.3).

    A tick that looks again within the interval, as a preview does, counts nothing. Who was stuck when we took over the
    cron scripts' database was warned of by them, unless it had not come to that.
    """
    prefix = route.column_prefix
    campaigns.count_poll(cursor, prefix, campaign.id, min_interval_s=0.9 * interval_s)
    patience = campaigns.patience(cursor, prefix, [campaign.id])[campaign.id]
    threshold, is_ours = site.campaigns.empty_polls_before_warning, patience.stuck_since is not None
    if patience.retry_count == threshold or (is_ours and patience.retry_count > threshold):
        fact = NoAssetsWarning(
            route=route,
            campaign=campaign,
            polls=patience.retry_count,
            source_folder=route.source_folder,
            waiting_since=patience.stuck_since,
        )
        key = f"mail:{fact.template}:{route.name}:{campaign.id}:{patience.stuck_since}"
        outbox.add(cursor, fact, key, campaign_id=campaign.id)
    return patience.retry_count


def moved_file(transfer: ToBox) -> MovedFile:
    """A master in Box as people are told of it."""
    return MovedFile(
        name=transfer.source_name,
        # Of files that the cron scripts moved the name in Box is not known, only how they made it.
        stored_name=transfer.target_name or box_file_name(transfer.source_name, transfer.tracking_id),
        tracking_id=transfer.tracking_id,
        size_bytes=transfer.size_bytes or 0,
        transfer_id=transfer.id,
        dam_asset_id=transfer.source_id,
        box_file_id=transfer.target_id,
    )
