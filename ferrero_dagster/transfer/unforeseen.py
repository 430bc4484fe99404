"""An error that ends one turn, foreseen by nobody or not: counted for the pauses, listed, mailed once per cause."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ferrero_dagster.domain.errors import EndedTurn, FerreroError, RefusedByDatabase
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import outbox, unforeseen_errors
from ferrero_dagster.tracking.database import Cursor, Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What an error may end: of a route, sensor or step by its `name`, what it is `about`, for its campaign."""

    name: str
    about: str = ""
    #: Where the campaign as a whole shall wait out a growing pause after it.
    campaign_id: DamId | None = None
    run_id: str | None = None


def note(database: Database, error: EndedTurn, turn: Turn, *, by_mail: bool = True) -> None:
    """Write the error down and, unless another mail tells it, mail it once per cause; sets `is_told`.

    Where even that cannot be written, nothing is raised and `is_told` stays: the failed run, or the tick, tells it.
    """

    def work(cursor: Cursor) -> None:
        since = unforeseen_errors.note(
            cursor, reference=error.reference, turn=turn.name, about=turn.about,
            campaign_id=turn.campaign_id or "", message=str(error), run_id=turn.run_id,
        )  # fmt: skip
        if by_mail:
            outbox.add(cursor, _fact(error, turn), f"unforeseen:{error.reference}:{since}")

    with suppress(FerreroError), foreseen():
        database.transact(work)
        error.is_told = True


@contextmanager
def told(database: Database, turn: Turn, log: Callable[[str], None]) -> Iterator[None]:
    """Write down and log an error that ends a turn and is raised inside, and let it go on."""
    try:
        with foreseen():
            yield
    except EndedTurn as error:
        if not error.is_told:
            note(database, error, turn)
            log(error.trace)
        raise


@contextmanager
def ended(database: Database, turn: Turn, log: Callable[[str], None]) -> Iterator[None]:
    """The same, but only this turn is ended: what comes after it goes on."""
    with suppress(EndedTurn), told(database, turn, log):
        yield


_HEADLINE = {True: "The database refuses what {} has to write", False: "An error that nobody foresaw in {}"}
_FIRST = {
    True: "Have whoever looks after the database mend the rule, the column or its encoding.",
    False: "Give the trace {} from the log to whoever develops ferrero_dagster.",
}


def _fact(error: EndedTurn, turn: Turn) -> WorkflowError:
    is_refused = isinstance(error, RefusedByDatabase)
    return WorkflowError(
        headline=_HEADLINE[is_refused].format(turn.name),
        explanation=str(error),
        what_to_do=(
            f"{_FIRST[is_refused].format(error.reference)} Everything else goes on, and this is tried again with "
            "growing pauses; `ferrero-dagster status` lists all that it has hit. You do not hear of the same cause "
            "again."
        ),
        details=((("About", turn.about),) if turn.about else ()) + (("Trace", error.reference),),
        run_id=turn.run_id,
        campaign_id=turn.campaign_id,
    )
