"""One look at the agency's folder: sorts every file and says which campaigns have files to move (SPEC 4.1, 4.2)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import Incident
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.planning import CampaignHistory, FinalsPlan, plan_finals
from ferrero_dagster.domain.triage import (
    Judgement,
    KnownFiles,
    KnownMasters,
    ListedFile,
    count_looks,
    is_ignored,
    is_news,
    judge,
    named,
)
from ferrero_dagster.tracking import agency_files, campaigns, finals, masters, outages, rounds, steps
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.finals.completion import tell_ready
from ferrero_dagster.transfer.finals.mails import tell_refused


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsLook:
    """What a look found: campaigns to start now, and a line for each other one."""

    #: With the number of files that are due.
    starts: Mapping[Campaign, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    #: What became of each file; None where Box could not be asked.
    judgements: Sequence[Judgement] | None = None
    set_aside: Sequence[Judgement] = ()

    @property
    def counts(self) -> Counter[str]:
        """Files by state."""
        return Counter(judgement.state for judgement in self.judgements or [])

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

    def look(self, *, running: Collection[DamId]) -> FinalsLook:
        """List the folder, judge every file, write down what changed, mail new refusals, and say what is to start.

        `running` holds the ids of campaigns that have an unfinished run on this route. Costs one call to Box per
        thousand files and about ten statements, however many files there are.
        """
        try:
            found = self._found()
        except Incident as error:
            incidents.note(self.database, error, self.site)
            return FinalsLook(notes=[str(error)])
        known = self.database.transact(agency_files.known_files, self.route.name)
        judgements = self._judged(found, known)
        self.database.transact(self._note, judgements, known)
        self.database.transact(tell_ready, self.site, self.route)
        plan = self.database.transact(self._plan, judgements, known, running)
        notes = [str(skipped) for skipped in plan.skipped]
        return FinalsLook(starts=plan.starts, notes=notes, judgements=judgements, set_aside=plan.set_aside)

    def _found(self) -> list[ListedFile]:
        with self.open_agency() as agency:
            listed = agency.list_files(self.folder_id, subfolders=self.site.agency.include_subfolders)
        is_unfinished = self.site.naming.rules.extensions.is_unfinished
        return [file for file in listed if not is_ignored(file.name) and not is_unfinished(file.name)]

    def _judged(self, found: Sequence[ListedFile], known: KnownFiles) -> list[Judgement]:
        names = named(found, known, self.site.naming.rules)
        ids = {name.tracking_id for name in names.values() if name.tracking_id}
        known_masters = KnownMasters(self.database.transact(masters.known_masters, ids))
        settle_looks = self.site.agency.settle_looks
        return [
            judge(file, names[file.id], known_masters, looks=count_looks(file, before), settle_looks=settle_looks)
            for file, before in ((file, known.get(file.version)) for file in found)
        ]

    def _note(self, cursor: Cursor, judgements: Sequence[Judgement], known: KnownFiles) -> None:
        """Write down what changed; idempotent."""
        outages.note_look(cursor, "Box")
        news = [judgement for judgement in judgements if is_news(judgement, known.get(judgement.file.version))]
        agency_files.save_judgements(cursor, self.route.name, news)
        if gone := known.keys() - {judgement.file.version for judgement in judgements}:
            steps.leave_agency_folder(cursor, self.route.name, gone)
        tell_refused(cursor, self.route, [judgement for judgement in news if judgement.state == "refused"])

    def _plan(
        self, cursor: Cursor, judgements: Sequence[Judgement], known: KnownFiles, running: Collection[DamId]
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
            cap=site.runs_per_tick,
            pauses_minutes=site.retry_pauses_minutes,
        )

    def _complete(self, cursor: Cursor) -> list[DamId]:
        """Campaigns to advance by themselves, and those whose status a run or a person had begun to set."""
        unfinished = rounds.unfinished_advances(cursor, self.route.name)
        if not self.site.agency.advance_when_complete:
            return unfinished
        found = finals.complete_campaigns(cursor, self.site.routes, self.route)
        return [campaign.id for campaign in found] + unfinished


def _histories(
    cursor: Cursor, route: FinalsRoute, ids: Iterable[DamId], running: Collection[DamId]
) -> dict[DamId, CampaignHistory]:
    open_rounds = rounds.open_rounds(cursor, route.name, ids)
    return {id_: _history(open_rounds.get(id_), is_running=id_ in running) for id_ in ids}


def _history(current: rounds.Round | None, *, is_running: bool) -> CampaignHistory:
    return CampaignHistory(
        failed_attempts=current.failed_attempts if current else 0,
        since_last_failure_s=current.since_last_failure_s if current else None,
        is_running=is_running,
    )
