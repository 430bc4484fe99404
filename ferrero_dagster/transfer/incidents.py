"""Outages and refused log-ins: written down once for all campaigns and files that they stop, and mailed once."""

from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError, SystemUnavailable
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor, Database

#: Errors that stop everything and are nobody's campaign's or file's fault.
INCIDENTS = (SystemUnavailable, AccessRefused, ConfigurationError)


def system_of(error: FerreroError) -> str:
    """The system that an incident is about."""
    return getattr(error, "system", "configuration")


def report(database: Database, error: FerreroError, *, mail_after_failures: int, run_url: str | None = None) -> None:
    """Count the incident; the error list hears of it once per outage.

    A refused log-in or a wrong setting does not heal by itself and is mailed at once; a system that is out only when it
    failed `mail_after_failures` times in a row. Where PostgreSQL itself is out nothing can be written.
    """
    if system_of(error) == "PostgreSQL":
        return
    threshold = mail_after_failures if isinstance(error, SystemUnavailable) else 1

    def work(cursor: Cursor) -> None:
        outage = outages.note_failure(cursor, system_of(error), str(error))
        if outage.failures >= threshold:
            fact = _fact(error, outage, run_url)
            outbox.add(
                cursor, channel="mail", template=fact.template, fact_json=fact.model_dump_json(),
                dedupe_key=f"outage:{outage.id}",
            )  # fmt: skip

    database.transact(work)


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
