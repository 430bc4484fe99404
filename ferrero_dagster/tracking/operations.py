"""`operations`: what people did by hand, each with what it was before and after."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import json_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What somebody did to one thing."""

    at: datetime
    operation: str
    done_by: str
    target: str


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


def operations_on(cursor: Cursor, words: Collection[str]) -> list[Operation]:
    """What was done by hand to things whose names hold one of these words, such as a tracking ID; the oldest first."""
    cursor.execute(
        """
        SELECT at, operation, done_by, target FROM operations
        WHERE EXISTS (SELECT FROM unnest(%s::text[]) AS word WHERE strpos(target, word) > 0) ORDER BY at, id
        """,
        (list(words),),
    )
    return [Operation(**row) for row in cursor.fetchall()]
