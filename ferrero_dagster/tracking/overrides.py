"""`override_metadata`: what people set for a final before its upload, in a table that the naming tool keeps (SPEC 12).

It is read as far as it is there; all that we ever change is the flag that says that an edit was used.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from ferrero_dagster.config.neighbours import OverridesSite
from ferrero_dagster.domain.edits import MAX_LENGTH, Edits, edits_of
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.neighbours import answered, attempted, column_types, identifier

_NONE = Edits(values={})
#: Columns that tell which of several rows is the newest, where the table has them.
_TIMES = ("updated_at", "created_at", "id")


def edits_for(
    cursor: Cursor, site: OverridesSite, finals: Sequence[Collection[str]], known_ids: Collection[str]
) -> list[Edits]:
    """What people set for each final, by the names that it may have; a table that cannot be used is a note.

    The newest row that no upload has used counts; where all were used, as by an earlier version, the newest of them.
    """
    if site.table is None:
        return [_NONE] * len(finals)
    return [
        found or replace(_NONE, notes=(problem,) if problem else ())
        for found, problem in answered(cursor, site.table, partial(_found, site, known_ids), finals)
    ]


def _found(
    site: OverridesSite, known_ids: Collection[str], cursor: Cursor, finals: Sequence[Collection[str]]
) -> list[Edits]:
    table = str(site.table)
    there = column_types(cursor, table)
    if site.key_column not in there:
        return [_NONE] * len(finals)
    plain = [name for name in (*site.fields, *known_ids) if name in there]
    keys = [*site.fields, *known_ids] if site.json_column in there else []
    cursor.execute(
        SQL(_ROW).format(
            values=_json_object(plain),
            by_key=SQL(_BY_KEY).format(Identifier("o", str(site.json_column)), Literal(MAX_LENGTH + 1))
            if keys
            else SQL("NULL"),
            is_used=_is_used(site, there),
            table=identifier(table),
            key=Identifier("o", site.key_column),
            newest_first=SQL(", ").join(
                [SQL("{} DESC NULLS LAST").format(Identifier("o", name)) for name in _TIMES if name in there]
                or [SQL("o.ctid DESC")]
            ),
        ),
        {
            "finals": [number for number, names in enumerate(finals) for _ in names],
            "names": [name for names in finals for name in names],
            "keys": keys,
        },
    )
    rows = {row["final"]: row for row in cursor.fetchall()}
    is_flagged = site.flag_column in there
    return [
        _edits(site, known_ids, rows[number], is_flagged=is_flagged) if number in rows else _NONE
        for number in range(len(finals))
    ]


def _edits(site: OverridesSite, known_ids: Collection[str], row: dict[str, Any], *, is_flagged: bool) -> Edits:
    texts = {**(row["by_key"] or {}), **{name: text for name, text in row["by_column"].items() if text}}
    edits = edits_of(texts, fields=site.fields, known_ids=known_ids, place=str(site.table))
    is_to_be_flagged = edits.values and not row["is_used"] and is_flagged
    return replace(edits, row=(row["place"], row["version"]) if is_to_be_flagged else None)


#: `place` and `version` together name this version of the row: one that was edited since has others.
_ROW = """
SELECT DISTINCT ON (final) final, o.ctid::text AS place, o.xmin::text AS version, {is_used} AS is_used,
       {values} AS by_column, {by_key} AS by_key
FROM unnest(%(finals)s::int[], %(names)s::text[]) AS w (final, name) JOIN {table} AS o ON {key}::text = w.name
ORDER BY final, is_used, {newest_first}
"""
_BY_KEY = """(
    SELECT jsonb_object_agg(key, left(value, {1}))
    FROM jsonb_each_text(CASE jsonb_typeof({0}::jsonb) WHEN 'object' THEN {0}::jsonb ELSE '{{}}' END)
    WHERE key = ANY(%(keys)s))"""


def _json_object(columns: Collection[str]) -> Composable:
    """SQL: the texts of these columns by their names, of a huge one the beginning."""
    pairs = [
        SQL("{}, left({}::text, {})").format(Literal(name), Identifier("o", name), Literal(MAX_LENGTH + 1))
        for name in columns
    ]
    return SQL("jsonb_build_object({})").format(SQL(", ").join(pairs))


def _is_used(site: OverridesSite, there: Collection[str]) -> Composable:
    """SQL: whether the flag is set, whatever the type of its column."""
    if site.flag_column not in there:
        return SQL("FALSE")
    flag = Identifier("o", site.flag_column)
    return SQL("coalesce(lower({}::text) IN ('true', 't', '1', 'yes', 'y'), FALSE)").format(flag)


def flag_used(cursor: Cursor, site: OverridesSite, row: tuple[str, str]) -> str | None:
    """The edits of this version of a row are in the DAM; a sentence where that could not be written down."""
    table = str(site.table)
    flagged, problem = attempted(cursor, table, flag, site, row)
    if problem or flagged:
        return problem
    return f"What people set in {table} changed while the final was on its way; it has what was set before."


def flag(cursor: Cursor, site: OverridesSite, row: tuple[str, str]) -> bool:
    """Set the flag of this version of a row; False where there is none any more."""
    # '1' becomes what the column holds: true, 1 or '1'.
    statement = SQL("UPDATE {} SET {} = '1' WHERE ctid = %s::tid AND xmin::text = %s").format(
        identifier(str(site.table)), Identifier(site.flag_column)
    )
    cursor.execute(statement, row)
    return cursor.rowcount == 1
