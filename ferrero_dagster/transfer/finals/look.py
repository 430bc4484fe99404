"""One look at the agency's folder: sorts every file and says which campaigns have files to move (SPEC 4.1, 4.2)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.box_answers import SYSTEM
from ferrero_dagster.clients.http import Tempo
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import ConfigurationError, EndedTurn, Incident, OutOfTime
from ferrero_dagster.domain.filenames import AgencyName, NameProblems
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.planning import CampaignHistory, FinalsPlan, plan_finals
from ferrero_dagster.domain.triage import (
    Judgement,
    KnownFile,
    KnownFiles,
    KnownMasters,
    ListedFile,
    count_looks,
    is_ignored,
    is_news,
    is_other,
    judge,
    named,
)
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking import (
    agency_files,
    agency_looks,
    campaigns,
    finals,
    masters,
    outages,
    rounds,
    steps,
    unforeseen_errors,
)
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import incidents, slowness
from ferrero_dagster.transfer.finals.completion import tell_ready
from ferrero_dagster.transfer.finals.mails import tell_refused
from ferrero_dagster.transfer.finals.marks import Marks
from ferrero_dagster.transfer.finals.unseen_folders import Counting, is_counted, tell_unseen
from ferrero_dagster.transfer.unforeseen import Turn, ended, told


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsLook:
    """What a look found: campaigns to start now, and a line for each other one."""

    #: With the number of files that are due.
    starts: Mapping[Campaign, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    #: What became of each file, or of those that wait where nothing has changed in Box; None where Box could not be
    #: asked.
    judgements: Sequence[Judgement] | None = None
    #: Files by state.
    counts: Counter[str] = field(default_factory=Counter)
    #: Whether a file came, went or became another state.
    has_news: bool = False
    set_aside: Sequence[Judgement] = ()
    #: Of errors that nobody foresaw.
    traces: Sequence[str] = ()

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {state}" for state, number in sorted(self.counts.items()))
        files = [f"Files: {counts or 'none'}{f', {len(self.set_aside)} of them set aside' if self.set_aside else ''}."]
        starts = [f"{campaign}: starts, {number} files are due" for campaign, number in self.starts.items()]
        return "\n".join([*([] if self.judgements is None else files), *starts, *self.notes])


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsLooker:
    """What a look needs."""

    #: Opens the agency's folder; where Box refuses us or is out, that is noted like any other incident.
    open_agency: Callable[[], AbstractContextManager[BoxAgency]]
    route: FinalsRoute
    folder_id: BoxId
    database: Database
    site: Site
    #: What is not listed before it the next look goes on with.
    deadline: Deadline = NEVER

    def look(self, *, running: Collection[DamId], on_route: int) -> FinalsLook:
        """List the folder, judge every file, write down what changed, mail new refusals, and say what is to start.

        `running` holds the ids of campaigns that have an unfinished run; `on_route` is how many of those have it on
        this route, in the queue or at work: so many fewer start. Costs about ten statements, however many files there
        are, and one call to Box where nothing has changed, one more per thousand files where something has, or might
        have unseen.
        """
        traces: list[str] = []
        try:
            with told(self.database, Turn(name=self.route.sensor), traces.append):
                return self._look(running, self.site.agency.runs_per_tick - on_route, traces)
        except EndedTurn as error:
            return FinalsLook(notes=[str(error)], traces=traces)

    def _look(self, running: Collection[DamId], places: int, traces: list[str]) -> FinalsLook:
        try:
            listing = self._listed(traces.append)
        except Incident as error:
            incidents.note(self.database, error, self.site)
            return FinalsLook(notes=[str(error)])
        known = listing.known
        if known is None:
            known = self.database.transact(agency_files.known_files, self.route.name)
        judgements = self._judged(listing.found, known, traces.append)
        noted = self._noted(judgements, known, listing, traces.append)
        if listing.is_all_known(noted):
            self.database.transact(agency_looks.end_listing, self.route.name, listing.position)
        self.database.transact(tell_ready, self.site, self.route)
        plan = self.database.transact(self._plan, noted, known, running, places)
        self.database.transact(
            slowness.note, self.site, listing.tempo, system=SYSTEM, sensor=self.route.sensor, said=listing.figures
        )
        return FinalsLook(
            starts=plan.starts,
            notes=[*([listing.figures] if listing.figures else []), *map(str, plan.skipped)],
            judgements=noted if listing.is_whole or listing.is_unchanged else None,
            counts=self._counts(noted, listing),
            has_news=bool(listing.gone(known, judgements)) or any(is_other(one, known) for one in noted),
            set_aside=plan.set_aside,
            traces=traces,
        )

    def _counts(self, noted: Sequence[Judgement], listing: "_Listing") -> Counter[str]:
        if listing.is_unchanged:
            return Counter(self.database.transact(agency_files.counts, self.route.name))
        return Counter(judgement.state for judgement in noted)

    @property
    def _folder(self) -> str:
        """What is out when Box does not show us this folder: other routes do without it."""
        return f"Box folder {self.route.inbox}"

    def _turn(self, file: ListedFile, log: Callable[[str], None]) -> AbstractContextManager[None]:
        """An error that nobody foresaw ends this file's turn at this look."""
        return ended(self.database, Turn(name=self.route.sensor, about=file.name), log)

    def _listed(self, log: Callable[[str], None]) -> "_Listing":
        found: list[ListedFile] = []
        tempo = Tempo(asked=1)  # for the log-in
        try:
            with self.open_agency() as agency:
                tempo = agency.tempo
                mark = Marks(
                    agency=agency,
                    database=self.database,
                    site=self.site,
                    route=self.route,
                    folder_id=self.folder_id,
                ).read()
                if mark.waiting is not None:
                    return _Listing.unchanged(mark.waiting, tempo)
                everything = self._everything(agency, found.append)
                unseen = self._unseen(agency, [file for file in everything if file.is_folder], log)
        except OutOfTime:
            number = sum(not one.is_folder for one in found)
            said = (
                f"{counted(number, 'file')} listed in {slowness.elapsed(self.deadline)}; "
                f"{slowness.figures(tempo, SYSTEM)}; the next look goes on with the listing."
            )
            return _Listing(found=self._finished(found), tempo=tempo, figures=said)
        found = list({file.id: file for file in found}.values())
        return _Listing(
            found=[*self._finished(found), *unseen],
            tempo=tempo,
            position=mark.position,
            versions={file.version for file in everything if not file.is_folder},
            is_whole=len(found) == len(everything),
        )

    def _everything(self, agency: BoxAgency, on_new: Callable[[ListedFile], None]) -> list[ListedFile]:
        subfolders = self.site.agency.include_subfolders
        try:
            with agency.kept(self.route.sensor).until_done("listing", until=self.deadline):
                return agency.list_files(self.folder_id, subfolders=subfolders, on_new=on_new)
        except ConfigurationError as error:
            raise ConfigurationError(str(error), system=self._folder) from None

    def _unseen(
        self, agency: BoxAgency, folders: Sequence[ListedFile], log: Callable[[str], None]
    ) -> Sequence[ListedFile]:
        if not folders:
            return ()
        ours = self.database.transact(rounds.box_folders) | {*self.site.box.ids.values()}
        others = [one for one in folders if one.id not in ours and not is_ignored(one.name)]
        known = self.database.transact(agency_files.known_files, self.route.name)
        counting = Counting(agency=agency, known=known, skip=ours, deadline=self.deadline)
        return counting.folders_with_files(others, partial(self._turn, log=log))

    def _finished(self, listed: Sequence[ListedFile]) -> list[ListedFile]:
        is_unfinished = self.site.naming.rules.extensions.is_unfinished
        files = [file for file in listed if not file.is_folder]
        return [file for file in files if not is_ignored(file.name) and not is_unfinished(file.name)]

    def _judged(self, found: Sequence[ListedFile], known: KnownFiles, log: Callable[[str], None]) -> list[Judgement]:
        names: dict[BoxId, AgencyName | NameProblems] = {}
        for file in found:
            with self._turn(file, log):
                names |= named([file], known, self.site.naming.rules)
        ids = {name.tracking_id for name in names.values() if name.tracking_id}
        known_masters = KnownMasters(self.database.transact(masters.known_masters, ids))
        settle_looks = self.site.agency.settle_looks
        judgements: list[Judgement] = []
        for file in found:
            if file.id in names:
                before = known.get(file.version)
                looks = count_looks(file, before)
                with self._turn(file, log):
                    judgements.append(
                        judge(file, names[file.id], known_masters, looks=looks, settle_looks=settle_looks)
                    )
        return judgements

    def _noted(
        self, judgements: list[Judgement], known: KnownFiles, listing: "_Listing", log: Callable[[str], None]
    ) -> list[Judgement]:
        """Write down what changed, at once or, if one file is in the way, each by itself; what is written down."""
        gone = listing.gone(known, judgements)
        try:
            with foreseen():
                self.database.transact(self._note, judgements, known, gone)
        except EndedTurn:
            noted: list[Judgement] = []
            for judgement in judgements:
                with self._turn(judgement.file, log):
                    self.database.transact(self._note, [judgement], known, set())
                    noted.append(judgement)
            return noted
        return judgements

    def _note(
        self, cursor: Cursor, judgements: Sequence[Judgement], known: KnownFiles, gone: Collection[tuple[BoxId, str]]
    ) -> None:
        """Write down what changed; idempotent."""
        outages.note_look(cursor, SYSTEM, self._folder)
        news = [judgement for judgement in judgements if is_news(judgement, known)]
        if news:
            agency_files.save_judgements(cursor, self.route.name, news)
        if gone:
            steps.leave_agency_folder(cursor, self.route.name, gone)
        refused = [judgement for judgement in news if judgement.state == "refused"]
        tell_refused(cursor, self.route, [judgement for judgement in refused if not judgement.file.is_folder])
        tell_unseen(cursor, self.route, [judgement for judgement in refused if judgement.file.is_folder], known)

    def _plan(
        self,
        cursor: Cursor,
        judgements: Sequence[Judgement],
        known: KnownFiles,
        running: Collection[DamId],
        places: int,
    ) -> FinalsPlan:
        site = self.site.agency
        complete = self._complete(cursor)
        ids = {*complete, *(j.campaign_id for j in judgements if j.state == "ready" and j.campaign_id)}
        return plan_finals(
            judgements,
            known,
            {campaign.id: campaign for campaign in campaigns.known(cursor, ids)},
            _histories(cursor, self.route, ids, running),
            complete=complete,
            hold=incidents.hold(cursor, site.retry_pauses_minutes),
            places=places,
            pauses_minutes=site.retry_pauses_minutes,
        )

    def _complete(self, cursor: Cursor) -> list[DamId]:
        """Campaigns to advance by themselves, and those whose status a run or a person had begun to set."""
        unfinished = rounds.unfinished_advances(cursor, self.route.name)
        if not self.site.agency.advance_when_complete:
            return unfinished
        found = finals.complete_campaigns(cursor, self.site.routes, self.route)
        return [campaign.id for campaign in found] + unfinished


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listing:
    """What was listed at this look, which may be the rest of what earlier ones have listed."""

    found: Sequence[ListedFile]
    tempo: Tempo
    #: Of the whole folder, once it was listed to its end, and from which of Box's events on.
    versions: Collection[tuple[BoxId, str]] | None = None
    position: str | None = None
    is_whole: bool = False
    #: Nothing has changed in Box: `found` are the files that wait, and `known` what is known of them.
    is_unchanged: bool = False
    known: KnownFiles | None = None
    figures: str | None = None

    @classmethod
    def unchanged(cls, waiting: Sequence[tuple[KnownFile, ListedFile]], tempo: Tempo) -> "_Listing":
        """Of a folder that is as the tables say."""
        known = {file.version: file for file, _ in waiting}
        return cls(found=[file for _, file in waiting], tempo=tempo, is_unchanged=True, known=known)

    def is_all_known(self, noted: Sequence[Judgement]) -> bool:
        """Whether the tables hold the whole folder by now; what is left over the next listing brings."""
        is_noted = self.versions is not None and len(noted) == len(self.found)
        return is_noted and all(is_counted(file) for file in self.found if file.is_folder)

    def gone(self, known: KnownFiles, judgements: Sequence[Judgement]) -> set[tuple[BoxId, str]]:
        """What is not there any more; of a folder that was not listed to its end nobody knows."""
        if self.versions is None:
            return set()
        there = {*self.versions} - {file.version for file in self.found}
        return known.keys() - {judgement.file.version for judgement in judgements} - there


def _histories(
    cursor: Cursor, route: FinalsRoute, ids: Iterable[DamId], running: Collection[DamId]
) -> dict[DamId, CampaignHistory]:
    open_rounds = rounds.open_rounds(cursor, route.name, ids)
    ended = unforeseen_errors.failures(cursor, route.name, list(ids))
    return {id_: _history(open_rounds.get(id_), ended.get(id_), is_running=id_ in running) for id_ in ids}


def _history(
    current: rounds.Round | None, ended: unforeseen_errors.Failures | None, *, is_running: bool
) -> CampaignHistory:
    times = [current.since_last_failure_s if current else None, ended.since_last_s if ended else None]
    return CampaignHistory(
        failed_attempts=max(current.failed_attempts if current else 0, ended.number if ended else 0),
        since_last_failure_s=min((one for one in times if one is not None), default=None),
        is_running=is_running,
    )
