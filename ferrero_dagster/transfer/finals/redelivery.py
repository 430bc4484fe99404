"""Has finals imported once more that the DAM lost: from Box's trash, or from the agency's folder (SPEC 4.6).

The file comes back to where the agency had put it, and the sensor imports it like any other: as a new version where the
DAM still has an asset of that name, else as a new asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ferrero_dagster.clients.box import PlacedFile
from ferrero_dagster.clients.box_agency import FileNow
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.errors import FerreroError, Incident
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.tracking import operations, transfers
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.deliveries import DeliveredFinal
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.finals.presence import LostFinal, lost_of
from ferrero_dagster.transfer.redelivery import BUSY, OPERATION, Redelivered, untried
from ferrero_dagster.transfer.systems import Systems, Watcher

_BY_ITSELF = "The next looks at that folder import it."
_DELIVER = "Have the agency deliver it again."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A final, in words what is where, and what is to be done."""

    final: DeliveredFinal
    words: str
    result: str
    #: To be imported once more; first restored from the trash, if it is there.
    is_due: bool = False
    is_trashed: bool = False
    is_refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsRedelivery:
    """Finals of one campaign that came along one route."""

    systems: Systems
    watcher: Watcher
    route: FinalsRoute
    campaign: Campaign

    def look(self, chosen: Sequence[DeliveredFinal]) -> list[Redelivered]:
        """What is there, and what would be done; changes nothing.

        Raises:
            FerreroError: Box or the DAM cannot be asked.
        """
        return [self._told(one, one.result, is_refused=one.is_refused) for one in self._found(chosen)]

    def redeliver(self, chosen: Sequence[DeliveredFinal], *, done_by: str) -> list[Redelivered]:
        """Bring back to the agency's folder what the DAM lost; safe to run again, whatever became of an earlier try.

        Raises:
            FerreroError: Box or the DAM cannot be asked.
        """
        with self.systems.database.lock(f"{self.route.name}:{self.campaign.id}") as lock:
            if lock is None:
                return [untried(str(self.campaign), one.name, one.tracking_id, BUSY) for one in chosen]
            with incidents.noted(self.systems.database, self.systems.site, run_id=self.watcher.run_id or None):
                return [self._redelivered(one, done_by) for one in self._found(chosen)]

    # --- look ----------------------------------------------------------------------------------------------------

    def _found(self, chosen: Sequence[DeliveredFinal]) -> list[_Found]:
        dam = self.systems.site.dam
        lost = lost_of(self.systems.dam, chosen, batch=dam.metadata_batch_size, verify_checksum=dam.verify_checksum)
        by_final = {one.final: one for one in lost}
        return [self._judged(final, by_final.get(final)) for final in chosen]

    def _judged(self, final: DeliveredFinal, lost: LostFinal | None) -> _Found:
        if lost is None:
            return _Found(final=final, words="The DAM holds it as it was imported.", result="Nothing to do.")
        in_dam = lost.problem[:1].upper() + lost.problem[1:]
        if lost.what == "unseen":
            return _Found(final=final, words=in_dam, result="Try again.", is_refused=True)
        if not final.is_active:
            result = "Its master was withdrawn: no finals of it are taken."
            return _Found(final=final, words=in_dam, result=result, is_refused=True)
        if not final.box_file_id:
            return _Found(final=final, words=in_dam, result=_DELIVER, is_refused=True)
        placed = self.systems.box.look_at(final.box_file_id)
        return self._in_box(final, in_dam, placed) if placed else self._in_trash(final, final.box_file_id, in_dam)

    def _in_box(self, final: DeliveredFinal, in_dam: str, placed: PlacedFile) -> _Found:
        now = FileNow(etag=placed.file.etag, folders=placed.folders, template=None)
        inbox = self.systems.box_folders[self.route.inbox]
        if not now.is_below(inbox, subfolders=self.systems.site.agency.include_subfolders):
            where = "/".join(name for _, name in placed.folders) or "a place that Box does not show"
            result = "Move it to the agency's folder in Box; it is imported from there."
            return _Found(final=final, words=f"{in_dam} Its file in Box is in {where}.", result=result, is_refused=True)
        words = f"{in_dam} Its file is in the agency's folder in Box."
        return _Found(final=final, words=words, result=_BY_ITSELF, is_due=now.etag == final.etag)

    def _in_trash(self, final: DeliveredFinal, file_id: BoxId, in_dam: str) -> _Found:
        file = self.systems.box.trashed(file_id)
        if file is None:
            words = f"{in_dam} Its file is not in Box's trash, as far as we may see it."
            return _Found(final=final, words=words, result=_DELIVER, is_refused=True)
        if file.sha1_hex.lower() != final.sha1_hex:
            words = f"{in_dam} In Box's trash its file holds other content."
            return _Found(final=final, words=words, result=_DELIVER, is_refused=True)
        words = f"{in_dam} Its file is in Box's trash."
        result = f"To be restored to the agency's folder in Box. {_BY_ITSELF}"
        return _Found(final=final, words=words, result=result, is_due=True, is_trashed=True)

    # --- bring back ----------------------------------------------------------------------------------------------

    def _redelivered(self, found: _Found, done_by: str) -> Redelivered:
        if not found.is_due:
            return self._told(found, found.result, is_refused=found.is_refused)
        self.systems.database.transact(self._intend, found, done_by)
        if not found.is_trashed:
            return self._told(found, _BY_ITSELF)
        try:
            self._restore(found.final)
        except Incident:
            raise
        except FerreroError as error:
            return self._told(found, f"{error} {_DELIVER}", is_refused=True)
        return self._told(found, f"Restored to the agency's folder in Box. {_BY_ITSELF}")

    def _intend(self, cursor: Cursor, found: _Found, done_by: str) -> None:
        """Before the file is there, lest a look takes it for one that has arrived and is left over."""
        final = found.final
        assert final.transfer_id
        transfers.import_again(cursor, final.transfer_id)
        operations.record(
            cursor,
            operation=OPERATION,
            done_by=done_by,
            target=f"{self.route.name}: {final.name} ({final.tracking_id})",
            before={"found": found.words, "asset": final.asset_id},
            after={"result": found.result},
            run_id=self.watcher.run_id or None,
        )

    def _restore(self, final: DeliveredFinal) -> None:
        assert final.box_file_id
        inbox = self.systems.box_folders[self.route.inbox]
        self.systems.box.restore(final.box_file_id, final.box_name or final.name, folder_id=inbox)
        self.watcher.log(f"{final.name}: its file is back in Box.")

    def _told(self, found: _Found, result: str, *, is_refused: bool = False) -> Redelivered:
        return Redelivered(
            campaign=str(self.campaign),
            name=found.final.name,
            tracking_id=found.final.tracking_id,
            found=found.words,
            result=result,
            is_refused=is_refused,
        )
