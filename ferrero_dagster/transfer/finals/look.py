"""One look at the agency's folder: sorts every file and says which campaigns have files to move (SPEC 4.1, 4.2)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import Incident
from ferrero_dagster.domain.filenames import NameProblem, NameProblems
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.planning import pause_left_s
from ferrero_dagster.domain.triage import (
    Judgement,
    KnownFile,
    ListedFile,
    fits_current_rules,
    is_ignored,
    judge,
    parsed,
)
from ferrero_dagster.messages.facts import CampaignRef
from ferrero_dagster.messages.refusals import refusal
from ferrero_dagster.tracking import agency_files, campaigns, finals, masters, outages, outbox, rounds, steps
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import incidents


@dataclass(slots=True)
class AgencyLook:
    """What a look found; `judgements` is None where Box could not be asked."""

    #: Campaigns to start a run for, with the number of files that are due.
    starts: dict[Campaign, int] = field(default_factory=dict)
    judgements: list[Judgement] | None = None
    set_aside: list[Judgement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """Files by state."""
        return Counter(judgement.state for judgement in self.judgements or [])

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {state}" for state, number in sorted(self.counts.items()))
        files = [f"Files: {counts or 'none'}{f', {len(self.set_aside)} of them set aside' if self.set_aside else ''}."]
        starts = [f"{campaign}: starts, {number} files are due" for campaign, number in self.starts.items()]
        return "\n".join(([] if self.judgements is None else files) + starts + self.notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class AgencyLooker:
    """What a look needs."""

    #: Opens the agency's folder; where Box refuses us or is out, that is reported like any other incident.
    open_agency: Callable[[], AbstractContextManager[BoxAgency]]
    route: FinalsRoute
    folder_id: str
    database: Database
    site: Site

    def look(self, *, running: Collection[str]) -> AgencyLook:
        """List the folder, judge every file, write down what changed, mail new refusals.

        `running` holds the campaigns that have an unfinished run. Costs one call to Box per thousand files and about
        ten statements, however many files there are.
        """
        site = self.site.agency
        try:
            with self.open_agency() as agency:
                listed = agency.list_files(self.folder_id, subfolders=site.include_subfolders)
        except Incident as error:
            incidents.report(self.database, error, self.site)
            return AgencyLook(notes=[str(error)])
        files = [file for file in listed if not is_ignored(file.name)]
        known = self.database.transact(agency_files.known_files, self.route.name)
        judgements = self._judge(files, known)
        finished = self.database.transact(self._write, judgements, known)
        look = AgencyLook(judgements=judgements)
        due = self._due(judgements, known, look)
        self._start(dict.fromkeys(finished, 0) | due, look, running)
        return look

    def _start(self, due: dict[str, int], look: AgencyLook, running: Collection[str]) -> None:
        site = self.site.agency
        hold = self.database.transact(incidents.hold, site.retry_pauses_minutes)
        known = self.database.transact(rounds.open_rounds, self.route.name, due)
        # Also a campaign that could not even be read, which no file of it tells.
        pausing = {id_ for id_, one in known.items() if not self._is_due(one.failed_attempts, one.since_last_failure_s)}
        for campaign in self.database.transact(campaigns.known, due):
            if campaign.id in running or hold:
                look.notes.append(f"{campaign}: {hold or 'a run is under way'}")
            elif campaign.id in pausing:
                look.notes.append(f"{campaign}: waits for its next attempt")
            elif len(look.starts) == site.runs_per_tick:
                look.notes.append(f"{campaign}: waits for the next look")
            else:
                look.starts[campaign] = due[campaign.id]

    def _judge(self, files: list[ListedFile], known: dict[tuple[str, str], KnownFile]) -> list[Judgement]:
        rules = self.site.naming
        to_parse = [
            file
            for file in files
            if not _problems(known.get((file.id, file.etag))) or fits_current_rules(file.name, rules)
        ]
        names = parsed(to_parse, rules)
        ids = {name.tracking_id for name in names.values() if name.tracking_id}
        known_masters = self.database.transact(masters.known_masters, ids)
        return [
            judge(
                file, names.get(file.id) or _remembered(file, known), known_masters,
                looks=_looks(file, known), settle_looks=self.site.agency.settle_looks,
            )
            for file in files
        ]  # fmt: skip

    def _write(self, cursor: Cursor, judgements: list[Judgement], known: dict[tuple[str, str], KnownFile]) -> list[str]:
        """Write down what changed; returns the campaigns that are complete but not advanced yet."""
        changed = [(j, _looks(j.file, known)) for j in judgements if _is_news(j, known)]
        agency_files.save_judgements(cursor, self.route.name, changed)
        if gone := set(known) - {(j.file.id, j.file.etag) for j in judgements}:
            steps.leave_agency_folder(cursor, self.route.name, gone)
        self._mail_refusals(cursor, [j for j, _ in changed if j.state == "refused"])
        outages.note_look(cursor, "Box")
        return self._finished(cursor) if self.site.agency.advance_when_complete else []

    def _mail_refusals(self, cursor: Cursor, refused: list[Judgement]) -> None:
        ids = {j.campaign_id for j in refused if j.campaign_id}
        found = campaigns.known(cursor, ids) if ids else []
        refs = {campaign.id: CampaignRef.model_validate(campaign) for campaign in found}
        facts = [(refusal(j, refs.get(j.campaign_id or "")), j.file) for j in refused]
        outbox.add_mails(cursor, {f"mail:{fact.template}:{file.id}:{file.etag}": fact for fact, file in facts})

    def _finished(self, cursor: Cursor) -> list[str]:
        name = self.route.name
        finished = finals.complete_campaigns(cursor, self.route) + rounds.unfinished_advances(cursor, name)
        open_rounds = rounds.open_rounds(cursor, name, finished) if finished else {}
        return [
            campaign_id
            for campaign_id in finished
            if (known := open_rounds.get(campaign_id)) is None
            or self._is_due(known.failed_attempts, known.since_last_failure_s)
        ]

    def _due(
        self, judgements: list[Judgement], known: dict[tuple[str, str], KnownFile], look: AgencyLook
    ) -> dict[str, int]:
        due: dict[str, int] = defaultdict(int)
        for judgement in judgements:
            if judgement.state != "ready" or judgement.campaign_id is None:
                continue
            before = known.get((judgement.file.id, judgement.file.etag))
            if before and before.transfer_state == "set_aside":
                look.set_aside.append(judgement)
            elif not before or self._is_due(before.failures, before.since_last_attempt_s):
                due[judgement.campaign_id] += 1
        return due

    def _is_due(self, failures: int, since_last_s: float | None) -> bool:
        return not pause_left_s(failures, since_last_s, self.site.agency.retry_pauses_minutes)


def _looks(file: ListedFile, known: dict[tuple[str, str], KnownFile]) -> int:
    before = known.get((file.id, file.etag))
    return before.looks + 1 if before and before.size_bytes == file.size_bytes else 1


def _problems(before: KnownFile | None) -> list[dict[str, object]] | None:
    return before.problems if before else None


def _remembered(file: ListedFile, known: dict[tuple[str, str], KnownFile]) -> NameProblems:
    problems = known[file.id, file.etag].problems or []
    return NameProblems(name=file.name, problems=tuple(NameProblem(**problem) for problem in problems))


def _is_news(judgement: Judgement, known: dict[tuple[str, str], KnownFile]) -> bool:
    before = known.get((judgement.file.id, judgement.file.etag))
    if before is None or before.state != judgement.state or before.size_bytes != judgement.file.size_bytes:
        return True
    # What CreativeX says may come after the file; for a file about to be moved it is kept up to date.
    return judgement.state in {"settling", "ready"} and before.transfer_state is None
