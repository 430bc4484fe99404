"""When every master of a campaign has its final: people are told, and its status goes on, by itself or as they chose.

SPEC 4.7 and 12, `agency.advance_when_complete`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import FinalsRoute, StatusChange
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import FerreroError, PermanentError
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.markets import markets_of
from ferrero_dagster.domain.words import counted
from ferrero_dagster.messages.facts import FinalsComplete, MasterFinals, RouteRef
from ferrero_dagster.tracking import campaigns, finals, operations, outbox, rounds, transfers
from ferrero_dagster.tracking.campaigns import GONE
from ferrero_dagster.tracking.database import Cursor, Database, HeldLock
from ferrero_dagster.tracking.finals import AwaitedMaster, CompleteCampaign
from ferrero_dagster.transfer.campaign.advance import Advance, advance
from ferrero_dagster.transfer.finals.mails import moved_file
from ferrero_dagster.transfer.finals.presence import lost_finals
from ferrero_dagster.transfer.redelivery import OPERATION as REDELIVERY

OPERATION = "advance_campaigns"
_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What advancing a route's campaigns needs; `run_id` is the run that does it, if one does."""

    dam: Otmm
    database: Database
    site: Site
    route: FinalsRoute
    #: Whether Make.com can be told.
    has_webhook: bool
    run_id: str | None

    def after_run(self, campaign: Campaign, lock: HeldLock) -> str | None:
        """The status after a run of the campaign has ended, where it is another than before.

        Raises:
            FerreroError: it could not be set; the next look tries again.
        """
        known = self._open_round(campaign.id)
        if (began := self.begun(campaign, known)) and known:
            return self._set(campaign, began, lock)
        change = self.route.change_from(campaign.status)
        if change and self._is_complete(campaign) and self.site.agency.advance_when_complete:
            return self._set(campaign, change, lock)
        if known:
            self.database.transact(rounds.close, known.id, "overtaken")
        self.database.transact(tell_ready, self.site, self.route, [campaign.id], run_id=self.run_id)
        return None

    def begun(self, campaign: Campaign, known: rounds.Round | None) -> StatusChange | None:
        """What an earlier run or person had set before it could unlock the campaign and say so."""
        change = self.route.change_from(known.advancing_from) if known and known.advancing else None
        return change if change and campaign.status in {change.after, GONE} else None

    def set_status(
        self, campaign: Campaign, change: StatusChange, lock: HeldLock, *, done_by: str | None = None
    ) -> Advance:
        """Set the status after, prove it and tell everybody; `done_by` is the person who chose to.

        Raises:
            FerreroError: it could not be set, or what became of it could not be seen.
        """
        current = self.database.transact(rounds.open_round, self.route.name, campaign.id)
        done = advance(self, lock, change, current, done_by=done_by)
        if not done.chosen:
            self.database.transact(self._record, campaign, change, done.notes)
        return done

    def lost(self, campaign: Campaign, change: StatusChange) -> list[str]:
        """A sentence on each final of the campaign that the DAM does not hold as it was imported.

        Raises:
            Incident: the DAM cannot be asked.
        """
        routes, status = self.site.routes, change.before
        found = self.database.transact(finals.counted_finals, routes, self.route, campaign.id, status=status)
        dam = self.site.dam
        return lost_finals(self.dam, found, batch=dam.metadata_batch_size, verify_checksum=dam.verify_checksum)

    def _set(self, campaign: Campaign, change: StatusChange, lock: HeldLock) -> str:
        current = self.database.transact(rounds.open_round, self.route.name, campaign.id)
        try:
            if lost := self.lost(campaign, change):
                raise PermanentError(_lost_words(campaign, change, lost), code="final not in the DAM")
            return self.set_status(campaign, change, lock).chosen or change.after
        except FerreroError:
            self.database.transact(rounds.count_failed_run, current.id)
            raise

    def _open_round(self, campaign_id: DamId) -> rounds.Round | None:
        return self.database.transact(rounds.open_rounds, self.route.name, [campaign_id]).get(campaign_id)

    def _is_complete(self, campaign: Campaign) -> bool:
        """Whether it is in a status that is advanced, and every active master has its final."""
        found = self.database.transact(finals.complete_campaigns, self.site.routes, self.route, [campaign.id])
        return bool(found)

    def _record(self, cursor: Cursor, campaign: Campaign, change: StatusChange, notes: tuple[str, ...]) -> None:
        """The status is set and read back; idempotent."""
        current = rounds.open_rounds(cursor, self.route.name, [campaign.id]).get(campaign.id)
        if current is None:
            return  # run again after a commit whose outcome was unknown
        if campaign.status == GONE:
            [campaign] = campaigns.known(cursor, [campaign.id])
        masters = masters_of(cursor, self.site, self.route, campaign.id, status=change.before)
        told = {"run_id": self.run_id, "notes": notes, "advanced_by": current.advancing_by}
        fact = _fact(cursor, self.route, campaign, change, masters=masters, **told)
        campaigns.note_status(cursor, campaign.id, change.after)
        rounds.close(cursor, current.id, "advanced")
        if current.advancing_by:
            self._record_operation(cursor, campaign, change, fact, current.advancing_by)
        channels: list[outbox.Channel] = ["mail", "webhook"] if self.route.webhook and self.has_webhook else ["mail"]
        for channel in channels:
            key = f"{channel}:{fact.template}:{current.key}"
            outbox.add(cursor, fact, key, channel=channel, campaign_id=campaign.id)

    def _record_operation(
        self, cursor: Cursor, campaign: Campaign, change: StatusChange, fact: FinalsComplete, done_by: str
    ) -> None:
        missing = ", ".join(master.tracking_id for master in fact.missing)
        operations.record(
            cursor,
            operation=OPERATION,
            done_by=done_by,
            target=f"{self.route.name}: {campaign} ({campaign.id})",
            before={"status": change.before},
            after={"status": change.after, "masters without a final": missing or None},
            run_id=self.run_id,
        )


