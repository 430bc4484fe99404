"""What puts itself right from time to time in the tracking database, for the job `reconcile` and the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timezone

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.words import counted
from ferrero_dagster.operations.campaign_resets import CampaignSelection, reset_campaign_retries
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.request_months import warn_of_month
from ferrero_dagster.operations.stuck_digest import write_digest
from ferrero_dagster.tracking import campaigns, file_events, request_counts, scores, upload_sessions
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.campaign.sightings import reread
from ferrero_dagster.transfer.finals.late_scores import LateScores
from ferrero_dagster.transfer.unforeseen import Turn, ended

_MAX_REREAD = 50
_MAX_LATE_SCORES = 100
_MAX_UPLOADS = 100
_MAX_FORGOTTEN = 50_000
_MONTHS_COUNTED = 13
Row = dict[str, str]


def put_right(
    database: Database,
    site: Site,
    open_dam: Callable[[], AbstractContextManager[Otmm]],
    open_box: Callable[[], AbstractContextManager[tuple[Box, BoxAgency]]],
    request: Request,
    *,
    warn: Callable[[str], None],
) -> list[Row]:
    """Release old failures, read campaigns again, bring late scores, write digest and warning; a row for what was done.

    Idempotent. Where DAM or Box cannot be reached, or a step ends with an error that nobody foresaw, `warn` is told,
    and the rest is done.

    Raises:
        FerreroError: PostgreSQL cannot be used.
    """
    steps: dict[str, Callable[[], list[Row]]] = {
        "releasing old failures": lambda: _release_old_failures(database, site, request),
        "reading campaigns again": lambda: _reread_campaigns(database, site, open_dam, warn),
        "bringing late scores": lambda: _bring_late_scores(database, site, open_dam, warn),
        "writing the digest": lambda: _write_digest(database, site),
        "ending uploads": lambda: _end_uploads(database, site, open_box, warn),
        "counting the month's requests": lambda: _warn_of_month(database, site),
        "forgetting old events": lambda: _forget_events(database, site),
    }
    rows: list[Row] = []
    for name, step in steps.items():
        with ended(database, Turn(name=name, run_id=request.run_id), warn):
            rows += step()
    return rows


def row(what: str, about: str) -> Row:
    """A line of the table of what was done."""
    return {"what": what, "about": about}


def _release_old_failures(database: Database, site: Site, request: Request) -> list[Row]:
    days = site.campaigns.release_failed_after_days
    if days is None:
        return []
    selection = CampaignSelection(all_failed=True, failed_for_days=days)
    outcome = reset_campaign_retries(database, site, selection, request)
    return [row("campaign released", change.target) for change in outcome.changes]


def _reread_campaigns(
    database: Database,
    site: Site,
    open_dam: Callable[[], AbstractContextManager[Otmm]],
    warn: Callable[[str], None],
) -> list[Row]:
    """Campaigns in a status that has a time limit, which a person may have moved on unseen by any sensor."""
    statuses = {*site.routes.with_agency, *site.campaigns.max_days_in_status}
    known = database.transact(campaigns.in_status, statuses, limit=_MAX_REREAD)
    if not known:
        return []
    try:
        with open_dam() as dam:
            return [row("campaign moved on", line) for line in reread(dam, database, site, known)]
    except FerreroError as error:
        warn(f"Campaigns could not be read again: {error}")
        return []


def _bring_late_scores(
    database: Database,
    site: Site,
    open_dam: Callable[[], AbstractContextManager[Otmm]],
    warn: Callable[[str], None],
) -> list[Row]:
    late, problem = database.transact(scores.late_scores, site.creativex, _MAX_LATE_SCORES)
    if problem:
        warn(problem)
    rows: list[Row] = []
    try:
        if late:
            with open_dam() as dam:
                # What was done before an error is told.
                rows.extend(row("late score", line) for line in LateScores(dam, database, site).bring(late))
    except FerreroError as error:
        warn(f"Late scores could not be brought into the DAM: {error}")
    return rows


def _write_digest(database: Database, site: Site) -> list[Row]:
    stuck = database.transact(write_digest, site, datetime.now(timezone.utc))
    return [] if stuck is None else [row("digest written", f"{stuck} stuck campaigns")]


def _end_uploads(
    database: Database,
    site: Site,
    open_box: Callable[[], AbstractContextManager[tuple[Box, BoxAgency]]],
    warn: Callable[[str], None],
) -> list[Row]:
    """Uploads in parts that nobody goes on with; Box would keep what has arrived for seven days."""
    left = database.transact(upload_sessions.abandoned, hours=site.box.keep_uploads_hours, limit=_MAX_UPLOADS)
    rows: list[Row] = []
    try:
        if left:
            with open_box() as (box, _):
                for session_id in left:
                    box.forget_upload(session_id)
                    database.transact(upload_sessions.forget, session_id)
                    rows.append(row("upload given up", session_id))
    except FerreroError as error:
        warn(f"Uploads that nobody goes on with could not be ended: {error}")
    return rows


def _warn_of_month(database: Database, site: Site) -> list[Row]:
    is_told = database.transact(warn_of_month, site, datetime.now(timezone.utc))
    database.transact(request_counts.forget_before_months, _MONTHS_COUNTED)
    return [row("mail written", "most of the month's Box calls are used")] if is_told else []


def _forget_events(database: Database, site: Site) -> list[Row]:
    days = site.custody.keep_days
    count = database.transact(file_events.forget_before, days, most=_MAX_FORGOTTEN) if days else 0
    return [row("old events forgotten", counted(count, "event"))] if count else []
