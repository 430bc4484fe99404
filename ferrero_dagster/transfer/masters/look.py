"""One look for campaigns to move: what a sensor's tick does, without Dagster (SPEC 3.1-3.3)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import takewhile

from ferrero_dagster.clients.otmm import Otmm, UnreadHit
from ferrero_dagster.clients.otmm_answers import SYSTEM
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import CampaignError, EndedTurn, FerreroError, OutOfTime
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.planning import NO_PLACE, CampaignHistory, MastersPlan, plan_masters
from ferrero_dagster.domain.turns import Position, in_turn
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking import campaigns, outages, rounds, unforeseen_errors
from ferrero_dagster.tracking.campaigns import Patience
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import incidents, slowness
from ferrero_dagster.transfer.campaign import sightings
from ferrero_dagster.transfer.campaign.folders import find_folders
from ferrero_dagster.transfer.campaign.unread import UnreadCampaigns, tell_nameless
from ferrero_dagster.transfer.masters.mails import count_empty_poll
from ferrero_dagster.transfer.unforeseen import Turn, told

#: Campaigns that one look reads because search and database differ; the others have their turn at the next.
_MAX_DOUBTFUL = 5
_THE_SEARCH = "searching for campaigns"


@dataclass(kw_only=True, slots=True)
class MastersLook:
    """What a look found: campaigns to start now, and a line for each other one."""

    starts: list[Campaign] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Campaigns found in the route's status and type; None where the DAM could not be asked for all of them.
    found: list[Campaign] | None = None
    #: The campaign to begin with, before this look and after it, where looks are cut off.
    before: Position | None = None
    after: Position | None = None
    looked_at: int = 0
    #: How many may start.
    places: int
    #: What the next look goes on with, where the time was over before this one was through, and how far it came.
    goes_on_with: str = ""
    figures: str | None = None
    #: Of errors that nobody foresaw.
    traces: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        starts = [f"{campaign}: starts" for campaign in self.starts]
        cut = [self.figures] if self.figures else []
        return "\n".join(cut + starts + self.notes) or "No campaign is waiting."


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersLooker:
    """What a look needs; what it does not get through before the `deadline` the next look goes on with."""

    dam: Otmm
    route: MastersRoute
    database: Database
    site: Site
    interval_s: float
    deadline: Deadline = NEVER

    def look(self, *, running: Collection[DamId], on_route: int, before: Position | None = None) -> MastersLook:
        """Search for campaigns, look into those that are due, count polls of empty folders, and say what is to start.

        `running` holds the ids of campaigns that have an unfinished run; `on_route` is how many of those have it on
        this route, in the queue or at work: so many fewer start. `before` is where the last look was cut off. Where DAM
        or PostgreSQL cannot be used, the look says so instead, and the error list hears of it once.
        """
        look = MastersLook(before=before, places=self.site.campaigns.per_tick - on_route)
        try:
            with told(self.database, Turn(name=self.route.sensor), look.traces.append):
                self._look(look, running)
        except EndedTurn as error:
            look.notes.append(str(error))
        except FerreroError as error:
            incidents.note(self.database, error, self.site, asked="DAM")
            look.notes.append(str(error))
        if not look.figures:
            self.dam.kept(self.route.sensor).clear()
        return look

    def _look(self, look: MastersLook, running: Collection[DamId]) -> None:
        hits: list[UnreadHit] = []
        found = self._noted(self._searched(look, hits.append), look)
        look.found = None if look.goes_on_with else found
        look.notes += self.database.transact(tell_nameless, self.route, hits)
        asked_for = found + self.database.transact(self._unread, hits)
        plan = self.database.transact(self._plan, asked_for, running)
        look.notes += [str(skipped) for skipped in plan.skipped]
        self._start(plan, look)
        if look.goes_on_with:
            look.figures = self._figures(look, len(plan.due))
        else:
            in_time = takewhile(lambda _: not self.deadline.is_over, self._doubtful(asked_for))
            look.notes += sightings.reread(self.dam, self.database, self.site, in_time)
        self.database.transact(
            slowness.note, self.site, self.dam.tempo, system=SYSTEM, sensor=self.route.sensor, said=look.figures
        )

    def _searched(self, look: MastersLook, on_unread: Callable[[UnreadHit], None]) -> list[Campaign]:
        """What the search finds in half of the time, for there must be some left to look at it."""
        status, type_ = self.route.status_before, self.route.campaign_type
        found: list[Campaign] = []
        try:
            with self.dam.kept(self.route.sensor).on("search", until=Deadline.after(self.deadline.left_s / 2)):
                self.dam.search_campaigns(
                    status=status,
                    campaign_type=type_,
                    on_unread=on_unread,
                    on_found=found.append,
                )
        except OutOfTime:
            look.goes_on_with, look.after = _THE_SEARCH, look.before
        return list({campaign.id: campaign for campaign in found}.values())

    def _figures(self, look: MastersLook, due: int) -> str:
        so_far = " found so far" if look.found is None else ""
        return (
            f"{look.looked_at} of {counted(due, 'campaign')}{so_far} looked at in {slowness.elapsed(self.deadline)}; "
            f"{slowness.figures(self.dam.tempo, SYSTEM)}; the next look goes on with {look.goes_on_with}."
        )

    def _unread(self, cursor: Cursor, hits: Sequence[UnreadHit]) -> list[Campaign]:
        """Campaigns that the search shows spoiled, as they are known; what is wrong their folders tell."""
        status, type_ = self.route.status_before, self.route.campaign_type
        ids = {hit.id: hit.name for hit in hits if hit.id}
        for id_, name in ids.items():
            campaigns.note_named(cursor, Campaign(id=id_, number="", name=name, status=status, type=type_))
        return [replace(one, status=status, type=type_) for one in campaigns.known(cursor, list(ids))]

    def _noted(self, found: list[Campaign], look: MastersLook) -> list[Campaign]:
        """Write down what the search found, at once or, if one of them is in the way, each by itself."""
        try:
            with foreseen():
                self.database.transact(self._note, found)
        except EndedTurn:
            noted: list[Campaign] = []
            for campaign in found:
                with self._turn(campaign, look):
                    self.database.transact(self._note, [campaign])
                    noted.append(campaign)
            return noted
        return found

    @contextmanager
    def _turn(self, campaign: Campaign, look: MastersLook) -> Iterator[None]:
        """An error that nobody foresaw ends this campaign's turn; it waits out a pause as after a failed run."""
        try:
            turn = Turn(name=self.route.name, about=str(campaign), campaign_id=campaign.id)
            with told(self.database, turn, look.traces.append):
                yield
        except EndedTurn as error:
            look.notes.append(f"{campaign}: {error}")

    def _note(self, cursor: Cursor, found: Sequence[Campaign]) -> None:
        """Write down what the search found; idempotent."""
        if self.dam.tempo.answers:  # not all of it is of an earlier look
            outages.note_success(cursor, SYSTEM)
        for campaign in found:
            campaigns.note_found(cursor, campaign)

    def _plan(self, cursor: Cursor, found: Sequence[Campaign], running: Collection[DamId]) -> MastersPlan:
        pauses = self.site.campaigns.retry_pauses_minutes
        resumed = self._unfinished(cursor, {campaign.id for campaign in found})
        ids = [campaign.id for campaign in (*resumed, *found)]
        return plan_masters(
            found,
            _histories(cursor, self.route, ids, running),
            resumed=resumed,
            hold=incidents.hold(cursor, pauses),
            pauses_minutes=pauses,
            interval_s=self.interval_s,
        )

    def _unfinished(self, cursor: Cursor, found_ids: Collection[DamId]) -> list[Campaign]:
        """Campaigns whose status a run had begun to set when it died: the search may not find them any more."""
        ids = rounds.unfinished_advances(cursor, self.route.name)
        return campaigns.known(cursor, [id_ for id_ in ids if id_ not in found_ids])

    def _start(self, plan: MastersPlan, look: MastersLook) -> None:
        """Look into the campaigns that are due; only those that start take a place."""
        unread = UnreadCampaigns(database=self.database, site=self.site, unread_before=plan.unread)
        for campaign in in_turn(plan.due, look.before):
            try:
                with self._turn(campaign, look):
                    self._look_at(campaign, plan, look, unread)
            except OutOfTime:
                next_one = unread.cut(campaign, looked_at=look.looked_at)
                look.goes_on_with, look.after = str(next_one), Position.cut_at(next_one, look.before)
                break
        unread.end()

    def _look_at(self, campaign: Campaign, plan: MastersPlan, look: MastersLook, unread: UnreadCampaigns) -> None:
        if len(look.starts) >= look.places:
            look.notes.append(f"{campaign}: {NO_PLACE}")
            return
        reason = self._why_not(campaign, unread, is_resumed=campaign.id in plan.resumed) or plan.hold
        look.looked_at += 1
        if reason:
            look.notes.append(f"{campaign}: {reason}")
            return
        # The time to arrive runs from now on; the run may wait in Dagster's queue.
        self.database.transact(self._open, campaign)
        look.starts.append(campaign)

    def _open(self, cursor: Cursor, campaign: Campaign) -> None:
        rounds.open_round(cursor, self.route.name, campaign.id)
        campaigns.partition_keys(cursor, [campaign])

    def _why_not(self, campaign: Campaign, unread: UnreadCampaigns, *, is_resumed: bool) -> str | None:
        """Why the campaign does not start; None if it does.

        Raises:
            FerreroError: it is not this campaign alone that cannot be read.
            OutOfTime: what has been answered so far is kept for the next look.
        """
        try:
            with self.dam.kept(self.route.sensor).until_done(campaign.id, until=self.deadline):
                now, is_ready = self._asked(campaign, is_resumed=is_resumed)
        except OutOfTime:
            raise
        except FerreroError as error:
            unread.failed(campaign, error)
            return str(error)
        unread.read()
        self.database.transact(sightings.note_read, self.site, now)
        if is_ready:
            return None
        return self._count_empty(now) if sightings.is_on(self.route, now) else sightings.whereabouts(now)

    def _asked(self, campaign: Campaign, *, is_resumed: bool) -> tuple[Campaign, bool]:
        """The campaign as its folder says now, for the index may lag, and whether a run has something to do."""
        now = sightings.read(self.dam, campaign)
        if is_resumed or not sightings.is_on(self.route, now):
            return now, is_resumed
        try:
            return now, self.dam.has_assets(find_folders(self.dam, self.route, campaign.id).source)
        except CampaignError:
            return now, True  # its run fails, says why, and counts the strike

    def _doubtful(self, found: Sequence[Campaign]) -> list[Campaign]:
        """Campaigns of which search and database say different things: they came, went, or the index lags."""
        status, type_ = self.route.status_before, self.route.campaign_type
        ids = [campaign.id for campaign in found]
        return self.database.transact(
            campaigns.doubtful, status=status, campaign_type=type_, found=ids, limit=_MAX_DOUBTFUL
        )

    def _count_empty(self, campaign: Campaign) -> str:
        if self.site.quiet_hours.hold(datetime.now(timezone.utc)):
            return "No master assets yet (polls in quiet hours do not count) - skipping until assets appear"
        polls = self.database.transact(count_empty_poll, self.route, campaign, self.site, interval_s=self.interval_s)
        return f"No master assets yet (poll {polls}) - skipping until assets appear"


