"""One final from the agency's folder into the DAM (SPEC 4.3-4.6).

claim → download → is it still as listed? → look, import, poll → verify → record with its message → delete from Box,
pinned to its etag.
"""

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ferrero_dagster.clients.box_agency import FileNow
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.creativex import CreativeX, SentScore
from ferrero_dagster.domain.edits import Edits
from ferrero_dagster.domain.errors import (
    ChangedMeanwhile,
    Doubtful,
    FerreroError,
    FileRefused,
    ImportInDoubt,
    Incident,
    PermanentError,
)
from ferrero_dagster.domain.file_contents import HEAD_BYTES, contradiction
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.files import Arrival, Campaign, Digest, ToDam
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.domain.otmm.field_rows import FinalInputs, MediaFacts
from ferrero_dagster.domain.otmm.metadata import fields
from ferrero_dagster.domain.otmm.representation import Representation, build_representation
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.messages.facts import FileUploaded, MovedFile
from ferrero_dagster.tracking import transfers
from ferrero_dagster.tracking.campaigns import GONE
from ferrero_dagster.tracking.database import HeldLock
from ferrero_dagster.tracking.masters import Master
from ferrero_dagster.transfer.batch import Transit
from ferrero_dagster.transfer.blame import blamed
from ferrero_dagster.transfer.finals.importing import Brought, FinalImport, StagedFinal
from ferrero_dagster.transfer.finals.mails import FinalsMails, moved_file
from ferrero_dagster.transfer.finals.media import media_facts
from ferrero_dagster.transfer.finals.neighbours import Neighbours
from ferrero_dagster.transfer.finals.records import ArrivedFinal, ClaimedFinal, FinalRecords
from ferrero_dagster.transfer.finals.scores import ScoreQuestion
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrival:
    """A final that is in the DAM and proven, but not yet written down."""

    brought: Brought
    digest: Digest
    score: SentScore
    edits: Edits
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AgencyFile:
    """A file to move, with its name parsed."""

    file: ListedFile
    parsed: AgencyName

    @property
    def name(self) -> str:
        """The file's name in Box."""
        return self.file.name

    @property
    def size_bytes(self) -> int:
        """The file's size in Box."""
        return self.file.size_bytes


