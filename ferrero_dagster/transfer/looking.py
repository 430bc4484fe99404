"""One look for campaigns to move: what a sensor's tick does, without Dagster (SPEC 3.1-3.3)."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_session import NotFoundError
from ferrero_dagster.domain.errors import CampaignError, FerreroError
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.planning import CampaignHistory, due_campaigns
from ferrero_dagster.routes import Route
from ferrero_dagster.site import Site
from ferrero_dagster.tracking import campaigns, outages, rounds
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import incidents
from ferrero_dagster.transfer.incidents import INCIDENTS
from ferrero_dagster.transfer.masters import find_folders
from ferrero_dagster.transfer.outcomes import count_empty_poll


@dataclass(slots=True)
class Look:
    """What a look found: campaigns to start now, and a line for each other one."""

    starts: list[Campaign] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Campaigns found in the route's status and type; None where the DAM could not be asked.
    found: list[Campaign] | None = None

    def __str__(self) -> str:
        starts = [f"{campaign}: starts" for campaign in self.starts]
        return "\n".join(starts + self.notes) or "No campaign is waiting."


@dataclass(frozen=True, kw_only=True, slots=True)
class Looker:
    """What a look needs; `deadline_s` keeps it inside a sensor's time limit, the rest waits for the next look."""

    dam: Otmm
    database: Database
    site: Site
    links: Links
    interval_s: float
    deadline_s: float = 40

    def look(self, route: Route, *, running: Collection[str]) -> Look:
        """Find the campaigns of a route that are to start; counts polls of empty folders.

        `running` holds the ids of campaigns that have an unfinished run on this route. Where DAM or PostgreSQL cannot
        be used, the look says so instead, and the error list hears of it once.
        """
        look = Look()
        patience = self.site.campaigns.outage_mail_after_failures
        try:
            self._look(route, running, look)
        except FerreroError as error:
            incidents.report(self.database, error, mail_after_failures=patience, asked="DAM")
            look.notes.append(str(error))
        return look

    def _look(self, route: Route, running: Collection[str], look: Look) -> None:
        ends = time.monotonic() + self.deadline_s
        look.found = self.dam.search_campaigns(status=route.status_before, campaign_type=route.campaign_type)
        resumed = self._unfinished(route, {campaign.id for campaign in look.found})
        pauses = self.site.campaigns.retry_pauses_minutes
        histories = self._histories(route, look.found, resumed, running)
        hold = self.database.transact(lambda cursor: incidents.hold(cursor, pauses))
        due, skipped = due_campaigns(resumed + look.found, histories, pauses)
        look.notes += [f"{skip.campaign}: {skip.reason}" for skip in skipped]
        for campaign in due:
            if len(look.starts) == self.site.campaigns.per_tick or time.monotonic() > ends:
                look.notes.append(f"{campaign}: waits for the next look")
            elif reason := (None if campaign in resumed else self._why_not(route, campaign)) or hold:
                look.notes.append(f"{campaign}: {reason}")
            else:
                look.starts.append(campaign)

    def _unfinished(self, route: Route, found_ids: Collection[str]) -> list[Campaign]:
        """Campaigns whose status a run had begun to set when it died: the search may not find them any more."""
        ids = self.database.transact(lambda cursor: rounds.unfinished_advances(cursor, route.name))
        return [self._read(campaign_id) for campaign_id in ids if campaign_id not in found_ids]

    def _read(self, campaign_id: str) -> Campaign:
        try:
            return self.dam.campaign(campaign_id)
        except NotFoundError:
            return Campaign(id=campaign_id, number="", name=f"{campaign_id} (deleted)", status="", type="")

    def _histories(
        self, route: Route, found: list[Campaign], resumed: list[Campaign], running: Collection[str]
    ) -> dict[str, CampaignHistory]:
        ids = [campaign.id for campaign in found + resumed]

        def work(cursor: Cursor) -> dict[str, CampaignHistory]:
            outages.note_success(cursor, "DAM")
            for campaign in found:
                campaigns.note_seen(cursor, campaign)
            patience = campaigns.patience(cursor, route.column_prefix, ids)
            open_rounds = rounds.open_rounds(cursor, route.name, ids)
            return {
                id_: _history(patience.get(id_, campaigns.Patience()), open_rounds.get(id_), is_running=id_ in running)
                for id_ in ids
            }

        return self.database.transact(work)

    def _why_not(self, route: Route, campaign: Campaign) -> str | None:
        """Why the campaign does not start; None if it does. The index may lag, so the folder itself is asked."""
        try:
            now = self.dam.campaign(campaign.id)
            if (now.status, now.type) != (route.status_before, route.campaign_type):
                return f"is {now.type or 'without type'} in {now.status or 'no status'} by now"
            has_assets = self.dam.has_assets(find_folders(self.dam, route, campaign.id)[0])
        except CampaignError:
            return None  # its run fails, says why, and counts the strike
        except INCIDENTS:
            raise
        except FerreroError as error:
            return str(error)
        return None if has_assets else self._count_empty(route, campaign)

    def _count_empty(self, route: Route, campaign: Campaign) -> str:
        polls = self.database.transact(
            lambda cursor: count_empty_poll(cursor, route, campaign, self.site, self.links, interval_s=self.interval_s)
        )
        return f"No master assets yet (poll {polls}) - skipping until assets appear"


def _history(patience: campaigns.Patience, current: rounds.Round | None, *, is_running: bool) -> CampaignHistory:
    return CampaignHistory(
        permanently_failed=patience.permanently_failed,
        failure_reason=patience.failure_reason,
        strikes=patience.error_count,
        since_last_retry_s=patience.since_last_retry_s,
        failed_attempts=current.failed_attempts if current else 0,
        since_last_failure_s=current.since_last_failure_s if current else None,
        is_running=is_running,
    )
