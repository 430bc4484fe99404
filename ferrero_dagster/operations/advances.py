"""Campaigns that people advance once they have all their finals, languages and countries included (SPEC 12)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import FinalsRoute, StatusChange
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import FerreroError, Incident, OperationRefused
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.words import counted
from ferrero_dagster.messages.facts import MasterFinals
from ferrero_dagster.operations.campaign_resets import find_campaigns
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.tracking import rounds
from ferrero_dagster.tracking.campaigns import GONE
from ferrero_dagster.tracking.database import Database, HeldLock
from ferrero_dagster.transfer.campaign import sightings
from ferrero_dagster.transfer.finals.completion import OPERATION, Completion, masters_of
from ferrero_dagster.transfer.redelivery import OPERATION as REDELIVERY


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvancedCampaign:
    """What became of one campaign, or in a dry run would; `result` is a sentence."""

    campaign: str
    result: str
    is_refused: bool = False
    id: str | None = None
    route: str | None = None
    status: str | None = None
    next_status: str | None = None
    #: What has arrived of each master, in words, and those of which nothing has.
    arrived: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    #: Finals that the DAM does not hold as they were imported, each as a sentence.
    lost: tuple[str, ...] = ()

    def row(self) -> dict[str, str]:
        """What fits into a table."""
        return {
            "campaign": self.campaign,
            "status": f"{self.status}, then {self.next_status}" if self.next_status else self.status or "",
            "arrived": "; ".join(self.arrived),
            "missing": "; ".join(self.missing),
            "lost in the DAM": " ".join(self.lost),
            "result": self.result,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvanceOutcome:
    """What became of each of the campaigns, in the order in which they were named."""

    dry_run: bool
    campaigns: tuple[AdvancedCampaign, ...]

    @property
    def refused(self) -> tuple[AdvancedCampaign, ...]:
        """Those that were left as they are, though somebody wanted them advanced."""
        return tuple(campaign for campaign in self.campaigns if campaign.is_refused)

    def __str__(self) -> str:
        done = len(self.campaigns) - len(self.refused)
        verb = "would be advanced; this was a dry run" if self.dry_run else "advanced"
        left = f" Left as they are: {len(self.refused)}, see why." if self.refused else ""
        return f"{counted(done, 'campaign')} {verb}.{left}"

    def as_json(self) -> dict[str, Any]:
        """The outcome for scripts."""
        return {"operation": OPERATION, "dry_run": self.dry_run, "campaigns": [asdict(c) for c in self.campaigns]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Advancing:
    """What advancing campaigns by hand needs."""

    database: Database
    dam: Otmm
    site: Site
    has_webhook: bool
    request: Request
    #: Whether campaigns are advanced that have masters without a final.
    incomplete: bool = False

    def advance(self, names: Iterable[str]) -> AdvanceOutcome:
        """Set the next status of these campaigns (by id, number, name or partition), each on its own.

        One that cannot be advanced does not stop the others. A dry run reads each in the DAM and changes nothing.

        Raises:
            OperationRefused: no campaign is named, or nobody as the one who asks; nothing was changed.
            SystemUnavailable: PostgreSQL cannot be used.
        """
        words = list(dict.fromkeys(name.strip() for name in names if name.strip()))
        if not words:
            raise OperationRefused("Name campaigns by id, number, name or partition. Nothing was changed.")
        if not self.request.done_by.strip():
            raise OperationRefused("done_by is empty; write your name there, it is recorded with what you do.")
        return AdvanceOutcome(dry_run=self.request.dry_run, campaigns=tuple(self._each(words)))

    def _each(self, words: Sequence[str]) -> Iterator[AdvancedCampaign]:
        seen: set[str | None] = set()
        out: Incident | None = None
        for word in words:
            if out:
                yield _refused(word, f"It was not tried, since the one before met this: {out}")
                continue
            try:
                [known] = self.database.transact(find_campaigns, [word])
                if known.id not in seen:
                    yield self._one(known)
                seen.add(known.id)
            except FerreroError as error:
                if isinstance(error, Incident) and error.system == "PostgreSQL":
                    raise
                out = error if isinstance(error, Incident) else None
                yield _refused(word, str(error))

    def _one(self, known: Campaign) -> AdvancedCampaign:
        campaign = sightings.read(self.dam, known)
        if self.request.dry_run:
            return self._looked_at(campaign, self._route(campaign))[0]
        self.database.transact(sightings.note_read, self.site, campaign)
        if route := self._begun(campaign) or self._route(campaign):
            with self.database.lock(f"{route.name}:{campaign.id}") as lock:
                if lock is None:
                    return _refused(campaign, "A run moves its finals just now; try again when that has ended.")
                return self._locked(campaign, route, lock)
        return self._looked_at(campaign, None)[0]

    def _locked(self, campaign: Campaign, route: FinalsRoute, lock: HeldLock) -> AdvancedCampaign:
        completion = self._completion(route)
        current = self.database.transact(rounds.open_rounds, route.name, [campaign.id]).get(campaign.id)
        if begun := completion.begun(campaign, current):
            completion.set_status(campaign, begun, lock)
            return AdvancedCampaign(
                campaign=str(campaign), id=campaign.id, route=route.name, status=begun.after,
                result=f"It is in {begun.after}, as an earlier attempt had set it; now that is told.",
            )  # fmt: skip
        looked_at, change = self._looked_at(campaign, route)
        if change is None:
            return looked_at
        done = completion.set_status(campaign, change, lock, done_by=self.request.done_by.strip())
        if done.chosen:
            result = f"Somebody changed its status to {done.chosen} meanwhile; it stays so."
            return replace(looked_at, result=result, status=done.chosen, next_status=None, is_refused=True)
        result = " ".join([f"Advanced from {change.before} to {change.after}.", *done.notes])
        return replace(looked_at, result=result, status=change.after, next_status=None)

    def _looked_at(self, campaign: Campaign, route: FinalsRoute | None) -> tuple[AdvancedCampaign, StatusChange | None]:
        """What would become of the campaign, and the change that is to be made, if one is."""
        change = route.change_from(campaign.status) if route else None
        if route is None or change is None:
            return _refused(campaign, self._why_not(campaign)), None
        masters = self.database.transact(masters_of, self.site, route, campaign.id, status=campaign.status)
        missing = tuple(f"{master.name} ({master.tracking_id})" for master in masters if not master.finals)
        lost = tuple(self._completion(route).lost(campaign, change))
        is_refused = not masters or (bool(missing or lost) and not self.incomplete)
        looked_at = AdvancedCampaign(
            campaign=str(campaign),
            id=campaign.id,
            route=route.name,
            status=change.before,
            next_status=change.after,
            arrived=tuple(str(master) for master in masters if master.finals),
            missing=missing,
            lost=lost,
            is_refused=is_refused,
            result=_words(route, change, masters, missing, lost, is_refused=is_refused),
        )
        return looked_at, None if is_refused else change

    def _why_not(self, campaign: Campaign) -> str:
        if campaign.status == GONE:
            return "The DAM does not have it any more, or does not show it to us."
        return (
            f"It is {campaign.type or 'without type'} in {campaign.status or 'no status'} in the DAM; only campaigns "
            f"with the agency, in {' or '.join(self.site.routes.with_agency)}, are advanced here."
        )

    def _route(self, campaign: Campaign) -> FinalsRoute | None:
        """The way back that the campaign's finals take: by its status, and its type where that is known."""
        types = {route.name: route.campaign_type for route in self.site.routes.masters}
        for route in self.site.routes.finals:
            fitting = {types[name] for name in route.masters}
            if route.change_from(campaign.status) and (not campaign.type or campaign.type in fitting):
                return route
        return None

    def _begun(self, campaign: Campaign) -> FinalsRoute | None:
        """The way back on which an earlier attempt had set the campaign's status, and could not say so."""
        for route in self.site.routes.finals:
            current = self.database.transact(rounds.open_rounds, route.name, [campaign.id]).get(campaign.id)
            if self._completion(route).begun(campaign, current):
                return route
        return None

    def _completion(self, route: FinalsRoute) -> Completion:
        return Completion(
            dam=self.dam,
            database=self.database,
            site=self.site,
            route=route,
            has_webhook=self.has_webhook,
            run_id=self.request.run_id,
        )