def _check_content(path: Path, task: AgencyFile) -> None:
    """Raises FileRefused where the first bytes are of another kind than the name's ending says."""
    with path.open("rb") as file:
        found = contradiction(file.read(HEAD_BYTES), task.parsed.extension)
    if found:
        raise FileRefused(
            f"{task.name} is {found}, whatever its ending says; upload the right file, or name it as what it is.",
            code="content contradicts the ending",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalFiles:
    """What moving the finals of one campaign needs; `move` may be called from several threads."""

    systems: Systems
    lock: HeldLock
    route: FinalsRoute
    campaign: Campaign
    run_id: str
    mails: FinalsMails
    records: FinalRecords
    neighbours: Neighbours
    #: DAM folder that the finals go to; None for the one remembered of each final's master.
    finals_folder_id: DamId | None
    importing: FinalImport

    def move(self, task: AgencyFile, transit: Transit) -> MovedFile:
        """Move a ready file; one that an earlier run brought in is only deleted from Box.

        Raises:
            ChangedMeanwhile: it is not as it was when the sensor looked; nothing is counted.
            ImportInDoubt: there is nothing to do for it yet but to wait; likewise.
            FerreroError: it failed; the attempt is counted and, after the last one, the file is set aside.
        """
        file, name = task.file, task.parsed
        claimed = self.records.claim(file, name)
        final = claimed.transfer
        try:
            with foreseen(), blamed(self.systems, final.transfer.id):
                if final.transfer.state == "moved":
                    moved = moved_file(final.transfer)
                else:
                    moved = self._record(task, final.transfer, self._bring_in(task, claimed, transit))
        except (Incident, Doubtful, ChangedMeanwhile):
            raise
        except ImportInDoubt as error:
            self.systems.database.transact(transfers.note_waiting, final.transfer.id, message=str(error))
            raise
        except FerreroError as error:
            self.mails.count_failure(final.transfer, error)
            raise
        self._delete(file, final.transfer)
        return moved

    def _bring_in(self, task: AgencyFile, claimed: ClaimedFinal, transit: Transit) -> _Arrival:
        file, name, final = task.file, task.parsed, claimed.transfer
        if not file.size_bytes:
            raise FileRefused(f"{file.name} is empty (0 bytes); upload it to Box again.", code="empty file")
        folder_id, master = self._master(name.tracking_id, claimed.master)
        self.importing.wait_out_doubt(final, name.clean_name, folder_id, file.size_bytes)
        with transit.area.room(file.size_bytes) as path:
            digest = self.systems.agency.download(file, path, transit.progress.downloaded)
            _check_content(path, task)
            now = self._as_listed(file)
            sha1_hex = digest.sha1_hex
            told = self.neighbours.told(name, file.name, sha1_hex=sha1_hex)
            creativex = ScoreQuestion(
                systems=self.systems, file=file, now=now, name=name, sha1_hex=sha1_hex, in_table=told.creativex
            ).answer()
            edits = told.edits
            needs_media = self.systems.site.representation_rules.needs_media
            media, media_note = media_facts(path) if needs_media else (MediaFacts(), None)
            representation = self._represented(name, master, media, creativex, edits)
            staged = StagedFinal(
                path=path,
                digest=digest,
                name=name.clean_name,
                folder_id=folder_id,
                representation=representation.body,
            )
            brought = self.importing.bring_in(final, staged, transit.progress.uploaded)
        edited = [f"{field_id} as a person set it: {text}" for field_id, text in edits.values.items()]
        notes = (*name.notes, media_note, str(representation), *creativex.notes, *edited, *edits.notes)
        return _Arrival(
            brought=brought,
            digest=digest,
            score=self._sent_score(creativex, representation, edits),
            edits=edits,
            notes=tuple(note for note in notes if note),
        )

    def _represented(
        self, name: AgencyName, master: Master, media: MediaFacts, creativex: CreativeX, edits: Edits
    ) -> Representation:
        site = self.systems.site
        inputs = FinalInputs(
            name=name,
            master_metadata=master.full_metadata(),
            master_dam_id=master.dam_id,
            today=datetime.now(site.zone).date(),
            media=media,
            creativex_scores=site.creativex.score_rows(creativex.shown_score),
            creativex_link=creativex.url or site.creativex.missing_link,
            edits=edits.values,
        )
        return build_representation(inputs, site.representation_rules)

    def _sent_score(self, creativex: CreativeX, representation: Representation, edits: Edits) -> SentScore:
        site = self.systems.site
        field_ids = set(site.representation_rules.creativex_field_ids)
        unedited = field_ids - edits.values.keys()
        return SentScore(
            creativex=creativex,
            is_needed=bool(site.creativex.sources) and not field_ids & set(representation.removed),
            fields=[node for node in fields(representation.body) if node["id"] in unedited],
        )

    def _master(self, tracking_id: TrackingId, master: Master | None) -> tuple[DamId, Master]:
        """The folder that the final goes to, and its master."""
        if self.campaign.status == GONE:
            raise PermanentError(
                f"The DAM has no campaign {self.campaign.id} (any more); restore it there, then release the file.",
                code="campaign gone",
            )
        if master is None:
            raise ChangedMeanwhile(f"The master {tracking_id} is not active any more.", code="master not active")
        folder_id = self.finals_folder_id or master.finals_folder_id
        if not folder_id:
            raise PermanentError(
                f"The master {tracking_id} has no upload_directory in the table master_assets; set it, then release "
                "the file.",
                code="no upload directory",
            )
        return folder_id, master

    def _as_listed(self, file: ListedFile) -> FileNow:
        """The file now; raises ChangedMeanwhile unless it has the name and place that it was judged by."""
        now = self.systems.agency.now(file.id)
        folder_id = self.systems.box_folders[self.route.inbox]
        is_there = now.is_below(folder_id, subfolders=self.systems.site.agency.include_subfolders)
        if now.etag != file.etag or not is_there:
            raise ChangedMeanwhile(f"{file.name} was renamed, replaced or moved away in Box.", code="changed in Box")
        return now

    def _record(self, task: AgencyFile, transfer: ToDam, arrival: _Arrival) -> MovedFile:
        file, name = task.file, task.parsed
        brought, creativex = arrival.brought, arrival.score.creativex
        arrived = Arrival(
            target_id=brought.asset.id,
            target_name=name.clean_name,
            digest=arrival.digest,
            source_hash="given",
            run_id=self.run_id,
            adopted=brought.is_adopted,
        )
        fact = FileUploaded(
            route=self.route,
            campaign=self.campaign,
            run_id=self.run_id,
            original_name=file.name,
            clean_name=name.clean_name,
            tracking_id=name.tracking_id,
            dam_asset_id=brought.asset.id,
            size_bytes=arrival.digest.size_bytes,
            creativex_score=creativex.shown_score,
            creativex_url=creativex.url,
            creativex_is_old=creativex.is_old,
            is_unscored=arrival.score.is_missing,
            new_version=brought.is_new_version,
            unkept_fields=brought.unkept_fields,
            notes=arrival.notes,
        )
        self.records.arrive(
            ArrivedFinal(transfer=transfer, arrival=arrived, fact=fact, score=arrival.score, edits=arrival.edits)
        )
        size_bytes = arrival.digest.size_bytes
        moved = replace(transfer, target_id=brought.asset.id, target_name=name.clean_name, size_bytes=size_bytes)
        return moved_file(moved, unkept_fields=brought.unkept_fields, score=arrival.score)

    def _delete(self, file: ListedFile, transfer: ToDam) -> None:
        """Delete from Box what has arrived; what Box does not delete is told once and tried again much later.

        Whatever Box answers, the final is in the DAM: where Box itself is out, the next file meets that, too.

        Raises:
            SystemUnavailable: the campaign's lock was lost; the next run deletes the file.
        """
        self.lock.confirm()
        try:
            with contextlib.suppress(ChangedMeanwhile), foreseen():  # a changed one stays and is looked at afresh
                self.systems.box.delete(file.id, etag=file.etag)
        except FerreroError as error:
            self.mails.tell_undeleted(transfer, str(error))
        else:
            self.records.leave(file)
