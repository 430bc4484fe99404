"""Masters that no finals are awaited for any more, such as one that was replaced in the DAM (SPEC 4.7)."""

from collections.abc import Sequence
from functools import partial

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.operations.changes import Change, Outcome, Request, carry_out
from ferrero_dagster.tracking import masters
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.masters import ActiveMaster


def withdraw_masters(database: Database, tracking_ids: Sequence[str], request: Request) -> Outcome:
    """Let campaigns be complete without finals of these masters; a final that comes in nevertheless is refused.

    Raises:
        OperationRefused: none is named, or one that is not active; nothing was changed.
    """
    wanted = sorted({TrackingId(word.strip()) for word in tracking_ids if word.strip()})
    if not wanted:
        raise OperationRefused("Name masters by their tracking IDs. Nothing was changed.")

    def plan(cursor: Cursor) -> list[Change]:
        found = masters.active_masters(cursor, wanted)
        missing = sorted(set(wanted) - {master.tracking_id for master in found})
        if missing:
            raise OperationRefused(f"No active master has the tracking ID {', '.join(missing)}. Nothing was changed.")
        return [_change(master) for master in found]

    return carry_out(database, "withdraw_masters", request, plan)


def _change(master: ActiveMaster) -> Change:
    return Change(
        target=f"{master.tracking_id}: {master.name} of campaign {master.campaign}",
        before={"status": "active"},
        after={"status": "withdrawn"},
        apply=partial(masters.withdraw_master, tracking_id=master.tracking_id),
    )
