"""Tells a campaign that the DAM answers badly from a DAM that is out, within one look."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ferrero_dagster.clients.otmm import UnreadHit
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import FerreroError, Incident, SpoiledItem
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import campaigns, outbox
from ferrero_dagster.tracking.campaigns import Unread
from ferrero_dagster.tracking.database import Cursor, Database

_MAX_KEY_LENGTH = 200


@dataclass(kw_only=True, slots=True)
class UnreadCampaigns:
    """Call `failed` and `read` for each campaign in the order in which they were asked for, and `end` after the last.

    Two campaigns in a row that cannot be read are an outage, but not two that failed before while others can be read.
    """

    database: Database
    site: Site
    #: Campaigns that the last look at them could not read.
    unread_before: frozenset[DamId]
    _is_any_read: bool = False
    _undecided: list[tuple[Campaign, FerreroError]] = field(default_factory=list)

    def read(self) -> None:
        """A campaign could be read: what failed just before it was its own trouble."""
        self.end()
        self._is_any_read = True

    def failed(self, campaign: Campaign, error: FerreroError) -> None:
        """A campaign could not be read.

        Raises:
            FerreroError: `error`, which is that of an outage.
        """
        if not isinstance(error, Incident) or (self._is_any_read and campaign.id in self.unread_before):
            self._count(campaign, error)
            return
        self._undecided.append((campaign, error))
        if len(self._undecided) > 1:
            self.database.transact(self._put_last)
            raise error

    def end(self) -> None:
        """No outage was met, so what failed was its own trouble."""
        for campaign, error in self._undecided:
            self._count(campaign, error)
        self._undecided.clear()

    def cut(self, campaign: Campaign, *, looked_at: int) -> Campaign:
        """Time was over while this campaign was looked at: the one to go on with, since what failed is undecided.

        Raises:
            FerreroError: that of an outage, where a look has nothing else to show.
        """
        if not self._undecided:
            return campaign
        [(first, error)] = self._undecided
        if looked_at == 1:
            self.database.transact(self._put_last)
            raise error
        self._undecided.clear()
        return first

    def _put_last(self, cursor: Cursor) -> None:
        for campaign, _ in self._undecided:
            campaigns.note_unread(cursor, campaign.id, is_its_own=False)

    def _count(self, campaign: Campaign, error: FerreroError) -> None:
        """Count the look; the error list hears of it once, with the same patience as of an outage."""

        def work(cursor: Cursor) -> None:
            unread = campaigns.note_unread(cursor, campaign.id, is_its_own=True)
            lasts = not error.retry or isinstance(error, SpoiledItem)
            if unread and (lasts or self._is_long(unread)):
                fact = self._fact(campaign, error, unread)
                outbox.add(cursor, fact, f"unread:{campaign.id}:{unread.since}", campaign_id=campaign.id)

        self.database.transact(work)

    def _is_long(self, unread: Unread) -> bool:
        patience = self.site.campaigns
        return (
            unread.looks >= patience.outage_mail_after_failures
            and unread.lasted_s >= 60 * patience.outage_mail_after_minutes
        )

    def _fact(self, campaign: Campaign, error: FerreroError, unread: Unread) -> WorkflowError:
        return WorkflowError(
            headline=f"{campaign} cannot be read in the DAM",
            explanation=str(error),
            what_to_do=(
                "Open the campaign in the DAM with our user: look at its rights and its folders. Other campaigns are "
                "not held up; this one goes on by itself once it can be read. You do not hear of it again."
            ),
            times=(("Since", unread.since),),
            campaign_id=campaign.id,
        )


def tell_nameless(cursor: Cursor, route: MastersRoute, hits: Sequence[UnreadHit]) -> list[str]:
    """A line for each kind of hit without an id, which nobody can look at later; the error list hears of it once."""
    lines = sorted({str(hit.error) for hit in hits if hit.id is None})
    if lines:
        fact = WorkflowError(
            headline=f"The DAM's search for {route.title} shows something that cannot be read",
            explanation=" ".join(lines),
            what_to_do=(
                f"Search in the DAM for {route.campaign_type} in {route.status_before}: a campaign may be missing or "
                "broken there. Those that can be read are not held up. You do not hear of it again."
            ),
        )
        outbox.add(cursor, fact, f"nameless:{route.name}:{lines[0][:_MAX_KEY_LENGTH]}")
    return lines
