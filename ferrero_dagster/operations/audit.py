"""The audit: what the tables say against what Box and the DAM show, a campaign at a time; it repairs nothing."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ferrero_dagster.domain.audit import Finding
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.words import counted
from ferrero_dagster.operations.audit_findings import MAX_SHOWN, finding_row
from ferrero_dagster.operations.campaign_resets import find_campaigns
from ferrero_dagster.tracking import audit_passes, audited, discrepancies, findings
from ferrero_dagster.tracking.audit_passes import AuditPass
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.findings import FindingCounts, KnownFinding
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.finals.audit import FinalsAudit
from ferrero_dagster.transfer.masters.audit import MastersAudit
from ferrero_dagster.transfer.pace import Pace
from ferrero_dagster.transfer.systems import Systems

LOCK = "audit"
_BATCH = 1000
_TABLES, _MASTERS, _FINALS = "tables", "masters", "finals"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditOutcome:
    """What a start of the audit did; `is_finished`: everything has been looked at."""

    is_finished: bool
    calls: int
    counts: FindingCounts
    #: The oldest that are there.
    found: tuple[KnownFinding, ...]

    def __str__(self) -> str:
        end = "" if self.is_finished else " It stopped after its time; the next start goes on from there."
        counts = self.counts
        return (
            f"{counted(counts.open, 'finding')}, {counts.new:,} of them new, {counts.gone:,} gone; "
            f"{counted(self.calls, 'call')}.{end}"
        )

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        told = {"finished": self.is_finished, "calls": self.calls, **asdict(self.counts)}
        return told | {"findings": [finding_row(one) for one in self.found]}


def campaign_called(cursor: Cursor, word: str) -> DamId:
    """The campaign of this number, name, id or partition.

    Raises:
        OperationRefused: there is none, or several.
    """
    found = find_campaigns(cursor, [word])
    if not found:
        raise OperationRefused("Name the campaign by its number, name or id.")
    return found[0].id


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """What one step found; the next one goes on `after` this, or in the next phase."""

    findings: Collection[Finding]
    #: The campaign that could not be looked at, or not in full.
    unseen: DamId | None = None
    after: str | None


#: All has been looked at.
_NOTHING_MORE = _Batch(findings=(), after=None)


@dataclass(kw_only=True)
class Audit:
    """One start of the audit, of everything or of one campaign."""

    systems: Systems
    log: Callable[[str], None]
    campaign_id: DamId | None = None

    def run(self) -> AuditOutcome:
        """Go on where the last start stopped, or begin; each step is written down as it ends.

        Raises:
            OperationRefused: another audit is under way.
            Incident: Box, the DAM or PostgreSQL cannot be used; it is written down as an outage.
        """
        database = self.systems.database
        with database.lock(LOCK) as lock:
            if lock is None:
                raise OperationRefused("Another audit is under way; wait until it has ended.")
            # Not as a run's: a look that succeeds proves that the system is there again.
            with incidents.noted(database, self.systems.site):
                current = database.transact(audit_passes.begin, self.campaign_id, phase=self._phases[0])
                is_finished = self._go_on(current)
            return database.transact(self._outcome, current.started_at, is_finished=is_finished)

    def _outcome(self, cursor: Cursor, since: datetime, *, is_finished: bool) -> AuditOutcome:
        return AuditOutcome(
            is_finished=is_finished,
            calls=self._pace.calls,
            counts=findings.count(cursor, since, self.campaign_id),
            found=tuple(findings.open_findings(cursor, limit=MAX_SHOWN, campaign_id=self.campaign_id)),
        )

    @cached_property
    def _pace(self) -> Pace:
        site = self.systems.site.audit
        return Pace(calls_per_minute=site.calls_per_minute, max_minutes=site.max_minutes)

    @cached_property
    def _phases(self) -> list[str]:
        routes = [*(route.name for route in self.systems.site.routes.masters), audited.OF_CRON_SCRIPTS]
        tables = [f"{_TABLES}: {kind}" for kind in discrepancies.KINDS]
        return [*tables, *(f"{_MASTERS}: {route}" for route in routes), _FINALS]

    def _go_on(self, current: AuditPass) -> bool:
        """Step by step to the end, or until the time is over; whether it is the end."""
        # A phase that is unknown is of other routes or another version: all is looked at anew.
        is_known = current.phase in self._phases
        phase, after = (current.phase, current.after) if is_known else (self._phases[0], "")
        while True:
            batch = self._step(phase, after)
            place = self.systems.database.transact(self._save, current, phase, batch)
            if place is None or self._pace.is_over:
                return place is None
            if place[0] != phase:
                self.log(f"Audit: {phase} looked at, {counted(self._pace.calls, 'call')} so far.")
            phase, after = place

    def _save(self, cursor: Cursor, current: AuditPass, phase: str, batch: _Batch) -> tuple[str, str] | None:
        """The findings of a step and where the next goes on, in one transaction; None at the end."""
        findings.note_found(cursor, current.id, batch.findings)
        if batch.unseen:
            findings.leave(cursor, current.id, batch.unseen)
        rest = self._phases[self._phases.index(phase) + 1 :]
        place = (phase, batch.after) if batch.after is not None else (rest[0], "") if rest else None
        if place:
            calls = current.calls + self._pace.calls
            audit_passes.note_progress(cursor, current.id, phase=place[0], after=place[1], calls=calls)
        else:
            findings.note_gone(cursor, current.id, self.campaign_id)
            audit_passes.finish(cursor, current.id)
        return place

    def _step(self, phase: str, after: str) -> _Batch:
        part, _, which = phase.partition(": ")
        if part == _TABLES:
            return self.systems.database.transact(self._compare_tables, which, after)
        campaign_id = self.systems.database.transact(self._next_campaign, part, which, after)
        if campaign_id is None:
            return _NOTHING_MORE
        is_of_masters = part == _MASTERS
        looked = self._masters.look(which, campaign_id) if is_of_masters else self._finals.look(campaign_id)
        unseen = None if looked.is_whole else campaign_id
        return _Batch(findings=looked.findings, unseen=unseen, after=campaign_id)

    @cached_property
    def _masters(self) -> MastersAudit:
        return MastersAudit(systems=self.systems, pace=self._pace, log=self.log)

    @cached_property
    def _finals(self) -> FinalsAudit:
        return FinalsAudit(systems=self.systems, pace=self._pace, log=self.log)

    def _compare_tables(self, cursor: Cursor, kind: str, after: str) -> _Batch:
        site = self.systems.site
        found = discrepancies.contradictions(
            cursor, site.routes, kind, after=after, limit=_BATCH, stuck_hours=site.audit.stuck_after_hours,
            campaign_id=self.campaign_id,
        )  # fmt: skip
        return _Batch(findings=found, after=found[-1].about if len(found) == _BATCH else None)

    def _next_campaign(self, cursor: Cursor, part: str, route: str, after: str) -> DamId | None:
        if self.campaign_id:
            return None if after else self.campaign_id
        if part == _FINALS:
            return audited.next_campaign_with_finals(cursor, after, days=self.systems.site.audit.only_days)
        return audited.next_campaign(cursor, route, after, days=self.systems.site.audit.only_days)
