"""Outages and refused log-ins: written down once for all campaigns and files that they stop, and mailed once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError, SystemUnavailable
from ferrero_dagster.domain.planning import minutes, pause_s
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.site import Site
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor, Database

#: Errors that stop everything and are nobody's campaign's or file's fault.
INCIDENTS = (SystemUnavailable, AccessRefused, ConfigurationError)


#: What a run that came to its end has proven to be usable; `configuration` stands for every wrong setting.
_NEEDED_BY_RUNS = ("DAM", "Box", "temporary directory", "configuration")


def system_of(error: FerreroError, *, asked: str = "configuration") -> str:
    """The system that an incident is about; `asked` where the error does not say."""
    return getattr(error, "system", asked)


def report(
    database: Database,
    error: FerreroError,
    *,
    mail_after_failures: int,
    run_url: str | None = None,
    asked: str = "configuration",
) -> None:
    """Count the incident; the error list hears of it once per outage.

    What does not heal by itself, such as a refused log-in or a wrong setting, is mailed at once; a system that is out
    only when it failed `mail_after_failures` times in a row. Where PostgreSQL itself is out nothing can be written.
    """
    system = system_of(error, asked=asked)
    if system == "PostgreSQL":
        return
    threshold = mail_after_failures if error.retry else 1

    def work(cursor: Cursor) -> None:
        outage = outages.note_failure(cursor, system, str(error))
        if outage.failures >= threshold:
            fact = _fact(error, outage, run_url)
            outbox.add(
                cursor, channel="mail", template=fact.template, fact_json=fact.model_dump_json(),
                dedupe_key=f"outage:{outage.id}",
            )  # fmt: skip

    database.transact(work)


@contextmanager
def reported(database: Database, site: Site, *, run_url: str | None = None) -> Iterator[None]:
    """Report an incident that is raised inside, and let it go on."""
    try:
        yield
    except INCIDENTS as error:
        report(database, error, mail_after_failures=site.campaigns.outage_mail_after_failures, run_url=run_url)
        raise


def note_all_well(cursor: Cursor) -> None:
    """A run came to its end: nothing that it needs is out any more."""
    for system in _NEEDED_BY_RUNS:
        outages.note_success(cursor, system)


def hold(cursor: Cursor, pauses_minutes: Sequence[float]) -> str | None:
    """Why no run may start now: what every run needs could not be used when a run last tried; None if none is out.

    After each growing pause the runs of one look try for all campaigns.
    """
    known = outages.open_outages(cursor)
    for outage in (known[system] for system in _NEEDED_BY_RUNS if system in known):
        left_s = pause_s(outage.failures, pauses_minutes) - outage.since_last_failure_s
        if left_s > 0:
            return f"waits, {outage.system} cannot be used; next attempt in {minutes(left_s)}"
    return None


def _fact(error: FerreroError, outage: outages.Outage, run_url: str | None) -> WorkflowError:
    return WorkflowError(
        headline=f"{outage.system} cannot be used",
        explanation=str(error),
        what_to_do=(
            f"Nothing, if {outage.system} comes back by itself: work then goes on where it stopped. "
            "No campaign and no file is counted as failed meanwhile."
            if error.retry
            else "The administrator must mend this; work then goes on by itself where it stopped."
        ),
        details=(("Since", outage.began_at.isoformat(timespec="seconds")), ("Failures in a row", str(outage.failures))),
        run_url=run_url,
    )
