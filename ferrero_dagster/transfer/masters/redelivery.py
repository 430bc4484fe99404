"""Brings masters to Box once more: looks what is there, says so, and delivers what is not (SPEC 3.5).

As the run of a route does, and with its code; but no status is set, and no mail says that a campaign is complete.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.box_names import box_file_name
from ferrero_dagster.domain.errors import EndedTurn, FerreroError
from ferrero_dagster.domain.files import Campaign, DamAsset, ToBox, Transfer
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.tracking import operations, rounds, transfers
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.tracking.deliveries import DeliveredMaster
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.batch import move_batch
from ferrero_dagster.transfer.campaign.folders import CampaignFolders
from ferrero_dagster.transfer.masters.box_folders import made_box_folder
from ferrero_dagster.transfer.masters.file import MasterFiles, record_in_groups
from ferrero_dagster.transfer.masters.presence import Sighting, look_for_masters
from ferrero_dagster.transfer.redelivery import BUSY, OPERATION, Redelivered, untried
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster.transfer.unforeseen import Turn, note

#: What the DAM says of assets by their ids; of one that it does not hold nothing.
_Assets = Mapping[DamId, DamAsset | FerreroError]
_NOT_HANDED_OVER = "The DAM does not hand it over."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A master, and in words what is in Box and what is to be done."""

    transfer: ToBox
    words: str
    result: str
    #: To be delivered from the DAM, where it can be had.
    asset: DamAsset | None = None
    #: Other content keeps its name in Box.
    beside: bool = False
    is_refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersRedelivery:
    """Masters of one campaign that went along one route; to their campaign's folder, or `to_folder`."""

    systems: Systems
    watcher: Watcher
    route: MastersRoute
    campaign: Campaign
    to_folder: BoxId | None = None

    def look(self, chosen: Sequence[DeliveredMaster]) -> list[Redelivered]:
        """What is there, and what would be done; changes nothing.

        Raises:
            FerreroError: Box or the DAM cannot be asked.
        """
        return [self._told(one) for one in self._found(chosen, self._assets(chosen))]

    def redeliver(self, chosen: Sequence[DeliveredMaster], *, done_by: str) -> list[Redelivered]:
        """Deliver what is not there; safe to run again, whatever became of an earlier attempt.

        Raises:
            FerreroError: Box or the DAM cannot be asked; nothing was begun.
        """
        with self.systems.database.lock(f"{self.route.name}:{self.campaign.id}") as lock:
            if lock is None:
                return [self._busy(one) for one in chosen]
            assets = self._assets(chosen)
            self._adopt(assets)
            found = self._found(chosen, assets)
            self.systems.database.transact(self._intend, found, done_by)
            results = self._delivered([one for one in found if one.asset], lock)
        return [self._told(one, results.get(one.transfer.id)) for one in found]

    # --- look ----------------------------------------------------------------------------------------------------

    def _assets(self, chosen: Sequence[DeliveredMaster]) -> _Assets:
        found: dict[DamId, DamAsset | FerreroError] = {}
        ids = iter(dict.fromkeys(one.asset_id for one in chosen if one.asset_id))
        while batch := list(islice(ids, self.systems.site.dam.metadata_batch_size)):
            found |= {asset.id: asset for asset in self.systems.dam.contents_of(batch, on_unread=found.__setitem__)}
        return found

    def _adopt(self, assets: _Assets) -> None:
        known = [asset for asset in assets.values() if isinstance(asset, DamAsset)]
        self.systems.database.transact(transfers.adopt_cron_masters, self.route.name, self.campaign.id, known)

    def _found(self, chosen: Sequence[DeliveredMaster], assets: _Assets) -> list[_Found]:
        wanted = {_content_of(one, assets): one for one in chosen}.values()
        withdrawn = {one.tracking_id for one in wanted if not one.is_active}
        _, kept = self._kept_folder()
        folder_id = self.to_folder or kept
        counted = self._transfers(wanted, assets)
        seen = look_for_masters(self.systems, self.watcher, folder_id, counted, elsewhere=not self.to_folder)
        found = [self._judged(transfer, sighting, assets.get(transfer.source_id)) for transfer, sighting in seen]
        return sorted(
            (_withdrawn(one) if one.asset and one.transfer.tracking_id in withdrawn else one for one in found),
            key=lambda one: (one.transfer.source_name, one.transfer.id),
        )

    def _transfers(self, wanted: Iterable[DeliveredMaster], assets: _Assets) -> list[ToBox]:
        known = self.systems.database.transact(transfers.of_campaign, self.route.name, self.campaign.id)
        by_id = {transfer.id: transfer for transfer in known.values()}
        found: list[ToBox] = []
        for one in wanted:
            asset = assets.get(one.asset_id) if one.asset_id else None
            at_hand = asset if isinstance(asset, DamAsset) else None
            adopted = known.get((at_hand.id, at_hand.version)) if at_hand and one.transfer_id is None else None
            transfer = by_id.get(one.transfer_id or 0) or adopted or _of_cron_script(one, self.route, at_hand)
            found.append(_complete(transfer, at_hand))
        return found

    def _kept_folder(self) -> tuple[int | None, BoxId | None]:
        """The round that remembers the campaign's folder in Box, and the folder."""
        kept = self.systems.database.transact(rounds.last_box_folder, self.route.name, self.campaign.id)
        return kept or (None, None)

    def _judged(self, transfer: ToBox, seen: Sighting | FerreroError, asset: DamAsset | FerreroError | None) -> _Found:
        if isinstance(seen, FerreroError):
            return _Found(transfer=transfer, words="Box does not tell.", result=str(seen), is_refused=True)
        words = _in_words(seen)
        if seen.file and not seen.is_replaced and transfer.state == "moved":
            return _Found(transfer=transfer, words=words, result="Nothing to do.")
        reason = self._why_not(transfer, asset)
        if reason or not isinstance(asset, DamAsset):
            return _Found(transfer=transfer, words=words, result=reason, is_refused=True)
        result = "To be delivered beside it, under a numbered name." if seen.is_replaced else "To be delivered again."
        return _Found(transfer=transfer, words=words, result=result, asset=asset, beside=seen.is_replaced)

    def _why_not(self, transfer: ToBox, asset: DamAsset | FerreroError | None) -> str:
        """Why the DAM cannot give the file once more; empty where it can."""
        if not isinstance(asset, DamAsset):
            return str(asset or "The DAM does not hold it any more; it stays as it is.")
        if asset.expired:
            return "It has expired in the DAM; it stays as it is."
        if asset.version != transfer.source_version:
            return (
                f"The DAM holds another version of it by now; set the campaign to {self.route.status_before}, and that "
                "one is delivered."
            )
        return ""

    # --- deliver -------------------------------------------------------------------------------------------------

    def _intend(self, cursor: Cursor, found: Sequence[_Found], done_by: str) -> None:
        """What is due is on its way from now on, in the name of a person, for whoever goes on with it."""
        due = [one for one in found if one.asset]
        transfers.renew(cursor, [one.transfer.id for one in due])
        again, beside = ([one.transfer.id for one in due if one.beside is which] for which in (False, True))
        transfers.move_again(cursor, again, beside)
        for one in due:
            operations.record(
                cursor,
                operation=OPERATION,
                done_by=done_by,
                target=f"{self.route.name}: {one.transfer.source_name} ({one.transfer.tracking_id})",
                before={"found": one.words, "Box file": one.transfer.target_id},
                after={"result": one.result, "Box folder": self.to_folder},
                run_id=self.watcher.run_id or None,
            )

    def _delivered(self, due: Sequence[_Found], lock: HeldLock) -> dict[int, MovedFile | FerreroError | str]:
        """What became of each by its transfer: the file, or why it has not arrived."""
        results: dict[int, MovedFile | FerreroError | str] = {one.transfer.id: _NOT_HANDED_OVER for one in due}
        try:
            with incidents.noted(self.systems.database, self.systems.site, run_id=self.watcher.run_id or None):
                # One after the other, so that what has moved is kept when something stops it.
                results |= self._moved({one.transfer.id: one.asset for one in due if one.asset}, lock)
        except FerreroError as error:
            results = {key: str(error) if told == _NOT_HANDED_OVER else told for key, told in results.items()}
        return results

    def _moved(self, due: Mapping[int, DamAsset], lock: HeldLock) -> Iterator[tuple[int, MovedFile | FerreroError]]:
        if not due:
            return
        files = self._files(lock)
        claims = (claimed for claimed in files.claims(due.values()) if claimed.transfer.id in due)
        for claimed, result in move_batch(self.systems, self.watcher, claims, files.move, total=len(due)):
            if isinstance(result, EndedTurn):
                note(self.systems.database, result, Turn(name=OPERATION, about=claimed.name), by_mail=False)
            yield claimed.transfer.id, result
        for sentence in files.notes:
            self.watcher.log(sentence)

    def _files(self, lock: HeldLock) -> MasterFiles:
        return MasterFiles(
            systems=self.systems,
            lock=lock,
            route=self.route,
            campaign_id=self.campaign.id,
            run_id=self.watcher.run_id,
            records=record_in_groups(self.systems),
            # Of use for new masters only, and these are known.
            folders=CampaignFolders(source=self.campaign.id, finals=self.campaign.id),
            box_folder=cache(self._box_folder),
        )

    def _box_folder(self) -> BoxId:
        if self.to_folder:
            return self.to_folder
        round_id, kept = self._kept_folder()
        if kept and self.systems.box.has_folder(kept):
            return kept
        folder_id = made_box_folder(self.systems, self.route, self.campaign)
        if round_id:
            self.systems.database.transact(rounds.note_box_folder, round_id, folder_id)
        return folder_id

    # --- tell ----------------------------------------------------------------------------------------------------

    def _told(self, one: _Found, became: MovedFile | FerreroError | str | None = None) -> Redelivered:
        arrived = became if isinstance(became, MovedFile) else None
        words = f"Delivered as {arrived.stored_name}." if arrived else str(became or one.result)
        return Redelivered(
            campaign=str(self.campaign),
            name=one.transfer.source_name,
            tracking_id=one.transfer.tracking_id,
            found=one.words,
            result=words,
            is_refused=one.is_refused or bool(became and not arrived),
        )

    def _busy(self, one: DeliveredMaster) -> Redelivered:
        return untried(str(self.campaign), one.name, one.tracking_id, BUSY)


