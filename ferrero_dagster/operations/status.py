"""How things stand: what waits, moves or has failed on each route, what was set aside, what is out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.planning import pause_left_s
from ferrero_dagster.domain.words import counted
from ferrero_dagster.operations.audit_findings import MAX_SHOWN, finding_row
from ferrero_dagster.operations.request_months import request_rows
from ferrero_dagster.tracking import (
    agency_files,
    campaigns,
    final_scores,
    finals,
    findings,
    outages,
    outbox,
    overview,
    reds,
    transfers,
    unforeseen_errors,
)
from ferrero_dagster.tracking.agency_files import RefusedFile
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.outages import Outage
from ferrero_dagster.tracking.overview import CampaignState
from ferrero_dagster.tracking.reds import KnownRed
from ferrero_dagster.tracking.transfers import SetAsideFile
from ferrero_dagster.transfer.finals.completion import advance_command, told_masters
from ferrero_dagster.transfer.redelivery import OPERATION as REDELIVERY

Row = dict[str, Any]
_MAX_UNSCORED = 500
_IN_VAIN = (("polls", "look"), ("errors", "error"), ("failed_runs", "run"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Tables by name; each row has the same columns, and values that JSON can hold."""

    campaigns: list[Row]
    #: Campaigns whose every master has a final, and that a person may advance.
    ready: list[Row]
    set_aside_files: list[Row]
    refused_files: list[Row]
    unscored_finals: list[Row]
    messages: list[Row]
    outages: list[Row]
    #: What nobody foresaw or the database refused, of the last week.
    unforeseen_errors: list[Row]
    #: What is red in Dagster: sensors, schedules, daemons, checks.
    reds: list[Row]
    #: What was asked of Box and the DAM this month, with a forecast.
    requests: list[Row]
    #: What audits found and is there still, the oldest first.
    audit_findings: list[Row]

    @property
    def ready_in_words(self) -> list[dict[str, str]]:
        """What of the campaigns that may be advanced fits on a screen."""
        return [
            {
                "campaign": f"{row['number']} {row['name']}".strip(),
                "status": f"{row['status']}, then {row['next_status']}",
                "arrived": "; ".join(row["arrived"]),
                "how to advance": row["advance"],
            }
            for row in self.ready
        ]

    @property
    def campaigns_in_words(self) -> list[dict[str, str]]:
        """What of the campaigns fits on a screen."""
        return [_in_words(row) for row in self.campaigns]


def read_status(database: Database, site: Site) -> Status:
    """Read it in one transaction, so that the tables fit together; changes nothing."""
    pauses_minutes = site.campaigns.retry_pauses_minutes

    def work(cursor: Cursor) -> Status:
        return Status(
            campaigns=[row for route in site.routes.masters for row in _campaigns(cursor, route, pauses_minutes)],
            ready=[row for route in site.routes.finals for row in _ready(cursor, site, route)],
            set_aside_files=[_set_aside_file(file) for file in transfers.set_aside_files(cursor)],
            refused_files=[_refused_file(file) for file in agency_files.refused_files(cursor)],
            unscored_finals=[
                {**asdict(final), "since": _told(final.since)}
                for final in final_scores.unscored(cursor, days=site.creativex.late_days, limit=_MAX_UNSCORED)
            ],
            messages=[
                {**asdict(message), "created_at": _told(message.created_at)}
                for message in outbox.unsent_messages(cursor)
            ],
            unforeseen_errors=[
                {**asdict(error), "first_at": _told(error.first_at), "last_at": _told(error.last_at)}
                for error in unforeseen_errors.recent(cursor)
            ],
            outages=[_outage(outage) for outage in outages.open_outages(cursor)],
            requests=request_rows(cursor, site, datetime.now(timezone.utc)),
            reds=[_red(red) for red in reds.open_reds(cursor)],
            audit_findings=[finding_row(one) for one in findings.open_findings(cursor, limit=MAX_SHOWN)],
        )

    return database.transact(work)


def _ready(cursor: Cursor, site: Site, route: FinalsRoute) -> Iterator[Row]:
    ids = [complete.id for complete in finals.complete_campaigns(cursor, site.routes, route)]
    masters = finals.awaited_masters(cursor, site.routes, route, ids)
    for campaign in campaigns.known(cursor, ids):
        told = told_masters(site, [master for master in masters if master.campaign_id == campaign.id])
        if change := route.change_from(campaign.status):
            yield {
                "route": route.name,
                "number": campaign.number,
                "name": campaign.name,
                "id": campaign.id,
                "status": change.before,
                "next_status": change.after,
                "masters": len(told),
                "finals": sum(master.finals for master in told),
                "arrived": [str(master) for master in told],
                "advance": advance_command(campaign.id),
            }


def _set_aside_file(file: SetAsideFile) -> Row:
    return {
        "route": file.route,
        "file": file.source_name,
        "tracking_id": file.tracking_id,
        "attempts": file.attempts,
        "reason": file.last_error,
    }


def _refused_file(file: RefusedFile) -> Row:
    problems = [problem.component for problem in file.problems]
    return {"file": file.name, "reason": file.reason, "since": _told(file.refused_at), "problems": problems}


def _outage(outage: Outage) -> Row:
    values = {"failures": outage.failures, "message": outage.message}
    return {"system": outage.system, "since": _told(outage.began_at), **values}


def _red(red: KnownRed) -> Row:
    return {"what": red.name, "since": _told(red.began_at), "failures": red.times, "message": red.message}


def _told(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _campaigns(cursor: Cursor, route: MastersRoute, pauses_minutes: Sequence[float]) -> list[Row]:
    states = overview.campaign_states(cursor, route.name, route.column_prefix, route.status_before)
    return [
        {
            "route": route.name,
            "number": state.number,
            "name": state.name,
            "id": state.id,
            "state": _word(state),
            "moved": state.moved_files,
            "open": state.open_files,
            "polls": state.retry_count,
            "errors": state.error_count,
            "failed_runs": state.failed_attempts,
            "next_attempt_in_s": _next_attempt_in_s(state, pauses_minutes),
            "reason": state.failure_reason if state.error_count else state.last_file_error,
        }
        for state in states
    ]


def _in_words(row: Row) -> dict[str, str]:
    seconds = row["next_attempt_in_s"]
    return {
        "route": row["route"],
        "campaign": f"{row['number'] or ''} {row['name'] or row['id']}".strip(),
        "state": row["state"],
        "files": f"{row['moved']} moved, {row['open']} open",
        "in vain": ", ".join(counted(row[key], noun) for key, noun in _IN_VAIN if row[key]),
        "next attempt": "" if seconds is None else f"in {seconds} s" if seconds else "at the next look",
        "reason": row["reason"] or "",
    }


def _word(state: CampaignState) -> str:
    if state.permanently_failed:
        return "permanently failed"
    if state.is_moving:
        return "moving"
    if state.is_redelivery:
        return f"not delivered again yet: run {REDELIVERY}"
    if state.error_count or state.failed_attempts:
        return "retrying"
    return "waiting for assets" if state.retry_count else "waiting for the sensor"


def _next_attempt_in_s(state: CampaignState, pauses_minutes: Sequence[float]) -> int | None:
    """Seconds until the next attempt, 0 for the next look; None where there is none, or one is under way."""
    if state.permanently_failed or state.is_moving or state.is_redelivery:
        return None
    after_error_s = pause_left_s(state.error_count, state.since_last_error_s, pauses_minutes)
    after_failure_s = pause_left_s(state.failed_attempts, state.since_last_failure_s, pauses_minutes)
    return round(max(after_error_s, after_failure_s))
