"""DAM → Box: moves what is missing of one campaign, then, and only then, advances its status (SPEC 3).

find → move (threads) → advance. Every step can be cut off and run again: intent is written first, proof last.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.errors import CampaignError, EndedTurn, FerreroError, NotInDam
from ferrero_dagster.domain.files import Campaign, DamAsset, ToBox
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.messages.facts import Comments, FailedFile, MovedFile
from ferrero_dagster.tracking import campaigns, rounds, steps, transfers
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.batch import move_batch
from ferrero_dagster.transfer.campaign import sightings
from ferrero_dagster.transfer.campaign.advance import advance
from ferrero_dagster.transfer.campaign.folders import CampaignFolders, find_folders
from ferrero_dagster.transfer.masters.box_folders import made_box_folder
from ferrero_dagster.transfer.masters.comments import read_comments
from ferrero_dagster.transfer.masters.file import MasterFiles, record_in_groups
from ferrero_dagster.transfer.masters.mails import MastersMails, moved_file
from ferrero_dagster.transfer.masters.presence import Presence, find_masters
from ferrero_dagster.transfer.masters.versions import HandedOver
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster.transfer.unforeseen import Turn, note, told

#: A file that has not arrived, with the code of its error.
_Failure = tuple[FailedFile, str]
#: So often what is missing is moved in one run: what Box took and does not show is no reason to go on for ever.
_ATTEMPTS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersOutcome:
    """What a run did. `nothing` says in a sentence why there was nothing to do."""

    campaign: Campaign | None = None
    nothing: str | None = None
    moved: tuple[MovedFile, ...] = ()
    #: Files that an earlier run had moved.
    before: tuple[MovedFile, ...] = ()
    failed: tuple[FailedFile, ...] = ()
    box_folder_id: str | None = None
    status: str | None = None
    #: Sentences on what people would not expect.
    notes: tuple[str, ...] = ()

    @property
    def in_box(self) -> tuple[MovedFile, ...]:
        """The campaign's files that are in Box by now."""
        return self.before + self.moved

    def __str__(self) -> str:
        if self.nothing:
            return self.nothing
        total = len(self.in_box) + len(self.failed)
        if self.failed:
            stays = f"the status stays {self.status}, the next run moves the rest"
            return f"{len(self.failed)} of {total} files failed; {stays}."
        return f"All {total} files are in Box, {len(self.moved)} of them by this run; the status is {self.status}."


def move_masters(route: MastersRoute, campaign_id: DamId, systems: Systems, watcher: Watcher) -> MastersOutcome:
    """Move one campaign along a route as far as it goes; safe to run again, whatever became of earlier runs.

    Raises:
        FerreroError: nothing more could be done; it is written down and, where somebody must act, mailed.
    """
    with systems.database.lock(f"{route.name}:{campaign_id}") as lock:
        if lock is None:
            return MastersOutcome(nothing="Another run is moving this campaign just now; this one moved nothing.")
        turn = Turn(name=route.name, about=watcher.about, campaign_id=campaign_id, run_id=watcher.run_id)
        noted = incidents.noted(systems.database, systems.site, run_id=watcher.run_id)
        with noted, told(systems.database, turn, watcher.log):
            return _MastersMove(route, campaign_id, systems, watcher, lock).run()


