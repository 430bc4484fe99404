"""What one look of a sensor decides; pure, so that every case can be tried without a clock or a server."""

from collections.abc import Sequence
from dataclasses import dataclass

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.words import minutes


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignHistory:
    """What is known of a campaign on a route when a sensor looks."""

    permanently_failed: bool = False
    failure_reason: str | None = None
    #: Genuine errors since the last success or reset, and the time since the last of them.
    strikes: int = 0
    since_last_error_s: float | None = None
    #: Time since the last look or run in vain.
    since_last_retry_s: float | None = None
    #: Runs of the present round that ended without moving everything, and the time since the last of them.
    failed_attempts: int = 0
    since_last_failure_s: float | None = None
    #: Time since the last look, if that could not read the campaign.
    since_unread_s: float | None = None
    is_running: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A campaign that is left alone for now, and why, in words for the sensor's tick."""

    campaign: Campaign
    reason: str


def pause_s(failures: int, pauses_minutes: Sequence[float]) -> float:
    """The pause after so many failures; the last one listed serves for all further."""
    if failures <= 0:
        return 0.0
    return 60 * pauses_minutes[min(failures, len(pauses_minutes)) - 1]


def pause_left_s(failures: int, since_last_s: float | None, pauses_minutes: Sequence[float]) -> float:
    """What is left of the pause after so many failures, the last of them `since_last_s` ago; 0 when it is over."""
    return max(0.0, pause_s(failures, pauses_minutes) - _past(since_last_s))


def due_campaigns(
    found: Sequence[Campaign],
    histories: dict[str, CampaignHistory],
    pauses_minutes: Sequence[float],
    *,
    interval_s: float = 0,
) -> tuple[list[Campaign], list[Skipped]]:
    """The campaigns that may start now and the others with reasons.

    Campaigns that were never looked at in vain come first, in the DAM's order, then those whose last look in vain is
    longest ago, at last those that could not be read: where there is no time for all, each gets its turn. A pause that
    ends nearer to this look than to the next, `interval_s` later, is over. No cap is applied here: it counts only
    campaigns that really start (SPEC 3.2).
    """
    due: list[Campaign] = []
    skipped: list[Skipped] = []
    for campaign in found:
        history = histories.get(campaign.id, CampaignHistory())
        reason = _why_not(history, pauses_minutes, tolerance_s=interval_s / 2)
        if reason:
            skipped.append(Skipped(campaign=campaign, reason=reason))
        else:
            due.append(campaign)
    due.sort(key=lambda campaign: _turn(histories.get(campaign.id, CampaignHistory())))
    return due, skipped


def _turn(history: CampaignHistory) -> tuple[bool, float, float]:
    is_unread = history.since_unread_s is not None
    return is_unread, -_past(history.since_unread_s) if is_unread else 0, -_past(history.since_last_retry_s)


def _why_not(history: CampaignHistory, pauses_minutes: Sequence[float], *, tolerance_s: float) -> str | None:
    if history.permanently_failed:
        return f"permanently failed ({history.failure_reason or 'no reason given'})"
    if history.is_running:
        return "a run is under way"
    left_s = max(
        pause_left_s(history.strikes, history.since_last_error_s, pauses_minutes),
        pause_left_s(history.failed_attempts, history.since_last_failure_s, pauses_minutes),
    )
    return f"next attempt in {minutes(left_s)}" if left_s > tolerance_s else None


def _past(since_s: float | None) -> float:
    # Nothing to wait for without a time of the last failure, as after a reset, or with one that a clock put ahead.
    return float("inf") if since_s is None or since_s < 0 else since_s
