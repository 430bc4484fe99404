"""The one place where our errors become Dagster's."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ferrero_dagster.domain.errors import FerreroError


@contextmanager
def as_failures() -> Iterator[None]:
    """Show an error of ours as a sentence with what follows from it, instead of a stack trace.

    Dagster itself retries nothing: the sensors ask again (ARCHITECTURE, retries).
    """
    try:
        yield
    except FerreroError as error:
        raise dg.Failure(
            description=str(error),
            metadata={
                "trying again": "helps, the sensor does it by itself"
                if error.retry
                else "does not help before it is mended",
                "who must act": error.actor,
            },
            allow_retries=False,
        ) from error
