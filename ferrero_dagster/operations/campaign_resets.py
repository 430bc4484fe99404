"""Second chances for campaigns: their counters are reset, one, several or all that were given up (SPEC 3.8)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.operations.changes import Change, Outcome, Request, Values, carry_out
from ferrero_dagster.tracking import campaigns, rounds
from ferrero_dagster.tracking.database import Cursor, Database

OPERATION = "reset_campaign_retries"
_CLEAN: Values = {
    "polls in vain": 0,
    "errors": 0,
    "permanently failed": False,
    "reason": None,
    "failed runs": 0,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignSelection:
    """Campaigns by id, number, name or partition, or all that are permanently failed, for at least so many days."""

    names: Sequence[str] = ()
    all_failed: bool = False
    failed_for_days: float = 0
    #: Name of a route; None for all of them.
    route: str | None = None


def reset_campaign_retries(database: Database, site: Site, selection: CampaignSelection, request: Request) -> Outcome:
    """Give the selected campaigns a clean slate and let their next attempt start at once; idempotent.

    Raises:
        OperationRefused: nothing is selected, or something unknown or ambiguous; nothing was changed.
    """

    def plan(cursor: Cursor) -> Iterator[Change]:
        routes = _routes(site, selection)
        named = find_campaigns(cursor, selection.names)
        if not named and not selection.all_failed:
            raise OperationRefused(
                "No campaign is selected; name some by id, number or name, or choose all failed ones."
            )
        for route in routes:
            failed = campaigns.permanently_failed(cursor, route.column_prefix, for_days=selection.failed_for_days)
            yield from _changes(cursor, route, failed if selection.all_failed else named)

    return carry_out(database, OPERATION, request, plan)


def find_campaigns(cursor: Cursor, names: Iterable[str]) -> list[Campaign]:
    """The campaigns that are called so.

    Raises:
        OperationRefused: some are unknown or ambiguous; the sentence names them all.
    """
    words = {name.strip(): None for name in names if name.strip()}
    found = {word: campaigns.called(cursor, word) for word in words}
    problems = [_problem(word, those) for word, those in found.items() if len(those) != 1]
    if problems:
        raise OperationRefused(f"{'; '.join(problems)}. Nothing was changed.")
    return list({campaign.id: campaign for [campaign] in found.values()}.values())


def _problem(word: str, found: Sequence[Campaign]) -> str:
    if not found:
        return f"No campaign is known by the id, number or name {word!r}"
    ids = ", ".join(campaign.id for campaign in found)
    return f"{word!r} is {len(found)} campaigns, choose one by its id ({ids})"


def _routes(site: Site, selection: CampaignSelection) -> list[MastersRoute]:
    routes = [route for route in site.routes.masters if selection.route in {None, route.name}]
    if not routes:
        known = ", ".join(route.name for route in site.routes.masters)
        raise OperationRefused(f"There is no route {selection.route!r}; expected one of {known}. Nothing was changed.")
    if selection.all_failed and any(name.strip() for name in selection.names):
        raise OperationRefused("Either name campaigns or choose all failed ones, not both. Nothing was changed.")
    return routes


def _changes(cursor: Cursor, route: MastersRoute, selected: Sequence[Campaign]) -> Iterator[Change]:
    ids = [campaign.id for campaign in selected]
    patience = campaigns.patience(cursor, route.column_prefix, ids)
    open_rounds = rounds.open_rounds(cursor, route.name, ids)
    for campaign in selected:
        before = _values(patience[campaign.id], open_rounds.get(campaign.id))
        if before != _CLEAN:
            yield Change(
                target=f"{route.name}: {campaign} ({campaign.id})",
                before=before,
                after=_CLEAN,
                apply=partial(_reset, route=route, campaign_id=campaign.id),
            )


def _values(patience: campaigns.Patience, current: rounds.Round | None) -> Values:
    return {
        "polls in vain": patience.retry_count,
        "errors": patience.error_count,
        "permanently failed": patience.permanently_failed,
        "reason": patience.failure_reason,
        "failed runs": current.failed_attempts if current else 0,
    }


def _reset(cursor: Cursor, route: MastersRoute, campaign_id: DamId) -> None:
    campaigns.reset(cursor, route.column_prefix, [campaign_id])
    rounds.forgive_failures(cursor, route.name, [campaign_id])
