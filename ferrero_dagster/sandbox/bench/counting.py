"""Counts statements, ours and Dagster's, in the process that is measured."""

from collections import Counter
from typing import Any

import sqlalchemy as sa

import ferrero_dagster.tracking.database as tracking


def count_statements(counted: Counter[str]) -> None:
    """From now on each statement is counted, ours by the cursor that all of them go through."""
    execute = tracking.Cursor.execute

    def counting(cursor: tracking.Cursor, query: Any, parameters: Any = None) -> None:
        counted["ours"] += 1
        execute(cursor, query, parameters)

    tracking.Cursor.execute = counting  # type: ignore[method-assign, assignment]  # to count
    sa.event.listen(sa.Engine, "before_cursor_execute", lambda *_: counted.update(dagster=1))
    sa.event.listen(sa.Engine, "connect", lambda *_: counted.update(connections=1))
