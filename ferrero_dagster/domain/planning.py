"""What one look of a sensor decides; pure, so that every case can be tried without a clock or a server."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.triage import Judgement, KnownFile, KnownFiles
from ferrero_dagster.domain.words import minutes

#: Why a campaign does not start while as many of its route are under way as the site allows.
NO_PLACE = "waits until another campaign of its route has ended"


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

    def __str__(self) -> str:
        return f"{self.campaign}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersPlan:
    """Campaigns that may start once their folder says so, in the order in which to look into it, and the others."""

    due: tuple[Campaign, ...]
    skipped: tuple[Skipped, ...]
    #: Of those that are due: whose status is only to be set, and which the last look at them could not read.
    resumed: frozenset[DamId]
    unread: frozenset[DamId]
    #: Why those that are due do not start all the same.
    hold: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsPlan:
    """Campaigns that start, each with the number of its files that are due, and the others."""

    starts: dict[Campaign, int]
    skipped: tuple[Skipped, ...]
    #: Files that would be ready, but were given up until somebody releases them.
    set_aside: tuple[Judgement, ...]


def pause_s(failures: int, pauses_minutes: Sequence[float]) -> float:
    """The pause after so many failures; the last one listed serves for all further."""
    if failures <= 0:
        return 0.0
    return 60 * pauses_minutes[min(failures, len(pauses_minutes)) - 1]


def pause_left_s(failures: int, since_last_s: float | None, pauses_minutes: Sequence[float]) -> float:
    """What is left of the pause after so many failures, the last of them `since_last_s` ago; 0 when it is over."""
    return max(0.0, pause_s(failures, pauses_minutes) - _past(since_last_s))


def plan_masters(
    found: Sequence[Campaign],
    histories: Mapping[DamId, CampaignHistory],
    *,
    resumed: Sequence[Campaign] = (),
    hold: str | None = None,
    pauses_minutes: Sequence[float],
    interval_s: float = 0,
) -> MastersPlan:
    """The campaigns to look into now and the others with reasons; `resumed` are those whose status is only to be set.

    Campaigns that were never looked at in vain come first, in the DAM's order, then those whose last look in vain is
    longest ago, at last those that could not be read: where there is no time for all, each gets its turn. A pause that
    ends nearer to this look than to the next, `interval_s` later, is over. No cap is applied here: only campaigns that
    really start take a place (SPEC 3.2).
    """
    due: list[tuple[Campaign, CampaignHistory]] = []
    skipped: list[Skipped] = []
    for campaign in (*resumed, *found):
        history = histories.get(campaign.id, CampaignHistory())
        reason = _why_not(history, pauses_minutes, tolerance_s=interval_s / 2)
        if reason:
            skipped.append(Skipped(campaign=campaign, reason=reason))
        else:
            due.append((campaign, history))
    return MastersPlan(
        due=tuple(campaign for campaign, _ in sorted(due, key=lambda one: _turn(one[1]))),
        skipped=tuple(skipped),
        resumed=frozenset(campaign.id for campaign in resumed),
        unread=frozenset(campaign.id for campaign, history in due if history.since_unread_s is not None),
        hold=hold,
    )


def plan_finals(
    judgements: Sequence[Judgement],
    known: KnownFiles,
    campaigns: Mapping[DamId, Campaign],
    histories: Mapping[DamId, CampaignHistory],
    *,
    complete: Sequence[DamId],
    hold: str | None,
    places: int,
    pauses_minutes: Sequence[float],
) -> FinalsPlan:
    """The campaigns that start now, the others with reasons, and the files that wait to be released.

    Those that are `complete` come first, also without a file, and are not told of while they wait for their next
    attempt; then those of which a file is due, in the order of the files. `known` holds the files of earlier looks,
    `campaigns` and `histories` what is named by a ready file or `complete`.
    Under a `hold`, which says why, none starts; else as many as there are `places`, which only those take that start.
    """
    ready = [(judgement, known.get(judgement.file.version)) for judgement in judgements if judgement.state == "ready"]
    due = Counter(j.campaign_id for j, before in ready if j.campaign_id and _is_due(before, pauses_minutes))
    finished = [id_ for id_ in complete if not _is_pausing(histories.get(id_), pauses_minutes)]
    starts: dict[Campaign, int] = {}
    skipped: list[Skipped] = []
    for id_, files in (dict.fromkeys(finished, 0) | due).items():
        reason = hold or _why_no_run(histories.get(id_), pauses_minutes)
        if reason or len(starts) >= places:
            skipped.append(Skipped(campaign=campaigns[id_], reason=reason or NO_PLACE))
        else:
            starts[campaigns[id_]] = files
    set_aside = tuple(judgement for judgement, before in ready if before and before.is_set_aside)
    return FinalsPlan(starts=starts, skipped=tuple(skipped), set_aside=set_aside)


def _is_due(before: KnownFile | None, pauses_minutes: Sequence[float]) -> bool:
    if before is None:
        return True
    return not before.is_set_aside and not pause_left_s(before.failures, before.since_last_attempt_s, pauses_minutes)


def _why_no_run(history: CampaignHistory | None, pauses_minutes: Sequence[float]) -> str | None:
    if history and history.is_running:
        return "a run is under way"
    return "waits for its next attempt" if _is_pausing(history, pauses_minutes) else None


def _is_pausing(history: CampaignHistory | None, pauses_minutes: Sequence[float]) -> bool:
    return bool(history and pause_left_s(history.failed_attempts, history.since_last_failure_s, pauses_minutes))


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
