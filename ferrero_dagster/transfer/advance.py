"""Sets a campaign's status, once, after proof, and never over a person's change (SPEC 3.5, 4.7)."""

from ferrero_dagster.clients.otmm import StatusChangedError
from ferrero_dagster.tracking import rounds
from ferrero_dagster.tracking.database import HeldLock
from ferrero_dagster.transfer.systems import Systems


def advance(systems: Systems, lock: HeldLock, current: rounds.Round, *, before: str, after: str) -> str | None:
    """Set the status from `before` to `after`; returns None, or the status that a person chose meanwhile.

    The intent is written first: a round that began to advance is found again even if we die before we can say so.
    """
    lock.confirm()
    systems.database.transact(lambda cursor: rounds.begin_advance(cursor, current.id))
    try:
        systems.dam.set_status(current.campaign_id, after, expected=before)
    except StatusChangedError as error:
        systems.database.transact(lambda cursor: rounds.close(cursor, current.id, "overtaken"))
        return error.found or "nothing"
    return None
