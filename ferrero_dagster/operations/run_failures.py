"""Failed runs that nothing else has told: one mail per cause and day, not one per run (SPEC 10, `failed_runs`)."""

import re
from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.config.routes import ROUTE_NAME
from ferrero_dagster.domain.reds import cause_of
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor

_ADDRESS = re.compile(r"\w+://\S+")

#: Who starts which job again when its run failed; those of routes their sensors; any other waits for a person.
_BY_ITSELF = {
    "daily_report": "the schedule makes yesterday's report again within the hour, from 7 to 23; start any other again",
    "reconcile": "the schedule starts it again within the hour",
    "audit": "the schedule starts it again within the hour, and it goes on where it stopped",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedRun:
    """How a run ended; `kind` is the class of its error, or how it was ended from outside."""

    run_id: str
    job: str
    kind: str
    message: str
    began_at: datetime
    ended_at: datetime
    #: The system that an incident was about.
    system: str | None = None
    #: Whoever failed the run has already notified people, as with strikes and partly moved campaigns.
    is_told: bool = False
    details: tuple[tuple[str, str], ...] = ()

    @property
    def cause(self) -> str:
        """What two runs that failed for the same reason on the same day have in common."""
        return f"failed run:{self.ended_at:%Y-%m-%d}:{self.job}:{self.kind}:{cause_of(self.message)}"


def next_attempt(job: str) -> str:
    """Who tries again when a run of this job failed for a reason that passes."""
    by_sensor = "the sensor tries again by itself" if ROUTE_NAME.fullmatch(job) else None
    return by_sensor or _BY_ITSELF.get(job, "start it again once the cause is gone")


def tell_failed_run(cursor: Cursor, run: FailedRun) -> bool:
    """Write one `workflow_error` per cause and day; False where somebody has been told already. Idempotent."""
    if run.is_told or (run.system and outages.was_noted_since(cursor, run.system, run.began_at)):
        return False
    fact = WorkflowError(
        headline=f"A run of {run.job} failed",
        # The text of an error that we did not foresee may quote an address with a password or token in it.
        explanation=f"{run.kind}: {_ADDRESS.sub('(address)', run.message)}",
        what_to_do=(
            f"Open the run in Dagster and read its log; {next_attempt(run.job)}. What it had done stays done. "
            "Further runs that fail in the same way today are not mailed."
        ),
        times=(("Ended", run.ended_at),),
        details=(("Job", run.job), *run.details),
        run_id=run.run_id,
    )
    return outbox.add(cursor, fact, run.cause)