def _content_of(one: DeliveredMaster, assets: _Assets) -> tuple[str | None, DamId | None]:
    """What is wanted in one version only, the last; one that was named is wanted itself."""
    asset = assets.get(one.asset_id) if one.asset_id else None
    original_id = asset.original_id if isinstance(asset, DamAsset) else one.content
    return one.tracking_id if one.is_named else None, original_id


def _of_cron_script(one: DeliveredMaster, route: MastersRoute, asset: DamAsset | None) -> ToBox:
    """A transfer as there will be one, once the master is taken over."""
    return Transfer(
        id=0,
        route=route.name,
        campaign_id=one.campaign_id or DamId(""),
        source_id=one.asset_id or DamId(""),
        source_version=asset.version if asset else "",
        source_name=one.name,
        tracking_id=one.tracking_id,
        state="moved",
        attempts=0,
        target_id=one.box_file_id,
        target_name=None,
        size_bytes=None,
        sha1_hex=None,
        copies=0,
    )


def _complete(transfer: ToBox, asset: DamAsset | None) -> ToBox:
    """With the name and size that it must have in Box, where a cron script did not note them."""
    return replace(
        transfer,
        target_name=transfer.target_name or box_file_name(transfer.source_name, transfer.tracking_id),
        size_bytes=transfer.size_bytes or (asset.size_bytes if asset else None),
    )


def _withdrawn(one: _Found) -> _Found:
    result = "The master was withdrawn: no finals of it are awaited, and it stays as it is."
    return replace(one, asset=None, result=result, is_refused=True)


def _in_words(seen: Sighting) -> str:
    if seen.transfer.state != "moved":
        return "An earlier attempt to deliver it again has not ended."
    if seen.is_replaced and seen.file:
        return f"It holds other content than was delivered ({seen.file.name})."
    return seen.note or "It is there as it was delivered."
