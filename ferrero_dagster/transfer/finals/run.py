"""Box → DAM: moves a campaign's ready files into the DAM and, when all masters have finals, advances it (SPEC 4)."""

from dataclasses import dataclass, replace

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.errors import (
    ChangedMeanwhile,
    Doubtful,
    EndedTurn,
    FerreroError,
    ImportInDoubt,
    Incident,
    NotInDam,
    PermanentError,
)
from ferrero_dagster.domain.filenames import AgencyName, parse_name
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.planning import pause_left_s
from ferrero_dagster.messages.facts import FailedFile, MovedFile
from ferrero_dagster.tracking import agency_files, campaigns, rounds, unforeseen_errors
from ferrero_dagster.tracking.campaigns import GONE
from ferrero_dagster.tracking.database import Cursor, HeldLock
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.batch import move_batch
from ferrero_dagster.transfer.campaign import sightings
from ferrero_dagster.transfer.campaign.folders import folders_named
from ferrero_dagster.transfer.finals.completion import Completion
from ferrero_dagster.transfer.finals.file import AgencyFile, FinalFiles
from ferrero_dagster.transfer.finals.importing import FinalImport
from ferrero_dagster.transfer.finals.mails import FinalsMails
from ferrero_dagster.transfer.finals.neighbours import Neighbours
from ferrero_dagster.transfer.finals.records import FinalRecords
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster.transfer.unforeseen import Turn, note, told


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsOutcome:
    """What a run did. `nothing` says in a sentence why there was nothing to do."""

    campaign: Campaign | None = None
    nothing: str | None = None
    moved: tuple[MovedFile, ...] = ()
    #: Not as they were when the sensor looked, or only to be waited for; the next look sees them afresh.
    left: tuple[FailedFile, ...] = ()
    failed: tuple[FailedFile, ...] = ()
    status: str | None = None

    def __str__(self) -> str:
        if self.nothing:
            return self.nothing
        parts = [f"{len(self.moved)} finals moved into the DAM"]
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{len(self.left)} left for the next look"] if self.left else []
        return f"{', '.join(parts)}; the status is {self.status}."


def move_finals(route: FinalsRoute, campaign_id: DamId, systems: Systems, watcher: Watcher) -> FinalsOutcome:
    """Move all files of one campaign that are ready for the route; safe to run again, whatever became of earlier runs.

    Raises:
        FerreroError: an incident stopped it; it is written down and, where somebody must act, mailed.
    """
    with systems.database.lock(f"{route.name}:{campaign_id}") as lock:
        if lock is None:
            return FinalsOutcome(
                nothing="Another run is moving this campaign's finals just now; this one moved nothing."
            )
        turn = Turn(name=route.name, about=watcher.about, campaign_id=campaign_id, run_id=watcher.run_id)
        noted = incidents.noted(systems.database, systems.site, run_id=watcher.run_id)
        with noted, told(systems.database, turn, watcher.log):
            return _FinalsMove(route, campaign_id, systems, watcher, lock).run()


