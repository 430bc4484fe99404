"""Files that people want once more: masters in Box, finals in the DAM (SPEC 3.5, 4.6)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.errors import FerreroError, Incident, OperationRefused
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.words import counted
from ferrero_dagster.operations.campaign_resets import find_campaigns
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.tracking import campaigns, deliveries
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.deliveries import Choice, DeliveredFinal, DeliveredMaster
from ferrero_dagster.transfer.campaign import sightings
from ferrero_dagster.transfer.finals.redelivery import FinalsRedelivery
from ferrero_dagster.transfer.masters.redelivery import MastersRedelivery
from ferrero_dagster.transfer.redelivery import OPERATION, Redelivered, untried
from ferrero_dagster.transfer.systems import Systems, Watcher

_Delivered = DeliveredMaster | DeliveredFinal


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Files by tracking ID, by exact name (here or there) or by campaign (id, number, name or partition)."""

    tracking_ids: Sequence[str] = ()
    file_names: Sequence[str] = ()
    campaigns: Sequence[str] = ()
    #: Finals, to be imported into the DAM again; otherwise masters, to Box.
    finals: bool = False
    #: Id of a folder in Box that masters are wanted in, whatever is elsewhere; empty for their campaign's own.
    to_folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RedeliveryOutcome:
    """What became of each file, by campaign and name."""

    dry_run: bool
    files: tuple[Redelivered, ...]

    @property
    def refused(self) -> tuple[Redelivered, ...]:
        """Those that somebody wants, and that cannot be had, or not now."""
        return tuple(file for file in self.files if file.is_refused)

    def __str__(self) -> str:
        verb = "looked at; this was a dry run" if self.dry_run else "looked at, and delivered where it was not there"
        left = f" Not to be had: {len(self.refused)}, see why." if self.refused else ""
        return f"{counted(len(self.files), 'file')} {verb}.{left}"

    def as_json(self) -> dict[str, Any]:
        """The outcome for scripts."""
        return {"operation": OPERATION, "dry_run": self.dry_run, "files": [asdict(file) for file in self.files]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Redelivering:
    """What bringing files once more needs; `log` hears how far it is."""

    systems: Systems
    request: Request
    log: Callable[[str], None]

    def redeliver(self, wanted: Wanted) -> RedeliveryOutcome:
        """Look where the chosen files are, and unless it is a dry run bring them again where they are not.

        One that cannot be had does not stop the others. Safe to run again, whatever became of an earlier attempt.

        Raises:
            OperationRefused: nothing is chosen, or what was never delivered, or a folder that Box does not have, or
                nobody is named as the one who asks; nothing was changed.
            SystemUnavailable: PostgreSQL cannot be used.
        """
        if not self.request.done_by.strip():
            raise OperationRefused("done_by is empty; write your name there, it is recorded with what you do.")
        chosen = self.systems.database.transact(self._chosen, wanted)
        to_folder = self._folder(wanted.to_folder.strip())
        files = list(self._each(chosen, to_folder))
        return RedeliveryOutcome(dry_run=self.request.dry_run, files=tuple(files))

    # --- choose --------------------------------------------------------------------------------------------------

    def _chosen(self, cursor: Cursor, wanted: Wanted) -> Sequence[_Delivered]:
        choice = _choice(cursor, wanted)
        if wanted.finals and wanted.to_folder.strip():
            raise OperationRefused("A folder is chosen for masters, finals go to their own. Nothing was changed.")
        routes = [route.name for route in self.systems.site.routes.masters]
        found: Sequence[_Delivered] = (
            deliveries.delivered_finals(cursor, choice)
            if wanted.finals
            else deliveries.delivered_masters(cursor, routes, choice)
        )
        _refuse_missing(choice, found, "final" if wanted.finals else "master")
        return found

    def _folder(self, folder_id: str) -> BoxId | None:
        """The folder that masters are wanted in; in the agency's they would be taken for finals."""
        if not folder_id:
            return None
        inboxes = {self.systems.box_folders[route.inbox] for route in self.systems.site.routes.finals}
        if folder_id in inboxes:
            raise OperationRefused("In that folder finals of the agency come in; choose another. Nothing was changed.")
        # What is no id must not become another address.
        if not (folder_id.isascii() and folder_id.isdigit()) or not self.systems.box.has_folder(BoxId(folder_id)):
            raise OperationRefused(f"Box shows us no folder {folder_id!r}. Nothing was changed.")
        return BoxId(folder_id)

    # --- bring ---------------------------------------------------------------------------------------------------

    def _each(self, chosen: Sequence[_Delivered], to_folder: BoxId | None) -> Iterator[Redelivered]:
        """Campaign by campaign, and route by route; where a system is out, the rest is not tried."""
        out: Incident | None = None
        for key in dict.fromkeys((one.campaign_id, one.route) for one in chosen):
            those = [one for one in chosen if (one.campaign_id, one.route) == key]
            try:
                if out:
                    raise out
                yield from self._of_campaign(those, to_folder)
            except FerreroError as error:
                if isinstance(error, Incident) and error.system == "PostgreSQL":
                    raise
                out = error if isinstance(error, Incident) else None
                yield from (untried(one.campaign_id or "", one.name, one.tracking_id, str(error)) for one in those)

    def _of_campaign(self, those: Sequence[_Delivered], to_folder: BoxId | None) -> list[Redelivered]:
        [campaign_id] = {one.campaign_id for one in those}
        if not campaign_id:
            raise OperationRefused("A cron script did not note its campaign; set campaign_id in master_assets.")
        [known] = self.systems.database.transact(campaigns.known, [campaign_id])
        campaign = sightings.read(self.systems.dam, known)
        masters = [one for one in those if isinstance(one, DeliveredMaster)]
        finals = [one for one in those if isinstance(one, DeliveredFinal)]
        return self._masters(campaign, masters, to_folder) + self._finals(campaign, finals)

    def _masters(
        self, campaign: Campaign, chosen: Sequence[DeliveredMaster], to_folder: BoxId | None
    ) -> list[Redelivered]:
        if not chosen:
            return []
        route = self._masters_route(campaign, chosen[0].route)
        redelivery = MastersRedelivery(
            systems=self.systems, watcher=self._watcher, route=route, campaign=campaign, to_folder=to_folder
        )
        if self.request.dry_run:
            return redelivery.look(chosen)
        return redelivery.redeliver(chosen, done_by=self.request.done_by.strip())

    def _finals(self, campaign: Campaign, chosen: Sequence[DeliveredFinal]) -> list[Redelivered]:
        if not chosen:
            return []
        routes = self.systems.site.routes.finals
        route = next((route for route in routes if route.name == chosen[0].route), routes[0])
        redelivery = FinalsRedelivery(systems=self.systems, watcher=self._watcher, route=route, campaign=campaign)
        if self.request.dry_run:
            return redelivery.look(chosen)
        return redelivery.redeliver(chosen, done_by=self.request.done_by.strip())

    @property
    def _watcher(self) -> Watcher:
        return Watcher(run_id=self.request.run_id or "", log=self.log, on_moved=lambda _: None)

    def _masters_route(self, campaign: Campaign, name: str | None) -> MastersRoute:
        """The route that a master went; of one of the cron scripts the first that its campaign's type fits."""
        routes = self.systems.site.routes.masters
        fitting = [r for r in routes if r.campaign_type == campaign.type and not r.reuse_tracking_ids]
        found = [route for route in routes if route.name == name] or fitting
        if not found:
            raise OperationRefused(
                f"{campaign} is {campaign.type or 'without type'} in the DAM; no route moves such campaigns."
            )
        return found[0]


def _choice(cursor: Cursor, wanted: Wanted) -> Choice:
    choice = Choice(
        tracking_ids=_words(wanted.tracking_ids),
        names=_words(wanted.file_names),
        campaign_ids=[campaign.id for campaign in find_campaigns(cursor, wanted.campaigns)],
    )
    if not (choice.tracking_ids or choice.names or choice.campaign_ids):
        raise OperationRefused("Choose files by tracking ID, file name or campaign. Nothing was changed.")
    return choice


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for word in given if word.strip()]


def _refuse_missing(choice: Choice, found: Sequence[_Delivered], kind: str) -> None:
    """Raises OperationRefused where nothing that was delivered is called so."""
    names = {name for one in found for name in (one.name, one.box_name)}
    missing = [f"tracking ID {one}" for one in choice.tracking_ids if one not in {f.tracking_id for f in found}]
    missing += [f"the name {one!r}" for one in choice.names if one not in names]
    missing += [f"the campaign {one}" for one in choice.campaign_ids if one not in {f.campaign_id for f in found}]
    if missing:
        raise OperationRefused(f"No {kind} with {' and none with '.join(missing)} was delivered. Nothing was changed.")