@dataclass(frozen=True, slots=True)
class _MastersMove:
    route: MastersRoute
    campaign_id: DamId
    systems: Systems
    watcher: Watcher
    lock: HeldLock
    handed_over: HandedOver = field(default_factory=HandedOver)

    def run(self) -> MastersOutcome:
        database = self.systems.database
        known = database.transact(rounds.open_rounds, self.route.name, [self.campaign_id]).get(self.campaign_id)
        try:
            campaign = self._read()
        except NotInDam:
            return self._not_shown(known)
        if not sightings.is_on(self.route, campaign):
            return self._not_ours(campaign, known)
        if known and known.advancing:
            database.transact(rounds.forget_advance, known.id)
        current = database.transact(rounds.open_round, self.route.name, campaign.id)
        try:
            return self._find_move_advance(campaign, current)
        except CampaignError as error:
            self._mails(campaign, current).count_strike(error)
            raise
        except FerreroError:
            database.transact(steps.note_failed_run, self.route, current)
            raise

    def _mails(self, campaign: Campaign, current: rounds.Round) -> MastersMails:
        return MastersMails(
            systems=self.systems, route=self.route, campaign=campaign, round=current, run_id=self.watcher.run_id
        )

    # --- read ----------------------------------------------------------------------------------------------------

    def _read(self) -> Campaign:
        """The campaign as the DAM shows it, or `NotInDam`."""
        campaign = self.systems.dam.campaign(self.campaign_id)
        self.watcher.on_campaign(campaign)
        self.systems.database.transact(sightings.note_read, self.systems.site, campaign)
        return campaign

    def _not_shown(self, known: rounds.Round | None) -> MastersOutcome:
        if known and known.advancing:
            [campaign] = self.systems.database.transact(campaigns.known, [self.campaign_id])
            return self._resumed(campaign, known)
        self._close(known)
        return MastersOutcome(
            nothing=f"The DAM shows no campaign {self.campaign_id}: it is deleted, expired or out of our sight; "
            "nothing to move."
        )

    def _not_ours(self, campaign: Campaign, known: rounds.Round | None) -> MastersOutcome:
        if known and known.advancing and campaign.status == self.route.status_after:
            # An earlier run set the status and died before it could say so, or unlock the folder.
            return self._resumed(campaign, known)
        self._close(known)
        return MastersOutcome(
            campaign=campaign,
            before=self._moved_files(),
            status=campaign.status,
            nothing=f"{campaign} is in {campaign.status or 'no status'} ({campaign.type or 'no type'}), "
            f"this route moves {self.route.campaign_type} in {self.route.status_before}: nothing to move.",
        )

    def _resumed(self, campaign: Campaign, known: rounds.Round) -> MastersOutcome:
        try:
            return self._advance(MastersOutcome(campaign=campaign, before=self._moved_files()), known)
        except FerreroError:
            self.systems.database.transact(steps.note_failed_run, self.route, known)
            raise

    def _close(self, known: rounds.Round | None) -> None:
        if known:
            self.systems.database.transact(rounds.close, known.id, "overtaken")

    # --- find ----------------------------------------------------------------------------------------------------

    def _find_move_advance(self, campaign: Campaign, current: rounds.Round) -> MastersOutcome:
        folders = find_folders(self.systems.dam, self.route, campaign.id)
        listed, notes = self._listed(folders)
        result = MastersOutcome(campaign=campaign, status=campaign.status, notes=notes)
        nothing = f"No assets in {self.route.source_folder} of {campaign} yet."
        if not listed:
            return replace(result, nothing=nothing)
        result, failures = self._moved(result, campaign, current, folders, listed)
        if failures:
            return self._tell_partial(result, current, failures)
        return self._advance(result, current) if result.in_box else replace(result, nothing=nothing)

    def _moved(
        self,
        result: MastersOutcome,
        campaign: Campaign,
        current: rounds.Round,
        folders: CampaignFolders,
        listed: list[DamAsset],
    ) -> tuple[MastersOutcome, list[_Failure]]:
        """Move what is missing, and look in Box whether all that counts is there; what is not is moved once more."""
        moved_ids: set[str | None] = set()
        failures: dict[DamId, _Failure] = {}
        notes = result.notes
        for _ in range(_ATTEMPTS):
            box_folder = cache(partial(self._box_folder, campaign, current))
            missing = [asset for asset in self._missing(listed, folders) if asset.id not in failures]
            self.watcher.log(f"{campaign}: {len(listed)} assets, {len(missing)} to be moved.")
            moved_ids |= {file.dam_asset_id for file in self._move(missing, failures, folders, box_folder)}
            listed = self.handed_over.in_place_of(listed)
            presence = find_masters(self.systems, self.watcher, box_folder(), self._counted(listed, moved_ids))
            notes += presence.notes
            self._move_again(presence)
            if not presence.gone:
                break
        else:
            failures |= {transfer.source_id: _not_shown_by_box(transfer) for transfer in presence.gone}
        done = replace(
            result,
            moved=tuple(file for file in presence.there if file.dam_asset_id in moved_ids),
            before=tuple(file for file in presence.there if file.dam_asset_id not in moved_ids),
            box_folder_id=box_folder(),
            # Of what was replaced each look tells.
            notes=(*dict.fromkeys(notes), *self.handed_over.notes, *self._new_tracking_ids()),
        )
        return done, sorted([*failures.values(), *presence.untold], key=lambda failure: failure[0].name)

    def _counted(self, listed: list[DamAsset], moved_ids: Collection[str | None]) -> list[ToBox]:
        """The files that are to be in Box by now; of what cron scripts moved the DAM's size is all that is known."""
        known = self.systems.database.transact(transfers.of_campaign, self.route.name, self.campaign_id)
        sizes = {(asset.id, asset.version): asset.size_bytes for asset in listed}
        return [
            replace(one, size_bytes=one.size_bytes or sizes.get(key))
            for key, one in known.items()
            if one.state == "moved" and (key in sizes or one.source_id in moved_ids)
        ]

    def _move_again(self, presence: Presence) -> None:
        ids = [[transfer.id for transfer in ones] for ones in (presence.missing, presence.beside)]
        self.systems.database.transact(transfers.move_again, *ids)
        for sentence in presence.notes:
            self.watcher.log(sentence)

    def _listed(self, folders: CampaignFolders) -> tuple[list[DamAsset], tuple[str, ...]]:
        """The assets to move, and a note on each one that is not."""
        found = [(asset, _left_out(asset)) for asset in self.systems.dam.list_assets(folders.source)]
        listed = self.handed_over.in_place_of(asset for asset, note in found if note is None)
        return listed, tuple(note for _, note in found if note)

    def _new_tracking_ids(self) -> tuple[str, ...]:
        """A note on each file that should have had a master that we know, and has none."""
        if not self.route.reuse_tracking_ids:
            return ()
        names = self.systems.database.transact(transfers.without_master, self.route.name, self.campaign_id)
        return tuple(f"{name}: no master of it is known, it has a new tracking ID." for name in names)

    def _missing(self, listed: list[DamAsset], folders: CampaignFolders) -> list[DamAsset]:
        """What is not in Box yet; all that the DAM lists is written down as to be moved before the first one moves."""
        route, database = self.route.name, self.systems.database
        listed_keys = {(asset.id, asset.version) for asset in listed}

        def work(cursor: Cursor) -> set[tuple[DamId, str]]:
            transfers.adopt_cron_masters(cursor, route, self.campaign_id, listed)
            steps.intend(cursor, self.route, self.campaign_id, listed, finals_folder_id=folders.finals)
            known = transfers.of_campaign(cursor, route, self.campaign_id)
            gone = [t for key, t in known.items() if t.state == "pending" and key not in listed_keys]
            steps.withdraw(cursor, gone)
            return {key for key, transfer in known.items() if transfer.state == "moved"}

        moved = database.transact(work)
        failed = database.transact(transfers.failed_before, route, self.campaign_id)
        # What has failed goes last, so that it keeps no other waiting.
        ordered = sorted(listed, key=lambda asset: (asset.id, asset.version) in failed)
        return [asset for asset in ordered if (asset.id, asset.version) not in moved]

    def _moved_files(self, listed: Iterable[DamAsset] | None = None) -> tuple[MovedFile, ...]:
        """The campaign's files in Box: those of the listed assets, or all that ever went this route."""
        known = self.systems.database.transact(transfers.of_campaign, self.route.name, self.campaign_id)
        only = known.keys() if listed is None else {(asset.id, asset.version) for asset in listed}
        return tuple(
            moved_file(transfer) for key, transfer in known.items() if transfer.state == "moved" and key in only
        )

    def _box_folder(self, campaign: Campaign, current: rounds.Round) -> BoxId:
        """The folder that all files of the round go to, under whatever name the campaign has by now."""
        kept_id = current.box_folder_id
        if kept_id and self.systems.box.has_folder(kept_id):
            return kept_id
        folder_id = made_box_folder(self.systems, self.route, campaign)
        self.systems.database.transact(rounds.note_box_folder, current.id, folder_id)
        return folder_id

    # --- move ----------------------------------------------------------------------------------------------------

    def _move(
        self,
        missing: list[DamAsset],
        failures: dict[DamId, _Failure],
        folders: CampaignFolders,
        box_folder: Callable[[], BoxId],
    ) -> list[MovedFile]:
        """Try every missing asset once, also those that arrive meanwhile; `failures` gains those that fail.

        Raises:
            FerreroError: an incident stopped it; what was under way has ended, the rest is left for the next run.
        """
        moved: list[MovedFile] = []
        tried: set[tuple[DamId, str]] = set()
        files = MasterFiles(
            systems=self.systems,
            lock=self.lock,
            route=self.route,
            campaign_id=self.campaign_id,
            run_id=self.watcher.run_id,
            folders=folders,
            box_folder=box_folder,
            handed_over=self.handed_over,
            records=record_in_groups(self.systems),
        )
        while missing:
            tried |= {(asset.id, asset.version) for asset in missing}
            moved += self._move_once(files, missing, failures)
            listed, _ = self._listed(folders)
            left = self._missing(listed, folders)
            # What somebody deleted in the DAM, or what had arrived in the version handed over, is no failure any more.
            for gone in failures.keys() - {asset.id for asset in left}:
                del failures[gone]
            failures |= {
                asset.id: self._other_version(asset) for asset in left if self._is_in_vain(asset, tried, failures)
            }
            missing = [asset for asset in left if asset.id not in failures]
        return moved

    def _is_in_vain(self, asset: DamAsset, tried: Collection[tuple[DamId, str]], failures: Collection[DamId]) -> bool:
        """Whether moving an asset has not failed, and will bring another version again."""
        is_other = (asset.id, asset.version) in tried or self.handed_over.differs_each_time(asset.id)
        return is_other and asset.id not in failures

    def _other_version(self, asset: DamAsset) -> _Failure:
        return FailedFile(name=asset.name, reason=self.handed_over.reason(asset)), "version differs"

    def _move_once(
        self, files: MasterFiles, missing: list[DamAsset], failures: dict[DamId, _Failure]
    ) -> Iterator[MovedFile]:
        """Move one batch; `failures` has those that did not move, and of those that nobody got to, just that."""
        tried: set[DamId] = set()
        for claimed, result in move_batch(
            self.systems, self.watcher, files.claims(missing), files.move, total=len(missing)
        ):
            tried.add(claimed.asset.id)
            self._log_notes(files)
            if isinstance(result, MovedFile):
                yield result
            else:
                if isinstance(result, EndedTurn):
                    turn = Turn(name=self.route.name, about=claimed.name, run_id=self.watcher.run_id)
                    note(self.systems.database, result, turn, by_mail=False)  # the campaign's mail has it
                failures[claimed.asset.id] = FailedFile(name=claimed.name, reason=str(result)), result.code
        self._log_notes(files)
        unseen = [asset for asset in missing if asset.id not in tried and not self.handed_over.has(asset)]
        failures |= {asset.id: _not_handed_over(asset) for asset in unseen}

    def _log_notes(self, files: MasterFiles) -> None:
        while files.notes:
            self.watcher.log(files.notes.popleft())

    def _tell_partial(self, result: MastersOutcome, current: rounds.Round, failures: list[_Failure]) -> MastersOutcome:
        assert result.campaign
        assert result.box_folder_id
        mails = self._mails(result.campaign, current)
        mails.tell_partial(result.in_box, failures, result.box_folder_id, notes=result.notes)
        return replace(result, failed=tuple(file for file, _ in failures))

    # --- advance -------------------------------------------------------------------------------------------------

    def _advance(self, result: MastersOutcome, current: rounds.Round) -> MastersOutcome:
        self.lock.confirm()
        # A look may have closed the round meanwhile, as a person took the campaign away and brought it back.
        current = self.systems.database.transact(rounds.open_round, self.route.name, self.campaign_id)
        comments = read_comments(self.systems, self.route, self.campaign_id, result.in_box)
        done = advance(self.systems, self.lock, self.route.change, current)
        if done.chosen:
            return replace(
                result,
                status=done.chosen,
                nothing=f"All {len(result.in_box)} assets are in Box, but somebody changed the status "
                f"to {done.chosen} meanwhile; it stays as it is.",
            )
        return self._tell_complete(replace(result, notes=result.notes + done.notes), current, comments)

    def _tell_complete(
        self, result: MastersOutcome, current: rounds.Round, comments: Comments | None
    ) -> MastersOutcome:
        assert result.campaign
        folder_id = (
            result.box_folder_id or current.box_folder_id or made_box_folder(self.systems, self.route, result.campaign)
        )
        mails = self._mails(result.campaign, current)
        mails.tell_complete(result.in_box, folder_id, notes=result.notes, comments=comments)
        status = self.route.status_after
        self.watcher.log(f"{result.campaign}: {len(result.in_box)} assets in Box, status is {status}.")
        return replace(result, status=status, box_folder_id=folder_id)


def _left_out(asset: DamAsset) -> str | None:
    """Why an asset is not moved; None where it is."""
    if asset.expired:
        return f"{asset.name} was left out: it has expired in the DAM."
    if asset.size_bytes is None:
        return f"{asset.name} was left out: it has no content in the DAM."
    return None


def _not_shown_by_box(transfer: ToBox) -> _Failure:
    reason = f"{transfer.source_name}: Box took it, and does not show it afterwards."
    return FailedFile(name=transfer.source_name, reason=reason), "not in Box"


def _not_handed_over(asset: DamAsset) -> _Failure:
    reason = f"{asset.name}: the DAM lists it but returned no metadata; check the asset in the DAM."
    return FailedFile(name=asset.name, reason=reason), "not found in the DAM"