@dataclass(frozen=True, slots=True)
class _FinalsMove:
    route: FinalsRoute
    campaign_id: DamId
    systems: Systems
    watcher: Watcher
    lock: HeldLock

    def run(self) -> FinalsOutcome:
        try:
            campaign = self._read()
            finals_folder_id = self._finals_folder(campaign)
        except Incident:
            raise
        except FerreroError:
            self.systems.database.transact(self._note_unread)
            raise
        result = self._move(campaign, self._chosen(campaign), finals_folder_id)
        if result.moved:
            self.systems.database.transact(incidents.note_all_well)
        result = self._advance(result, campaign)
        self.systems.database.transact(unforeseen_errors.forget, self.route.name, self.campaign_id)
        return result

    def _mails(self, campaign: Campaign) -> FinalsMails:
        return FinalsMails(
            systems=self.systems,
            route=self.route,
            campaign=campaign,
            run_id=self.watcher.run_id,
        )

    # --- read ----------------------------------------------------------------------------------------------------

    def _read(self) -> Campaign:
        """The campaign as the DAM shows it; one that is not there any more has the status `GONE`."""
        try:
            campaign = self.systems.dam.campaign(self.campaign_id)
        except NotInDam:
            self.systems.database.transact(campaigns.note_status, self.campaign_id, GONE)
            return Campaign(id=self.campaign_id, number="", name="not in the DAM any more", status=GONE, type="")
        self.watcher.on_campaign(campaign)
        self.systems.database.transact(sightings.note_read, self.systems.site, campaign)
        return campaign

    def _note_unread(self, cursor: Cursor) -> None:
        rounds.count_failed_run(cursor, rounds.open_round(cursor, self.route.name, self.campaign_id).id)

    # --- find ----------------------------------------------------------------------------------------------------

    def _finals_folder(self, campaign: Campaign) -> DamId | None:
        """The folder that the finals go to; None for the upload directory of each final's master."""
        wanted = self.route.target_folder
        if not wanted or campaign.status == GONE:
            return None
        found = folders_named(self.systems.dam.child_folders(campaign.id), wanted)
        if len(found) != 1:
            raise PermanentError(
                f"{campaign} has {len(found) or 'no'} folder {wanted}, where its finals go to; see to it that there is "
                "one in the DAM.",
                code="target folder not found",
            )
        return found[0]

    def _chosen(self, campaign: Campaign) -> list[AgencyFile]:
        """The files to try now.

        Those that wait out a pause are left out; where all do, somebody has started this run, and all are tried. Of two
        files that would get one name in the DAM the older goes first, alone. What has failed goes last, so that it
        keeps no other waiting.
        """
        ready = self.systems.database.transact(agency_files.ready_files, self.route.name, self.campaign_id)
        self.watcher.log(f"{campaign}: {len(ready)} files are ready.")
        pauses = self.systems.site.agency.retry_pauses_minutes
        due = [one for one in ready if not pause_left_s(one.failures, one.since_last_attempt_s, pauses)]
        chosen: dict[str, AgencyFile] = {}
        for file in (one.file for one in due or ready):
            parsed = parse_name(file.name, self.systems.site.naming.rules)
            if isinstance(parsed, AgencyName):
                chosen.setdefault(parsed.clean_name.casefold(), AgencyFile(file=file, parsed=parsed))
        failed = {one.file.version for one in ready if one.has_failed}
        return sorted(chosen.values(), key=lambda task: task.file.version in failed)

    # --- move ----------------------------------------------------------------------------------------------------

    def _move(self, campaign: Campaign, chosen: list[AgencyFile], finals_folder_id: DamId | None) -> FinalsOutcome:
        records = FinalRecords(self.systems.database, self.systems.site.overrides, self.route, campaign)
        files = FinalFiles(
            systems=self.systems,
            lock=self.lock,
            route=self.route,
            campaign=campaign,
            run_id=self.watcher.run_id,
            mails=self._mails(campaign),
            records=records,
            neighbours=Neighbours(self.systems.database, self.systems.site),
            finals_folder_id=finals_folder_id,
            importing=FinalImport(self.systems, self.lock, records),
        )
        batch = move_batch(self.systems, self.watcher, chosen, files.move, total=len(chosen))
        results = {file.name: result for file, result in batch}
        for name, result in results.items():
            if isinstance(result, EndedTurn):
                note(self.systems.database, result, Turn(name=self.route.name, about=name, run_id=self.watcher.run_id))
        return _outcome(campaign, results)

    # --- advance -------------------------------------------------------------------------------------------------

    def _advance(self, result: FinalsOutcome, campaign: Campaign) -> FinalsOutcome:
        """The outcome with the status as it is once people are told that every master has a final (SPEC 4.7)."""
        systems = self.systems
        completion = Completion(
            dam=systems.dam,
            database=systems.database,
            site=systems.site,
            route=self.route,
            has_webhook=systems.has_webhook,
            run_id=self.watcher.run_id,
        )
        status = completion.after_run(campaign, self.lock)
        if status is None:
            return result
        self.watcher.log(f"{campaign}: every master has its final, status is {status}.")
        return replace(result, status=status)


def _outcome(campaign: Campaign, results: dict[str, MovedFile | FerreroError]) -> FinalsOutcome:
    failures = {name: result for name, result in results.items() if not isinstance(result, MovedFile)}
    left = {name for name, error in failures.items() if isinstance(error, ChangedMeanwhile | Doubtful | ImportInDoubt)}
    return FinalsOutcome(
        campaign=campaign,
        moved=tuple(result for result in results.values() if isinstance(result, MovedFile)),
        left=tuple(FailedFile(name=name, reason=str(failures[name])) for name in failures if name in left),
        failed=tuple(FailedFile(name=name, reason=str(failures[name])) for name in failures if name not in left),
        status=campaign.status,
    )
