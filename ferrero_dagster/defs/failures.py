"""The one place where our errors become Dagster's."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ferrero_dagster.domain.errors import CampaignError, EndedTurn, FerreroError, Incident
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.operations.run_failures import next_attempt

#: Metadata of a failed step that the sensor `failed_runs` reads.
REPORTED, ERROR_CODE, SYSTEM = "reported", "error", "system"


@contextmanager
def as_failures(*, job: str = "", is_attended: bool = False) -> Iterator[None]:
    """Show an error of ours as a sentence with what follows from it for the `job`, instead of a stack trace.

    Dagster itself retries nothing: sensors and schedules ask again. A failed run is mailed by the sensor `failed_runs`,
    unless its campaign's strike or its system's outage was mailed, or `is_attended`: a person has started it and looks
    at it.
    """
    try:
        with _foreseen_but_failures():
            yield
    except FerreroError as error:
        raise dg.Failure(
            description=str(error),
            metadata={
                "trying again": f"helps: {next_attempt(job)}" if error.retry else "does not help before it is mended",
                "who must act": error.actor,
                REPORTED: is_attended or isinstance(error, CampaignError) or _is_told(error),
                ERROR_CODE: error.code,
                SYSTEM: error.system if isinstance(error, Incident) else "",
            },
        ) from error


@contextmanager
def _foreseen_but_failures() -> Iterator[None]:
    """Dagster's own failures pass as they are; whatever else is no error of ours becomes one without its text."""
    failure: dg.Failure | None = None
    with foreseen():
        try:
            yield
        except dg.Failure as raised:
            failure = raised
    if failure:
        raise failure


def _is_told(error: FerreroError) -> bool:
    return isinstance(error, EndedTurn) and error.is_told
