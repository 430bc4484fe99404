"""The check `no_overdue_campaigns` on the campaigns in the DAM: who has been in a status for too long."""

from collections.abc import Collection, Sequence

import dagster as dg

from ferrero_dagster.config.routes import MastersRoute, Routes
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.markdown import cell, link, markdown_table
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.tracking.ageing import OverdueCampaign, overdue_campaigns
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.finals import complete_campaigns

#: Name of the check; the daily report tells each campaign that it fails for.
OVERDUE_CHECK = "no_overdue_campaigns"


def build_ageing_checks(routes: Sequence[MastersRoute]) -> list[dg.AssetChecksDefinition]:
    """One check for each asset that campaigns come from."""
    return [_build_check(source, routes) for source in dict.fromkeys(route.source_asset for route in routes)]


def overdue_check(
    overdue: Sequence[OverdueCampaign], links: Links, *, ready: Collection[DamId] = ()
) -> dg.AssetCheckResult:
    """The result with one row per campaign, the worst first; those that are `ready` wait to be advanced by a person."""
    rows = [
        (
            link(campaign.name or campaign.campaign_id, links.folder(campaign.campaign_id)),
            cell(campaign.number or ""), cell(campaign.status), f"{campaign.days:.1f}", f"{campaign.max_days:g}",
            "every master has a final: advance_campaigns" if campaign.campaign_id in ready else "see what holds it up",
        )
        for campaign in overdue
    ]  # fmt: skip
    return dg.AssetCheckResult(
        passed=not overdue,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "overdue campaigns": dg.MetadataValue.int(len(rows)),
            "campaigns": dg.MetadataValue.md(
                markdown_table(("campaign", "number", "status", "days", "expected at most", "what to do"), rows)
            ),
        },
    )


def _build_check(source: tuple[str, str], routes: Sequence[MastersRoute]) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(source),
        name=OVERDUE_CHECK,
        description=(
            "Fails while a campaign has been in its status for longer than the site configuration expects "
            "(max_days_in_status): somebody must see what holds it up, or advance it where all its finals are there."
        ),
    )
    def no_overdue_campaigns(tracking: TrackingResource) -> dg.AssetCheckResult:
        searched = [route.status_before for route in routes]
        with as_failures(), tracking.database() as database:
            max_days = tracking.site.campaigns.max_days_in_status
            overdue = database.transact(overdue_campaigns, max_days, searched)
            ready = database.transact(_ready, tracking.site.routes)
        return overdue_check([c for c in overdue if _source(c, routes) == source], tracking.links, ready=ready)

    return no_overdue_campaigns


def _ready(cursor: Cursor, routes: Routes) -> set[DamId]:
    return {done.id for route in routes.finals for done in complete_campaigns(cursor, routes, route)}


def _source(campaign: OverdueCampaign, routes: Sequence[MastersRoute]) -> tuple[str, str]:
    """The asset that the campaign belongs to: by its type, or by its status where the cron scripts left no type."""
    by_type = [route for route in routes if route.campaign_type == campaign.type]
    by_status = [route for route in routes if campaign.status in {route.status_before, route.status_after}]
    return (by_type or by_status or routes)[0].source_asset
