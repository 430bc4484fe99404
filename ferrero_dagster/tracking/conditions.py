"""Under which conditions our role uses the tables: encoding, schema, owners, rights, sequences, policies, triggers.

Only catalogs are read, so that nothing waits for us, nor we for a lock.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.refusals import SHARED
from ferrero_dagster.tracking.storable import lossy_codec

#: The tables that an upgrade makes, but for that of its version.
OURS = (
    "agency_files",
    "agency_looks",
    "audit_findings",
    "audit_passes",
    "campaign_rounds",
    "daily_reports",
    "file_events",
    "final_scores",
    "installations",
    "notifications",
    "operations",
    "outages",
    "parallel_requests",
    "pending_masters",
    "reds",
    "request_allowances",
    "request_counts",
    "request_pauses",
    "transfers",
    "unforeseen_errors",
    "untold_files",
    "upload_sessions",
)
#: Those that rows are deleted from.
EMPTIED = (
    "audit_findings",
    "audit_passes",
    "file_events",
    "parallel_requests",
    "pending_masters",
    "reds",
    "request_counts",
    "unforeseen_errors",
    "untold_files",
    "upload_sessions",
)

# A sequence is needed where a column's default asks it; an identity needs none.
_TABLES = """
SELECT name, current_user AS role, c.oid IS NOT NULL AS is_there, n.nspname AS schema,
       pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS is_ours,
       coalesce(row_security_active(c.oid), FALSE) AS has_policies,
       (SELECT min(o.nspname) FROM pg_class r JOIN pg_namespace o ON o.oid = r.relnamespace
        WHERE r.relname = name AND r.relkind IN ('r', 'p') AND o.oid <> coalesce(c.relnamespace, 0)) AS other_in,
       ARRAY(SELECT wanted FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS wanted
             WHERE NOT has_any_column_privilege(c.oid, wanted))
       || ARRAY(SELECT 'DELETE' WHERE name = ANY(%(emptied)s) AND NOT has_table_privilege(c.oid, 'DELETE')) AS lacks,
       ARRAY(SELECT DISTINCT s.oid::regclass::text FROM pg_attrdef a
             JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
             JOIN pg_class s ON s.oid = d.refobjid
             WHERE a.adrelid = c.oid AND CASE WHEN s.relkind = 'S'
                   THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE FALSE END) AS sequences,
       ARRAY(SELECT tgname::text FROM pg_trigger
             WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D'
               AND NOT starts_with(tgname::text, 'ferrero_') ORDER BY 1) AS triggers
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS t (name, place)
LEFT JOIN pg_class c ON c.oid = to_regclass(quote_ident(name)) LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY place
"""


def server(cursor: Cursor) -> str:
    """Which PostgreSQL this is, and as whom it knows us."""
    cursor.execute("SELECT current_setting('server_version') AS version, current_user AS role")
    return "PostgreSQL {version}, our role is {role}".format(**cursor.fetchall()[0])


def encoding(cursor: Cursor) -> str:
    """Which characters the database holds."""
    name = cursor.connection.info.parameter_status("server_encoding")
    if name == "SQL_ASCII":
        return f"{name} holds any bytes; what other programs wrote and is no UTF-8 is read with �"
    if lossy_codec(cursor.connection) is None:
        return f"{name}"
    return (
        f"{name}: a name with a character that it lacks stops its own campaign or file, and is told; in other texts "
        "it becomes ?; only a database in UTF8 holds all"
    )


def has_table(cursor: Cursor, name: str) -> bool:
    """Whether our role sees such a table."""
    cursor.execute("SELECT to_regclass(quote_ident(%s)) IS NOT NULL AS is_there", (name,))
    return bool(cursor.fetchall()[0]["is_there"])


def tables(cursor: Cursor) -> tuple[list[str], str]:
    """Of an upgraded database: a sentence with the remedy for each table that we cannot use; what else is to be known.

    A right on all columns, or on some, counts as a right; the tries tell where it does not reach.
    """
    cursor.execute(_TABLES, {"names": [*SHARED, *OURS], "emptied": list(EMPTIED)})
    rows = cursor.fetchall()
    return list(_hindrances(rows)), "; ".join(_remarks(rows))


def _hindrances(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same trouble of many tables is one sentence."""
    yield from (_missing(row) for row in rows if not row["is_there"])
    for rights in sorted({tuple(row["lacks"]) for row in rows if row["is_there"] and row["lacks"]}):
        names = ", ".join(row["name"] for row in rows if tuple(row["lacks"]) == rights)
        lacked, role = ", ".join(rights), rows[0]["role"]
        yield f'{names}: our role {role} may not {lacked}; GRANT {lacked} ON {names} TO "{role}".'
    if sequences := ", ".join(sequence for row in rows for sequence in row["sequences"]):
        role = rows[0]["role"]
        yield f'{sequences}: our role {role} may not use them; GRANT USAGE ON SEQUENCE {sequences} TO "{role}".'


def _missing(row: dict[str, Any]) -> str:
    name, role, schema = row["name"], row["role"], row["other_in"]
    if not schema:
        return f"There is no table {name}: run `ferrero-dagster db upgrade`."
    return (
        f'{name} is in the schema {schema}, where our role {role} does not look: GRANT USAGE ON SCHEMA "{schema}" TO '
        f'"{role}", and add ?options=-csearch_path%3D{schema} to FERRERO_DATABASE_URL.'
    )


def _remarks(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    there = [row for row in rows if row["is_there"]]
    yield f"{counted(len(there), 'table')} in {_listed({row['schema'] for row in there})}"
    if owners := {row["owner"] for row in there if not row["is_ours"]}:
        yield f"of {_listed(owners)}, who has to run `db upgrade`"
    if copies := {f"{row['other_in']}.{row['name']}" for row in there if row["other_in"]}:
        yield f"not used: {_listed(copies)}"
    if triggers := {f"{name} on {row['name']}" for row in there for name in row["triggers"]}:
        yield f"triggers that may change or refuse rows: {_listed(triggers)}"
    if ruled := {row["name"] for row in there if row["has_policies"]}:
        yield f"row-level security: of {_listed(ruled)} we know only the rows that its policies show us"


def _listed(words: set[str]) -> str:
    return ", ".join(sorted(words))
