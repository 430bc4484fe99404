"""What the database's owner, or its encoding, does not let us write: told from outages and from mistakes of our own.

Three tables are not ours alone (SPEC 7). Their columns, constraints, triggers and policies may refuse a row of ours;
that is about this row, not about PostgreSQL.
"""

import hashlib
import re

import psycopg2
from psycopg2.errors import (
    CharacterNotInRepertoire,
    ForeignKeyViolation,
    UniqueViolation,
    UntranslatableCharacter,
)

from ferrero_dagster.domain.errors import RefusedByDatabase
from ferrero_dagster.domain.lines import one_line
from ferrero_dagster.domain.unforeseen import without_named_secrets

#: The tables that other programs write, too.
SHARED = ("master_assets", "derivative_assets", "campaign_status")
_WRITTEN = re.compile(rb"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
# Where in PostgreSQL it was raised, whatever SQLSTATE or language a rule's author chose: RAISE, a policy.
_RULES = {"exec_stmt_raise", "ExecWithCheckOptions"}
_ENCODINGS = (UntranslatableCharacter, CharacterNotInRepertoire)
#: What may differ between two rows that meet the same rule.
_CHANGING = re.compile(r"\"[^\"]*\"|\S*\d\S*")


def refusal(error: psycopg2.Error) -> RefusedByDatabase | None:
    """The error as that of one row which cannot be written; None where it is something else."""
    if error.pgcode is None or not _is_refusal(error):
        return None
    place, reason = place_of(error), reason_of(error)
    cause = f"{error.pgcode} {place} {error.diag.constraint_name} {_CHANGING.sub('#', reason)}"
    return RefusedByDatabase(
        f"The tracking database does not take a row of ours in {place}: {reason}.",
        reference=hashlib.sha256(cause.encode()).hexdigest()[:8],
    )


def not_kept(table: str) -> RefusedByDatabase:
    """Of a row of ours that is not there as we wrote it, though nothing was said."""
    return RefusedByDatabase(
        f"The tracking database does not keep a row of ours in {table} as it is written: a trigger, rule or policy "
        "of its owner alters, drops or hides it.",
        reference=hashlib.sha256(f"not kept {table}".encode()).hexdigest()[:8],
    )


def place_of(error: psycopg2.Error) -> str:
    """Table and column as far as PostgreSQL, or the statement, tells."""
    table, column = table_of(error), error.diag.column_name
    return (f"{table}.{column}" if column else table) or "a table of its own"


def reason_of(error: psycopg2.Error) -> str:
    """PostgreSQL's own words, or a rule's author's, in one line."""
    shows_key = isinstance(error, ForeignKeyViolation | UniqueViolation)
    said = [error.diag.message_primary, error.diag.message_detail if shows_key else None]
    words = without_named_secrets(": ".join(filter(None, said)))
    return str(one_line(words or type(error).__name__)).rstrip(".")


def table_of(error: psycopg2.Error) -> str:
    """The table that refuses, or that the statement was about; empty where neither is known."""
    query = getattr(error.cursor, "query", None) or b""
    found = _WRITTEN.search(query)
    return error.diag.table_name or (found[1].decode() if found else "")


def _is_refusal(error: psycopg2.Error) -> bool:
    if error.diag.source_function in _RULES or isinstance(error, _ENCODINGS):
        return True
    if isinstance(error, psycopg2.DataError | psycopg2.IntegrityError):
        # Of a table of ours alone it would be our own mistake.
        return table_of(error) in SHARED or _is_inside(error)
    # A trigger whose table is gone, or that may not write to it.
    return isinstance(error, psycopg2.ProgrammingError | psycopg2.InternalError) and _is_inside(error)


def _is_inside(error: psycopg2.Error) -> bool:
    """Whether a function of the database's own was at work."""
    return bool(error.diag.context)
