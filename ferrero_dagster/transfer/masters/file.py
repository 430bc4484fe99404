"""One master on its way from the DAM to Box: intend, download, upload, record; each step proven by size and hash."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from ferrero_dagster.domain.otmm.metadata import FieldNode, extracted_values, fields_by_id, values_in
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.tracking import steps, transfers
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.tracking.storable import json_text
from ferrero_dagster.transfer.batch import Transit
from ferrero_dagster.transfer.blame import blamed
from ferrero_dagster.transfer.campaign.folders import CampaignFolders
from ferrero_dagster.transfer.group_commit import GroupCommit
from ferrero_dagster.transfer.masters import mails
from ferrero_dagster.transfer.masters.passage import Passage
from ferrero_dagster.transfer.masters.versions import HandedOver
from ferrero_dagster.transfer.systems import Systems

#: Requests for metadata that are under way at once, for a batch together; assets of the first.
_READ_AHEAD = 2
_FIRST_BATCH = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """An asset with full metadata, its transfer, and the name it gets in Box."""

    #: Without its metadata, which are many.
    asset: DamAsset
    transfer: ToBox
    box_name: str
    kept: MasterDetails | None = None
    own_score: tuple[CreativexSite, MasterScore] | None = None
    #: Why its metadata cannot be read; it then fails, and it alone.
    unread: FerreroError | None = None

    @property
    def name(self) -> str:
        """The asset's name in the DAM."""
        return self.asset.name

    @property
    def size_bytes(self) -> int:
        """The size of its content in the DAM."""
        return self.asset.size_bytes or 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MasterFiles:
    """What claiming and moving the masters of one campaign needs; `move` may be called from several threads."""

    systems: Systems
    lock: HeldLock
    route: MastersRoute
    campaign_id: DamId
    run_id: str
    folders: CampaignFolders
    #: Where what has arrived is written down, with what others bring at the same time.
    records: GroupCommit[steps.RecordedMaster]
    #: Makes the Box folder that the masters go to, if need be, and has its id at once from then on.
    box_folder: Callable[[], BoxId]
    #: Set once that is not there any more: nothing is downloaded in vain.
    folder_gone: Event = field(default_factory=Event)
    #: What the DAM hands over in other versions than it lists.
    handed_over: HandedOver = field(default_factory=HandedOver)
    #: Sentences on what was read, for the run's log.
    notes: deque[str] = field(default_factory=deque)

    def claims(self, assets: Iterable[DamAsset]) -> Iterator[Claimed]:
        """The assets with their transfers, their metadata read batch by batch; one that vanished is left out.

        A batch is read while the one before is asked for, too: the DAM makes metadata while we read others, and while
        the Box folder is made, which is there before the first is handed on.

        Raises:
            FerreroError: the metadata cannot be read, or there is no Box folder.
        """
        batches = _batches(assets, self.systems.site.dam.metadata_batch_size // _READ_AHEAD or 1)
        with ThreadPoolExecutor(_READ_AHEAD, thread_name_prefix="metadata") as threads:
            reading = deque(threads.submit(self._claimed, batch) for batch in islice(batches, _READ_AHEAD))
            self.box_folder()
            while reading:
                claimed = reading.popleft().result()
                reading.extend(threads.submit(self._claimed, batch) for batch in islice(batches, 1))
                yield from claimed

    def _claimed(self, batch: list[DamAsset]) -> list[Claimed]:
        unread: dict[DamId, FerreroError] = {}
        full = self.systems.dam.load_assets((asset.id for asset in batch), on_unread=unread.__setitem__)
        self.notes.extend(note for asset in full for note in asset.notes)
        listed = {asset.id: asset for asset in batch}
        full = [self.handed_over.met(listed.get(asset.id, asset), asset) for asset in full]
        unclaimed = [asset for asset in batch if asset.id in unread]
        claimed = self.systems.database.transact(self._claim, full)
        return claimed + self.systems.database.transact(self._claim_unread, unclaimed, unread)

    def _claim_unread(
        self, cursor: Cursor, assets: list[DamAsset], unread: Mapping[DamId, FerreroError]
    ) -> list[Claimed]:
        known = self._known(cursor, assets) if assets else {}
        return [
            Claimed(asset=asset, transfer=transfer, box_name=asset.name, unread=unread[asset.id])
            for asset in assets
            if (transfer := known.get((asset.id, asset.version)))
        ]

    def _claim(self, cursor: Cursor, assets: list[DamAsset]) -> list[Claimed]:
        """The DAM may hand over other versions than it lists, and such that have been moved."""
        known = self._known(cursor, assets)
        taken = [known.get((asset.id, asset.version)) for asset in assets]
        if any(transfer is None or transfer.state == "withdrawn" for transfer in taken):
            steps.intend(cursor, self.route, self.campaign_id, assets, finals_folder_id=self.folders.finals)
            known = self._known(cursor, assets)
        return [
            Claimed(
                asset=replace(asset, raw=None),
                transfer=transfer,
                box_name=_box_name(transfer, known.values()),
                kept=self._details(asset, nodes),
                own_score=self._own_score(asset, nodes),
            )
            for asset in assets
            for nodes in [fields_by_id(asset.raw)]
            for transfer in [known[asset.id, asset.version]]
            if transfer.state != "moved"
        ]

    def _known(self, cursor: Cursor, assets: list[DamAsset]) -> dict[tuple[DamId, str], ToBox]:
        return transfers.of_assets(cursor, self.route.name, self.campaign_id, [asset.id for asset in assets])

    def _details(self, asset: DamAsset, nodes: Mapping[str, FieldNode]) -> MasterDetails:
        site = self.systems.site
        description = next(iter(values_in(nodes, site.dam.description_field)), None)
        return MasterDetails(
            finals_folder_id=self.folders.finals,
            description=str(description) if description is not None else None,
            extracted_fields=extracted_values(nodes, site.representation_rules.field_ids),
            full_metadata=json_text(asset.raw),
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
            folder_id=self.box_folder(),
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
        assert claimed.kept
        self.records.add(
            steps.RecordedMaster(
                transfer=claimed.transfer, arrival=arrival, details=claimed.kept, own_score=claimed.own_score
            )
        )
        arrived = replace(claimed.transfer, target_id=file.id, target_name=file.name, size_bytes=digest.size_bytes)
        return mails.moved_file(arrived)

    def _own_score(self, asset: DamAsset, nodes: Mapping[str, FieldNode]) -> tuple[CreativexSite, MasterScore] | None:
        """The master's own score, where its route keeps that."""
        site = self.systems.site.creativex
        if not self.route.keeps_score or not site.sources:
            return None
        rows = self.systems.site.representation_rules.fields
        scores = [s for row in rows if "creativex_score" in row.sources for s in values_in(nodes, row.id)]
        links = [link for row in rows if "creativex_link" in row.sources for link in values_in(nodes, row.id)]
        score = MasterScore.of(asset.name, scores, next(iter(links), None))
        return (site, score) if score else None


def _batches(assets: Iterable[DamAsset], most: int) -> Iterator[list[DamAsset]]:
    """The first are few, so that files begin to move soon."""
    rest, size = iter(assets), min(_FIRST_BATCH, most)
    while batch := list(islice(rest, size)):
        yield batch
        size = min(2 * size, most)


def record_in_groups(systems: Systems) -> GroupCommit[steps.RecordedMaster]:
    """What writes down masters that are in Box; raises as `steps.record_masters`."""

    def record(recorded: Sequence[steps.RecordedMaster]) -> None:
        systems.database.transact(steps.record_masters, recorded)

    return GroupCommit(record)


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
