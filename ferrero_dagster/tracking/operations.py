"""`operations`: what people did by hand, each with what it was before and after."""

from typing import Any

from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import json_text


def record(
    cursor: Cursor,
    *,
    operation: str,
    done_by: str,
    target: str,
    before: dict[str, Any],
    after: dict[str, Any],
    run_id: str | None,
) -> None:
    """Write down what somebody did, in the transaction that does it."""
    cursor.execute(
        """
        INSERT INTO operations (operation, done_by, target, before, after, run_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (operation, done_by, target, json_text(before), json_text(after), run_id),
    )