def tell_ready(
    cursor: Cursor,
    site: Site,
    route: FinalsRoute,
    campaign_ids: Collection[DamId] | None = None,
    *,
    run_id: str | None = None,
) -> None:
    """Tell people which campaigns they may advance, once for each set of masters; nothing where it goes by itself."""
    if site.agency.advance_when_complete:
        return
    found = finals.complete_campaigns(cursor, site.routes, route, campaign_ids)
    by_key = {_ready_key(route, campaign): campaign.id for campaign in found}
    for key in sorted(outbox.unwritten(cursor, by_key)):
        [campaign] = campaigns.known(cursor, [by_key[key]])
        if change := route.change_from(campaign.status):
            masters = masters_of(cursor, site, route, campaign.id)
            means = {"advance_job": OPERATION, "advance_command": advance_command(campaign.id)}
            fact = _fact(cursor, route, campaign, change, masters=masters, is_advanced=False, run_id=run_id, **means)
            outbox.add(cursor, fact, key, campaign_id=campaign.id)


def masters_of(
    cursor: Cursor, site: Site, route: FinalsRoute, campaign_id: DamId, *, status: str | None = None
) -> tuple[MasterFinals, ...]:
    """What has arrived of each master of the campaign; `status` is its own, if not as we remember it."""
    return told_masters(site, finals.awaited_masters(cursor, site.routes, route, [campaign_id], status=status))


def told_masters(site: Site, masters: Iterable[AwaitedMaster]) -> tuple[MasterFinals, ...]:
    """Masters as people are told of them."""
    return tuple(
        MasterFinals(
            tracking_id=master.tracking_id,
            name=master.name,
            finals=len(master.final_names),
            markets=markets_of(master.final_names, site.naming.rules),
        )
        for master in masters
    )


def advance_command(campaign_id: DamId) -> str:
    """What to type to advance the campaign."""
    return f"ferrero-dagster advance {campaign_id} --yes"


def redeliver_command(campaign_id: DamId) -> str:
    """What to type to have the campaign's finals again that the DAM lost."""
    return f"ferrero-dagster redeliver --finals --campaign {campaign_id} --yes"


def _lost_words(campaign: Campaign, change: StatusChange, lost: Sequence[str]) -> str:
    named = " ".join(lost[:_MOST_NAMED]) + (f" And {len(lost) - _MOST_NAMED} more." if len(lost) > _MOST_NAMED else "")
    return (
        f"{campaign} stays in {change.before}: {counted(len(lost), 'final')} of it not in the DAM as imported. {named} "
        f"Put them back there, run {REDELIVERY} with finals (`{redeliver_command(campaign.id)}`), or have the agency "
        "deliver them again."
    )


def _ready_key(route: FinalsRoute, campaign: CompleteCampaign) -> str:
    return f"mail:{route.name}:ready:{campaign.id}:{campaign.key}"


def _fact(cursor: Cursor, route: FinalsRoute, campaign: Campaign, change: StatusChange, **more: Any) -> FinalsComplete:
    return FinalsComplete(
        route=RouteRef(name=route.name, status_before=change.before, status_after=change.after),
        campaign=campaign,
        files=tuple(map(moved_file, transfers.moved(cursor, route.name, campaign.id))),
        **more,
    )