def _refused(campaign: Campaign | str, reason: str) -> AdvancedCampaign:
    known = campaign if isinstance(campaign, Campaign) else None
    return AdvancedCampaign(
        campaign=str(campaign),
        id=known.id if known else None,
        status=known.status if known else None,
        result=reason,
        is_refused=True,
    )


def _words(
    route: FinalsRoute,
    change: StatusChange,
    masters: Sequence[MasterFinals],
    missing: Sequence[str],
    lost: Sequence[str],
    *,
    is_refused: bool,
) -> str:
    if not masters:
        return f"It stays in {change.before}: no master of it is known."
    of_all = f"{len(missing)} of {counted(len(masters), 'master')}"
    since = " since its finals went back to the agency" if change.before == route.rework_status else ""
    without = [f"{of_all} without a final{since}"] if missing else []
    without += [f"{counted(len(lost), 'final')} not in the DAM as imported"] if lost else []
    if is_refused:
        again = f"to have again what the DAM lost, run {REDELIVERY} with finals; " if lost else ""
        return (
            f"It stays in {change.before}, {' and '.join(without)}; {again}to advance it nevertheless, say incomplete."
        )
    although = f", with {' and '.join(without)}" if without else ""
    return f"To be advanced from {change.before} to {change.after}{although}."
