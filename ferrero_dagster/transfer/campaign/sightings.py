"""What reading a campaign in the DAM tells us: it is written down, and a passage that a person ended is over."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import EndedTurn, FerreroError, Incident, NotInDam, OutOfTime
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.tracking import campaigns, rounds
from ferrero_dagster.tracking.campaigns import GONE
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.transfer import unforeseen


def is_on(route: MastersRoute, campaign: Campaign) -> bool:
    """Whether the campaign is in the route's status and of its type."""
    return (campaign.status, campaign.type) == (route.status_before, route.campaign_type)


def read(dam: Otmm, known: Campaign) -> Campaign:
    """The campaign as its folder shows it now; one that is not there any more has the status `GONE`."""
    try:
        return dam.campaign(known.id)
    except NotInDam:
        return replace(known, status=GONE)


def note_read(cursor: Cursor, site: Site, campaign: Campaign) -> None:
    """Write down what was read; a route that the campaign is not on has nothing more to do with it. Idempotent."""
    campaigns.note_seen(cursor, campaign)
    for route in site.routes.masters:
        if not is_on(route, campaign):
            rounds.overtake(cursor, route.name, campaign.id)
            if not rounds.open_rounds(cursor, route.name, [campaign.id]):
                campaigns.reset(cursor, route.column_prefix, [campaign.id])


def reread(dam: Otmm, database: Database, site: Site, known: Iterable[Campaign]) -> Iterator[str]:
    """Read these campaigns, write down what they are, and yield a line for each that is not as it was known.

    One that cannot be read is left for another time; where the DAM itself seems to be out, the others are, too.
    """
    for campaign in known:
        try:
            with foreseen():
                now = read(dam, campaign)
                database.transact(note_read, site=site, campaign=now)
        except EndedTurn as error:
            unforeseen.note(database, error, unforeseen.Turn(name="reading campaigns again", about=str(campaign)))
            with suppress(FerreroError):  # the same rule may refuse this, too
                database.transact(campaigns.note_unread, campaign_id=campaign.id, is_its_own=False)
            continue
        except OutOfTime:
            return
        except FerreroError as error:
            database.transact(campaigns.note_unread, campaign_id=campaign.id, is_its_own=False)
            if isinstance(error, Incident):
                return
            continue
        if (now.status, now.type) != (campaign.status, campaign.type):
            yield f"{now}: {whereabouts(now)}"


def whereabouts(campaign: Campaign) -> str:
    """What became of a campaign that is not where it was expected."""
    if campaign.status == GONE:
        return "is not in the DAM any more"
    return f"is {campaign.type or 'without type'} in {campaign.status or 'no status'} by now"
