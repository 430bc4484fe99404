"""The ways of using a table that another program keeps: look which columns it has, and let nothing of it stop us."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg2
from psycopg2.errors import QueryCanceled, RaiseException
from psycopg2.sql import SQL, Composable, Identifier

from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.tracking.database import Cursor

P = ParamSpec("P")
T = TypeVar("T")
Q = TypeVar("Q")

#: What one row, or too many at once, may be the reason of.
_OF_ONE_ROW = (psycopg2.DataError, RaiseException, QueryCanceled)
#: Another program's lock, or a table without an index, shall not hold up a file for longer.
_BEGIN = """
SAVEPOINT neighbour;
SELECT lock, statement, set_config('lock_timeout', '2s', TRUE), set_config('statement_timeout', '10s', TRUE)
FROM (SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement OFFSET 0) ours
"""
_END = """
SET LOCAL lock_timeout = %(lock)s; SET LOCAL statement_timeout = %(statement)s; RELEASE SAVEPOINT neighbour
"""


def attempted(
    cursor: Cursor, table: str, work: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **named: P.kwargs
) -> tuple[T | None, str | None]:
    """The result of `work` on the table, or None and a sentence that says why it could not be used.

    What it did until then is undone; the caller's transaction goes on as if it had never been tried.
    """
    result, error = _tried(cursor, lambda: work(cursor, *args, **named))
    return result, _sentence(table, error) if error else None


def answered(
    cursor: Cursor, table: str, ask: Callable[[Cursor, Sequence[Q]], Sequence[T]], questions: Sequence[Q]
) -> list[tuple[T | None, str | None]]:
    """What `ask` finds for each question in one statement for all, or as `attempted`.

    Where one of them is what cannot be answered, or all take too long, each is asked by itself.
    """
    found, error = _tried(cursor, lambda: ask(cursor, questions))
    if found is not None:
        return [(one, None) for one in found]
    if len(questions) > 1 and isinstance(error, _OF_ONE_ROW):
        return [answer for question in questions for answer in answered(cursor, table, ask, [question])]
    return [(None, _sentence(table, error))] * len(questions)


def _tried(cursor: Cursor, work: Callable[[], T]) -> tuple[T | None, psycopg2.Error | None]:
    cursor.execute(_BEGIN)
    [ours] = cursor.fetchall()
    try:
        result = work()
        cursor.execute(_END, dict(ours))
    except psycopg2.Error as error:
        if error.pgcode is None or cursor.connection.closed:
            raise  # the connection is lost, not the table
        # By another cursor, since the error's own tells which statement it was.
        with cursor.connection.cursor() as undoing:
            undoing.execute("ROLLBACK TO SAVEPOINT neighbour")
        return None, error
    return result, None


def _sentence(table: str, error: psycopg2.Error | None) -> str:
    reason = one_line((error and error.diag.message_primary) or type(error).__name__)
    return f"The table {table} could not be used: {reason}."


def first_accepted(cursor: Cursor, statement: str, values: Mapping[str, Any], words: Sequence[str]) -> str:
    """Run the statement with the first `word` that their table takes, and return that word.

    Raises:
        psycopg2.Error: it takes none, or refuses something else; of the last try.
    """
    for word in words:
        cursor.execute("SAVEPOINT word")
        try:
            cursor.execute(statement, {**values, "word": word})
        except (psycopg2.DataError, psycopg2.IntegrityError, RaiseException):
            # By another cursor, since the error's own tells which statement it was.
            with cursor.connection.cursor() as undoing:
                undoing.execute("ROLLBACK TO SAVEPOINT word")
            if word == words[-1]:
                raise
        else:
            break
    cursor.execute("RELEASE SAVEPOINT word")
    return word


def identifier(table: str) -> Composable:
    """A table's name from the site configuration, safe to put into SQL."""
    return Identifier(*table.split("."))


def column_types(cursor: Cursor, table: str) -> dict[str, str]:
    """The columns of a table or view with the letters of their kinds (`pg_type.typcategory`); empty: there is none."""
    cursor.execute(
        """
        SELECT attname AS name, typcategory AS kind
        FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
        """,
        (identifier(table).as_string(cursor),),
    )
    return {row["name"]: row["kind"] for row in cursor.fetchall()}


def unfillable_columns(cursor: Cursor, table: str, filled: Collection[str]) -> list[str]:
    """The columns that a new row must fill, beyond these."""
    cursor.execute(
        """
        SELECT attname AS name FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef
          AND attidentity = '' AND attname <> ALL(%s) ORDER BY attnum
        """,
        (identifier(table).as_string(cursor), list(filled)),
    )
    return [row["name"] for row in cursor.fetchall()]


def readable(cursor: Cursor, table: str) -> None:
    """Fail where we may not read the table."""
    cursor.execute(SQL("SELECT FROM {} LIMIT 1").format(identifier(table)))
