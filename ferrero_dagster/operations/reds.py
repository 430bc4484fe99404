"""Every red in Dagster is told: written down with its age, mailed once per cause, ended when it is green again."""

from collections.abc import Collection, Sequence
from itertools import groupby

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.reds import Red
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outages, outbox, reds
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.reds import KnownRed


def tell_reds(cursor: Cursor, seen: Collection[Red], site: Site) -> list[KnownRed]:
    """Write down all that is red now, mail what is worth it, and return what is red. Idempotent.

    What does not heal by itself is mailed at once, the rest when it has failed and lasted as the site says of outages;
    one mail tells all that is red for one cause. What the mail of an outage tells is not mailed again.
    """
    known = reds.keep(cursor, seen)
    out = [outage.message for outage in outages.open_outages(cursor)]
    due = [red for red in known if _is_due(red, site) and not any(message in red.message for message in out)]
    for cause, same in groupby(sorted(due, key=_cause), key=_cause):
        group = sorted(same, key=lambda red: red.id)
        outbox.add(cursor, _fact(group), f"red:{group[0].id}:{group[0].began_at.isoformat()}")
        reds.note_told(cursor, cause)
    return known


def _cause(red: KnownRed) -> str:
    return red.cause


def _is_due(red: KnownRed, site: Site) -> bool:
    patience = site.campaigns
    has_lasted = (
        red.times >= patience.outage_mail_after_failures and red.lasted_s >= 60 * patience.outage_mail_after_minutes
    )
    return not red.is_told and (has_lasted or not red.heals)


def _fact(group: Sequence[KnownRed]) -> WorkflowError:
    return WorkflowError(
        headline=f"Red in Dagster: {', '.join(red.name for red in group)}",
        explanation=group[0].message,
        what_to_do=(
            "Nothing, if it is green again by itself: it is asked again, and goes on where it stopped. If it lasts, "
            "open it in Dagster under Automation or Deployment; `ferrero-dagster status` says whether it still is. "
            "You do not hear of the same cause again while it lasts, nor within a day."
            if group[0].heals
            else "Somebody must mend this; work then goes on by itself where it stopped."
        ),
        times=(("Since", group[0].began_at),),
        details=(("Failures", str(group[0].times)),),
    )