def _histories(
    cursor: Cursor, route: MastersRoute, ids: list[DamId], running: Collection[DamId]
) -> dict[DamId, CampaignHistory]:
    patience = campaigns.patience(cursor, route.column_prefix, ids)
    unread = campaigns.unread(cursor, ids)
    # A reset by SQL leaves no time of a last attempt.
    forgiven = [id_ for id_ in ids if patience.get(id_, Patience()).since_last_retry_s is None]
    rounds.forgive_failures(cursor, route.name, forgiven)
    open_rounds = rounds.open_rounds(cursor, route.name, ids)
    ended = unforeseen_errors.failures(cursor, route.name, list(ids))
    return {
        id_: _history(
            patience.get(id_, Patience()),
            open_rounds.get(id_),
            unread.get(id_),
            ended.get(id_),
            is_running=id_ in running,
        )
        for id_ in ids
    }


def _history(
    patience: Patience,
    current: rounds.Round | None,
    since_unread_s: float | None,
    ended: unforeseen_errors.Failures | None,
    *,
    is_running: bool,
) -> CampaignHistory:
    times = [current.since_last_failure_s if current else None, ended.since_last_s if ended else None]
    return CampaignHistory(
        permanently_failed=patience.permanently_failed,
        failure_reason=patience.failure_reason,
        strikes=patience.error_count,
        since_last_error_s=patience.since_last_error_s,
        since_last_retry_s=patience.since_last_retry_s,
        failed_attempts=max(current.failed_attempts if current else 0, ended.number if ended else 0),
        since_last_failure_s=min((one for one in times if one is not None), default=None),
        since_unread_s=since_unread_s,
        is_running=is_running,
    )
