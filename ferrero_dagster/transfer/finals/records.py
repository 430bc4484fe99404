"""Writes down how a campaign's finals come along, of those that come at the same time in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferrero_dagster.config.neighbours import OverridesSite
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.creativex import SentScore
from ferrero_dagster.domain.edits import Edits
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.files import Arrival, Campaign, ToDam
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.messages.facts import FileUploaded
from ferrero_dagster.tracking import final_scores, masters, outbox, overrides, steps, transfers
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.masters import Master
from ferrero_dagster.tracking.transfers import FinalTransfer
from ferrero_dagster.transfer.finals.mails import mail_key
from ferrero_dagster.transfer.group_commit import GroupCommit, GroupQuestion

_Version = tuple[BoxId, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedFinal:
    """A final that is ours to move, and its master while that is active."""

    transfer: FinalTransfer
    master: Master | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivedFinal:
    """A final that is in the DAM and proven, with all that is to be written down and told of it."""

    transfer: ToDam
    arrival: Arrival[DamId]
    fact: FileUploaded
    score: SentScore
    #: What people set for it, and was used.
    edits: Edits


class FinalRecords:
    """Each method returns once it is written, and is idempotent; safe to share between threads.

    All raise what keeps this file from being written down, as `Database.transact` does.
    """

    def __init__(
        self, database: Database, overrides_site: OverridesSite, route: FinalsRoute, campaign: Campaign
    ) -> None:
        self._database = database
        self._overrides = overrides_site
        self._route = route
        self._campaign_id = campaign.id
        self._claims = GroupQuestion(self._claim)
        self._begun = GroupCommit[int](lambda ids: database.transact(transfers.begin_imports, ids))
        self._jobs = GroupCommit[tuple[int, str]](lambda jobs: database.transact(transfers.keep_jobs, dict(jobs)))
        self._arrived = GroupCommit[ArrivedFinal](lambda arrived: database.transact(self._record, arrived))
        self._left = GroupCommit[_Version](
            lambda versions: database.transact(steps.leave_agency_folder, route.name, versions)
        )

    def claim(self, file: ListedFile, name: AgencyName) -> ClaimedFinal:
        """The transfer of a file, made or found again, and its master."""
        return self._claims.answer((file, name.tracking_id))

    def _claim(self, files: Sequence[tuple[ListedFile, TrackingId]]) -> list[ClaimedFinal]:
        wanted = {file.version: (file.name, tracking_id) for file, tracking_id in files}
        taken = self._database.transact(self._take, wanted)
        return [taken[file.version] for file, _ in files]

    def _take(self, cursor: Cursor, wanted: Mapping[_Version, tuple[str, TrackingId]]) -> dict[_Version, ClaimedFinal]:
        taken = transfers.claim(cursor, self._route.name, self._campaign_id, wanted)
        known = masters.masters(cursor, {tracking_id for _, tracking_id in wanted.values()})
        return {
            version: ClaimedFinal(transfer=transfer, master=known.get(wanted[version][1]))
            for version, transfer in taken.items()
        }

    def begin_import(self, transfer_id: int) -> None:
        """We are about to import the file."""
        self._begun.add(transfer_id)

    def keep_job(self, transfer_id: int, job_id: str) -> None:
        """The job is the file's import."""
        self._jobs.add((transfer_id, job_id))

    def arrive(self, arrived: ArrivedFinal) -> None:
        """The final is in the DAM (SPEC 4.3): write it down, and tell it once."""
        self._arrived.add(arrived)

    def _record(self, cursor: Cursor, arrived: Sequence[ArrivedFinal]) -> None:
        new = steps.record_finals(cursor, [(one.transfer, one.arrival) for one in arrived])
        told = [one for one in arrived if one.transfer.id in new]
        final_scores.add(cursor, {one.transfer.id: one.score for one in told})
        mails = {mail_key(one.fact, str(one.transfer.id)): self._told(cursor, one) for one in told}
        outbox.add_mails(cursor, mails, campaign_id=self._campaign_id)

    def _told(self, cursor: Cursor, one: ArrivedFinal) -> FileUploaded:
        """The fact, once people's edits are marked as used."""
        problem = overrides.flag_used(cursor, self._overrides, one.edits.row) if one.edits.row else None
        return one.fact.model_copy(update={"notes": (*one.fact.notes, problem)}) if problem else one.fact

    def leave(self, file: ListedFile) -> None:
        """The file is not in the agency's folder any more."""
        self._left.add(file.version)
