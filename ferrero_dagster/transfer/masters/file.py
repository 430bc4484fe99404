"""One master on its way from the DAM to Box: intend, download, upload, record; each step proven by size and hash."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Event

from ferrero_dagster.config.neighbours import CreativexSite
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.box_names import box_file_name
from ferrero_dagster.domain.creativex import MasterScore
from ferrero_dagster.domain.errors import BoxFolderGone, Doubtful, FerreroError, FileRefused, Incident, OwnTrouble
from ferrero_dagster.domain.files import Arrival, BoxFile, DamAsset, Digest, MasterDetails, ToBox
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.otmm.metadata import extracted_values, field_value, field_values
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.tracking import masters, steps, transfers
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.transfer.batch import Transit
from ferrero_dagster.transfer.blame import blamed
from ferrero_dagster.transfer.campaign.folders import CampaignFolders
from ferrero_dagster.transfer.masters import mails
from ferrero_dagster.transfer.masters.passage import Passage
from ferrero_dagster.transfer.masters.versions import HandedOver
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """An asset with full metadata, its transfer, and the name it gets in Box."""

    asset: DamAsset
    transfer: ToBox
    box_name: str
    #: Why its metadata cannot be read; it then fails, and it alone.
    unread: FerreroError | None = None

    @property
    def name(self) -> str:
        """The asset's name in the DAM."""
        return self.asset.name


