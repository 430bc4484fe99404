"""Whether the tables that are there can be adopted and used: where they are, what they are, whose they are (SPEC 7)."""

from collections.abc import Iterator
from typing import Any

from ferrero_dagster.tracking.refusals import SHARED

# Of each table: where new ones are made, the one that we see, and the first other one of that name.
_FOUND = """
SELECT name, current_schema() AS makes_in, current_user AS role, c.oid IS NOT NULL AS is_there, n.nspname AS seen_in,
       c.relkind::text AS kind, pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS is_ours,
       (SELECT min(o.nspname) FROM pg_class r JOIN pg_namespace o ON o.oid = r.relnamespace
        WHERE r.relname = name AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND o.nspname <> current_schema()
          AND o.nspname !~ '^pg_' AND o.nspname NOT IN ('information_schema', 'dagster')) AS other_in,
       (SELECT t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attname = 'status' AND t.typtype = 'e') AS status_enum
FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, place)
LEFT JOIN pg_class c ON c.oid = to_regclass(name) LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY place
"""
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}


def hindrances(cursor: Any) -> Iterator[str]:
    """A sentence with its remedy for each thing that an upgrade cannot begin with; nothing is changed."""
    cursor.execute(_FOUND, (list(SHARED),))
    names = [column.name for column in cursor.description or ()]
    tables: dict[str, list[str]] = {}
    for row in cursor.fetchall():
        found = row if isinstance(row, dict) else dict(zip(names, row, strict=True))
        if hindrance := _hindrance(found):
            tables.setdefault(hindrance, []).append(found["name"])
    # The same trouble of several tables is one sentence.
    yield from (f"{', '.join(those)}: {hindrance}" for hindrance, those in tables.items())


def _hindrance(found: dict[str, Any]) -> str | None:
    name, makes_in, other_in, owner, role = (found[key] for key in ("name", "makes_in", "other_in", "owner", "role"))
    if makes_in is None:
        return f"no schema of the search_path is there; {_path('public')}"
    if other_in and found["seen_in"] != makes_in:
        path = _path(other_in)
        return f"in the schema {other_in}, but our role {role} would make tables of its own in {makes_in}; {path}"
    if kind := _KINDS.get(found["kind"]):
        return f"{kind}; let our role see the table itself under that name, where rows can be written."
    if found["is_there"] and not found["is_ours"]:
        return (
            f"owned by {owner}, so our role {role} may not add columns; GRANT "
            f'"{owner}" TO "{role}", for this command at least, or let {owner} run it.'
        )
    if name == "campaign_status" and found["status_enum"]:
        return (
            f"the column status is the ENUM {found['status_enum']}, but holds whatever status the DAM has; ALTER "
            "TABLE campaign_status ALTER COLUMN status TYPE text."
        )
    return None


def _path(schema: str) -> str:
    return (
        f"add ?options=-csearch_path%3D{schema} to FERRERO_DATABASE_URL, or ALTER ROLE … SET search_path = {schema}, "
        "and run it again."
    )
