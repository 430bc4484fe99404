"""A system that answers, but so slowly that looks are cut off: told once, with figures, and over when it is quick."""

from ferrero_dagster.clients.http import Tempo
from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.config.site import Site
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor

#: Answers that the time of a look is enough for; a system that gives less is slow, whatever a site's budget is.
_ANSWERS_PER_LOOK = 20


def note(cursor: Cursor, site: Site, tempo: Tempo, *, system: str, sensor: str, said: str | None) -> None:
    """Write down how a look ended; `said` are the figures of one that was cut off, None says that it was not.

    A cut look at a quick system had much to look at: that is nobody's trouble.
    """
    slow = f"{system} (slow)"
    if said is None or not _is_slow(tempo, site.looks.budget_s):
        outages.note_over(cursor, slow, kind=sensor)
        return
    resumes = outages.was_told_of_late(cursor, slow, kind=sensor)
    outage = outages.note_failure(cursor, slow, said, kind=sensor, resumes=resumes)
    others = [one for one in outages.open_outages(cursor) if one.system == slow and one.mailed]
    if outage.failures >= site.looks.slow_mail_after_looks and not others:
        outages.note_mailed(cursor, outage, heals=False)
        outbox.add(cursor, _fact(system, outage), f"slow:{outage.id}")


def figures(tempo: Tempo, system: str) -> str:
    """`DAM answered in 14.8 s on average`."""
    if not tempo.answers:
        return f"{system} gave no whole answer" if tempo.asked else f"{system} was not asked"
    return f"{system} answered in {tempo.mean_s:.1f} s on average"


def elapsed(deadline: Deadline) -> str:
    """How long the look has taken so far."""
    return f"{deadline.budget_s - deadline.left_s:.3g} s"


def _is_slow(tempo: Tempo, budget_s: float) -> bool:
    return tempo.asked > 0 and (not tempo.answers or tempo.mean_s * _ANSWERS_PER_LOOK > budget_s)


def _fact(system: str, outage: outages.Outage) -> WorkflowError:
    return WorkflowError(
        headline=f"{system} is so slow that looks end before they are through",
        explanation=outage.message,
        what_to_do=(
            f"Ask whoever runs {system} why it is slow. Nothing is lost and nothing is counted as failed: each look "
            "goes on where the last one stopped, so everything takes its turn, only later than usual. You do not hear "
            f"of it again before {system} has been quick for a while."
        ),
        times=(("Since", outage.began_at),),
        details=(("Looks cut off in a row", str(outage.failures)),),
    )