@dataclass(frozen=True, kw_only=True, slots=True)
class MasterFiles:
    """What claiming and moving the masters of one campaign needs; `move` may be called from several threads."""

    systems: Systems
    lock: HeldLock
    route: MastersRoute
    campaign_id: DamId
    run_id: str
    log: Callable[[str], None]
    folders: CampaignFolders
    #: Box folder that the masters go to.
    box_folder_id: BoxId
    #: Set once that is not there any more: nothing is downloaded in vain.
    folder_gone: Event = field(default_factory=Event)
    #: What the DAM hands over in other versions than it lists.
    handed_over: HandedOver = field(default_factory=HandedOver)

    def claims(self, assets: Iterable[DamAsset]) -> Iterator[Claimed]:
        """The assets with their transfers, their metadata read a batch at a time; one that vanished is left out."""
        rest = iter(assets)
        while batch := list(islice(rest, self.systems.site.dam.metadata_batch_size)):
            unread: dict[DamId, FerreroError] = {}
            full = self.systems.dam.load_assets((asset.id for asset in batch), on_unread=unread.__setitem__)
            for note in (note for asset in full for note in asset.notes):
                self.log(note)
            listed = {asset.id: asset for asset in batch}
            full = [self.handed_over.met(listed.get(asset.id, asset), asset) for asset in full]
            yield from self.systems.database.transact(self._claim, full)
            unclaimed = [asset for asset in batch if asset.id in unread]
            yield from self.systems.database.transact(self._claim_unread, unclaimed, unread)

    def _claim_unread(
        self, cursor: Cursor, assets: list[DamAsset], unread: Mapping[DamId, FerreroError]
    ) -> list[Claimed]:
        known = transfers.of_campaign(cursor, self.route.name, self.campaign_id) if assets else {}
        return [
            Claimed(asset=asset, transfer=transfer, box_name=asset.name, unread=unread[asset.id])
            for asset in assets
            if (transfer := known.get((asset.id, asset.version)))
        ]

    def _claim(self, cursor: Cursor, assets: list[DamAsset]) -> list[Claimed]:
        """The DAM may hand over other versions than it lists, and such that have been moved."""
        steps.intend(cursor, self.route, self.campaign_id, assets, finals_folder_id=self.folders.finals)
        known = transfers.of_campaign(cursor, self.route.name, self.campaign_id)
        taken = [(asset, known[asset.id, asset.version]) for asset in assets]
        for asset, transfer in taken:
            masters.describe(cursor, transfer.tracking_id, asset, self._details(asset))
        return [
            Claimed(asset=asset, transfer=transfer, box_name=_box_name(transfer, known.values()))
            for asset, transfer in taken
            if transfer.state != "moved"
        ]

    def _details(self, asset: DamAsset) -> MasterDetails:
        site = self.systems.site
        description = field_value(asset.raw, site.dam.description_field)
        return MasterDetails(
            finals_folder_id=self.folders.finals,
            description=str(description) if description is not None else None,
            extracted_fields=extracted_values(asset.raw, site.representation_rules.field_ids),
        )

    def move(self, claimed: Claimed, transit: Transit) -> MovedFile:
        """Move the file; safe to run again, whatever an earlier try left behind.

        Raises:
            FerreroError: it did not arrive; unless a whole system is out, the failure is counted against the file.
        """
        try:
            with foreseen(), blamed(self.systems, claimed.transfer.id):
                return self._download_upload_record(claimed, transit)
        except (Incident, OwnTrouble, Doubtful):
            raise
        except FerreroError as error:
            if isinstance(error, BoxFolderGone):
                self.folder_gone.set()
            self.systems.database.transact(
                transfers.record_failure, claimed.transfer.id, message=str(error), code=error.code
            )
            raise

    def _download_upload_record(self, claimed: Claimed, transit: Transit) -> MovedFile:
        asset = claimed.asset
        if claimed.unread:
            raise claimed.unread
        if not asset.size_bytes:
            raise FileRefused(f"{asset.name} is empty (0 bytes) in the DAM; upload it there again.", code="empty file")
        if self.folder_gone.is_set():
            raise BoxFolderGone(f"{asset.name} waits for the campaign's new folder in Box.", code="Box folder gone")
        passage = Passage(
            systems=self.systems,
            lock=self.lock,
            asset=asset,
            size_bytes=asset.size_bytes,
            transfer=claimed.transfer,
            folder_id=self.box_folder_id,
            box_name=claimed.box_name,
            transit=transit,
        )
        file, digest, adopted = passage.bring()
        return self._recorded(claimed, file, digest, adopted=adopted)

    def _recorded(self, claimed: Claimed, file: BoxFile, digest: Digest, *, adopted: bool) -> MovedFile:
        arrival = Arrival(
            target_id=file.id,
            target_name=file.name,
            digest=digest,
            run_id=self.run_id,
            adopted=adopted,
            source_hash="given" if claimed.asset.md5_hex else "computed",
        )
        self.systems.database.transact(steps.record_master, claimed.transfer, arrival, self._own_score(claimed.asset))
        arrived = replace(claimed.transfer, target_id=file.id, target_name=file.name, size_bytes=digest.size_bytes)
        return mails.moved_file(arrived)

    def _own_score(self, asset: DamAsset) -> tuple[CreativexSite, MasterScore] | None:
        """The master's own score, where its route keeps that."""
        site = self.systems.site.creativex
        if not self.route.keeps_score or not site.sources:
            return None
        rows = self.systems.site.representation_rules.fields
        scores = [s for row in rows if "creativex_score" in row.sources for s in field_values(asset.raw, row.id)]
        links = [link for row in rows if "creativex_link" in row.sources for link in field_values(asset.raw, row.id)]
        score = MasterScore.of(asset.name, scores, next(iter(links), None))
        return (site, score) if score else None


def _box_name(transfer: ToBox, known: Iterable[ToBox]) -> str:
    """`<stem>_<TRACKID>.<ext>`; where that name is taken, as by an earlier version of a final, a numbered one.

    So it is where a file of it was replaced in Box by other content.
    """
    wanted = box_file_name(transfer.source_name, transfer.tracking_id)
    same_master = [other for other in known if other.tracking_id == transfer.tracking_id]
    sharing = sorted(
        other.id
        for other in same_master
        if box_file_name(other.source_name, other.tracking_id).casefold() == wanted.casefold()
    )
    number = sharing.index(transfer.id) + 1 + len(sharing) * transfer.copies
    return box_file_name(transfer.source_name, transfer.tracking_id, number=number)
