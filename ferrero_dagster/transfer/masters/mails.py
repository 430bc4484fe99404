"""How a run of a campaign ended: the fact and its message, written in one transaction (SPEC 3.5-3.7, 8)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.planning import pause_s
from ferrero_dagster.messages.facts import (
    CampaignComplete,
    CampaignPartial,
    CampaignRef,
    FailedFile,
    MovedFile,
    NoAssetsRetry,
    NoAssetsWarning,
    PermanentlyFailed,
    RouteRef,
)
from ferrero_dagster.tracking import campaigns, outbox, rounds
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class Reporter:
    """Everything that a report of a campaign's round needs."""

    route: MastersRoute
    campaign: Campaign
    round: rounds.Round
    systems: Systems
    run_id: str

    @property
    def route_ref(self) -> RouteRef:
        """The route as facts hold it."""
        return RouteRef.model_validate(self.route)

    @property
    def campaign_ref(self) -> CampaignRef:
        """The campaign as facts hold it."""
        return CampaignRef.model_validate(self.campaign)

    @property
    def tells_make(self) -> bool:
        """Whether Make.com hears of this route's campaigns."""
        return self.route.webhook and self.systems.has_webhook


def report_complete(
    reporter: Reporter, files: tuple[MovedFile, ...], box_folder_id: str, *, notes: tuple[str, ...] = ()
) -> None:
    """The status is set and read back: write it down, reset the counters, tell everybody (SPEC 3.5); idempotent."""
    fact = CampaignComplete(
        route=reporter.route_ref, campaign=reporter.campaign_ref, run_id=reporter.run_id,
        files=files, box_folder_id=box_folder_id, notes=notes,
    )  # fmt: skip
    route, campaign = reporter.route, reporter.campaign

    def work(cursor: Cursor) -> None:
        campaigns.note_status(cursor, campaign.id, route.status_after)
        campaigns.reset(cursor, route.column_prefix, [campaign.id])
        rounds.close(cursor, reporter.round.id, "advanced")
        incidents.note_all_well(cursor)
        _add(cursor, fact, reporter.round.key)
        if reporter.tells_make:
            _add(cursor, fact, reporter.round.key, channel="webhook")

    reporter.systems.database.transact(work)


def report_partial(
    reporter: Reporter,
    moved: tuple[MovedFile, ...],
    failures: Iterable[tuple[FailedFile, str]],
    box_folder_id: str,
    *,
    notes: tuple[str, ...] = (),
) -> None:
    """Some files failed: the status stays, and the error list hears of it once per distinct outcome (SPEC 3.6).

    `failures` are the failed files, each with the code of its error.
    """
    failures = list(failures)
    attempt = reporter.round.failed_attempts + 1
    fact = CampaignPartial(
        route=reporter.route_ref, campaign=reporter.campaign_ref, run_id=reporter.run_id,
        moved=moved, failed=tuple(file for file, _ in failures), box_folder_id=box_folder_id, notes=notes,
        next_attempt_at=_next_attempt(reporter.systems.site, attempt),
    )  # fmt: skip
    outcome = "\n".join(sorted(f"{file.name}\t{code}" for file, code in failures))
    fingerprint = hashlib.sha256(outcome.encode()).hexdigest()[:16]

    def work(cursor: Cursor) -> None:
        note_failure(cursor, reporter.route, reporter.round)
        incidents.note_all_well(cursor)
        _add(cursor, fact, f"{reporter.round.key}:{fingerprint}")

    reporter.systems.database.transact(work)


def note_failure(cursor: Cursor, route: MastersRoute, current: rounds.Round) -> None:
    """A run ended without moving everything, for no error of the campaign: the next attempt comes after a pause."""
    if rounds.note_failure(cursor, current.id):
        campaigns.note_attempt(cursor, route.column_prefix, current.campaign_id)


def count_strike(reporter: Reporter, error: CampaignError) -> None:
    """A genuine error of the campaign: count it, and give the campaign up at the limit (SPEC 3.7)."""
    campaign, database, site = reporter.campaign, reporter.systems.database, reporter.systems.site
    prefix = reporter.route.column_prefix

    def strikes(cursor: Cursor) -> int:
        return campaigns.patience(cursor, prefix, [campaign.id])[campaign.id].error_count

    counted = database.transact(strikes)

    def work(cursor: Cursor) -> None:
        # Run again after a commit whose outcome is unknown, it finds its own strike.
        if strikes(cursor) <= counted:
            campaigns.count_poll(cursor, prefix, campaign.id, error=str(error))
        patience = campaigns.patience(cursor, prefix, [campaign.id])[campaign.id]
        limit = patience.max_retries or site.campaigns.max_attempts
        key = f"{reporter.round.key}:{patience.last_error_at}"
        if patience.error_count < limit:
            _add(cursor, _to_be_tried_again(reporter, patience.error_count, limit, str(error)), key)
        else:
            campaigns.mark_permanently_failed(cursor, prefix, campaign.id)
            given_up = _given_up(reporter, patience.error_count, str(error))
            _add(cursor, given_up, key)
            if reporter.tells_make and site.campaigns.webhook_on_permanent_failure:
                _add(cursor, given_up, key, channel="webhook")

    database.transact(work)


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
            route=RouteRef.model_validate(route), campaign=CampaignRef.model_validate(campaign),
            polls=patience.retry_count, source_folder=route.source_folder, waiting_since=patience.stuck_since,
        )  # fmt: skip
        _add(cursor, fact, f"{route.name}:{campaign.id}:{patience.stuck_since}")
    return patience.retry_count


def _to_be_tried_again(reporter: Reporter, attempt: int, max_attempts: int, reason: str) -> NoAssetsRetry:
    return NoAssetsRetry(
        route=reporter.route_ref, campaign=reporter.campaign_ref, run_id=reporter.run_id,
        attempt=attempt, max_attempts=max_attempts, reason=reason,
        next_attempt_at=_next_attempt(reporter.systems.site, attempt),
    )  # fmt: skip


def _given_up(reporter: Reporter, attempts: int, reason: str) -> PermanentlyFailed:
    return PermanentlyFailed(
        route=reporter.route_ref, campaign=reporter.campaign_ref, run_id=reporter.run_id,
        attempts=attempts, reason=reason,
        reset_sql=campaigns.reset_sql(reporter.route.column_prefix, reporter.campaign.id),
        reset_command=f"ferrero-dagster reset-retries {reporter.campaign.id} --yes",
    )  # fmt: skip


def _next_attempt(site: Site, failures: int) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=pause_s(failures, site.campaigns.retry_pauses_minutes))


def _add(
    cursor: Cursor,
    fact: CampaignComplete | CampaignPartial | NoAssetsWarning | NoAssetsRetry | PermanentlyFailed,
    key: str,
    channel: outbox.Channel = "mail",
) -> None:
    outbox.add(cursor, fact, f"{channel}:{fact.template}:{key}", channel=channel, campaign_id=fact.campaign.id)
