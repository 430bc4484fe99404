"""Outages and refused log-ins: written down once for all campaigns and files that they stop, and mailed once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import ConfigurationError, FerreroError, Incident
from ferrero_dagster.domain.planning import pause_left_s
from ferrero_dagster.domain.words import minutes
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor, Database

#: What a run that came to its end has proven to be usable; `configuration` stands for every wrong setting.
_NEEDED_BY_RUNS = ("DAM", "Box", "temporary directory", "configuration")
_MAX_KIND_LENGTH = 200


def note(database: Database, error: FerreroError, site: Site, *, run_id: str | None = None, asked: str = "") -> None:
    """Count the incident; the error list hears of it once per outage.

    What does not heal by itself, such as a refused log-in or a wrong setting, is mailed at once; a system that is out
    only when it has failed and lasted as the site says, and nothing worse is known of it. Where PostgreSQL itself is
    out nothing can be written. An error that is no incident counts as one of the system that was `asked`.
    """
    system = error.system if isinstance(error, Incident) else asked
    if system == "PostgreSQL":
        return

    def work(cursor: Cursor) -> None:
        outage = outages.note_failure(cursor, system, str(error), kind=_kind(error), by_run=run_id is not None)
        if outage.mailed or (error.retry and not _is_worth_a_mail(cursor, outage, site)):
            return
        outages.note_mailed(cursor, outage, heals=error.retry)
        fact = _fact(error, outage, run_id)
        outbox.add(cursor, fact, f"outage:{outage.id}:{outage.failures}")

    database.transact(work)


@contextmanager
def noted(database: Database, site: Site, *, run_id: str | None = None) -> Iterator[None]:
    """Write down an incident that is raised inside, and let it go on."""
    try:
        yield
    except Incident as error:
        note(database, error, site, run_id=run_id)
        raise


def note_all_well(cursor: Cursor) -> None:
    """A run came to its end: nothing that it needs is out any more."""
    for system in _NEEDED_BY_RUNS:
        outages.note_success(cursor, system)


def hold(cursor: Cursor, pauses_minutes: Sequence[float]) -> str | None:
    """Why no run may start yet, or None. While a system is down, one look's runs probe it after each growing pause."""
    for outage in outages.open_outages(cursor):
        left_s = pause_left_s(outage.failures, outage.since_last_failure_s, pauses_minutes)
        if outage.system in _NEEDED_BY_RUNS and left_s > 0:
            return f"waits, {outage.system} cannot be used; next attempt in {minutes(left_s)}"
    return None


def _kind(error: FerreroError) -> str:
    """What tells this trouble with a system from other trouble with it; each wrong setting is one of its own."""
    return str(error)[:_MAX_KIND_LENGTH] if isinstance(error, ConfigurationError) else error.code


def _is_worth_a_mail(cursor: Cursor, outage: outages.Outage, site: Site) -> bool:
    """Whether it is more than a blip that several sensors saw, and all that is wrong with the system."""
    patience = site.campaigns
    return (
        outage.failures >= patience.outage_mail_after_failures
        and outage.lasted_s >= 60 * patience.outage_mail_after_minutes
        and all(o.id == outage.id for o in outages.open_outages(cursor) if o.system == outage.system)
    )


def _fact(error: FerreroError, outage: outages.Outage, run_id: str | None) -> WorkflowError:
    return WorkflowError(
        headline=f"{outage.system} cannot be used{'' if error.retry else ': the administrator must act'}",
        explanation=str(error),
        what_to_do=(
            f"Nothing, if {outage.system} comes back by itself: work then goes on where it stopped. "
            "No campaign and no file is counted as failed meanwhile."
            if error.retry
            else "The administrator must mend this; work then goes on by itself where it stopped."
        ),
        times=(("Since", outage.began_at),),
        details=(("Failures in a row", str(outage.failures)),),
        run_id=run_id,
    )
