"""The weekly digest of campaigns that do not move (A1_RETRY_LOGIC, automatic cleanup)."""

from collections.abc import Iterator
from datetime import datetime
from typing import get_args

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site, Weekday
from ferrero_dagster.messages.facts import CampaignRef, StuckCampaign, StuckDigest
from ferrero_dagster.tracking import outbox, overview
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.overview import CampaignState

_FROM_HOUR = 7


def write_digest(cursor: Cursor, site: Site, now: datetime) -> int | None:
    """Write the digest from the site's weekday, 7:00, on, once per ISO week; the number of stuck campaigns in it.

    None where it is not due, written already, or switched off.
    """
    local, weekday = now.astimezone(site.zone), site.campaigns.digest_weekday
    if weekday is None or (local.weekday(), local.hour) < (get_args(Weekday).index(weekday), _FROM_HOUR):
        return None
    stuck = tuple(campaign for route in site.routes.masters for campaign in _stuck(cursor, route, site))
    fact = StuckDigest(campaigns=stuck)
    year, week, _ = local.isocalendar()
    is_new = outbox.add(cursor, fact, f"{fact.template}:{year}-W{week:02}")
    return len(stuck) if is_new else None


def _stuck(cursor: Cursor, route: MastersRoute, site: Site) -> Iterator[StuckCampaign]:
    for state in overview.campaign_states(cursor, route.name, route.column_prefix, route.status_before):
        is_empty_long = state.retry_count >= site.campaigns.empty_polls_before_warning
        if state.permanently_failed or state.error_count or state.failed_attempts or is_empty_long:
            yield _row(state)


def _row(state: CampaignState) -> StuckCampaign:
    return StuckCampaign(
        campaign=CampaignRef(id=state.id, number=state.number, name=state.name or state.id),
        status=state.status or "",
        since=state.stuck_since,
        attempts=max(state.retry_count, state.failed_attempts),
        permanently_failed=state.permanently_failed,
        reason=state.failure_reason or state.last_file_error,
    )
