"""Whether the tables of other programs can be used as the site configuration names them (contract customer.md 4)."""

from collections.abc import Collection

from ferrero_dagster.config.neighbours import CreativexSite, OverridesSite
from ferrero_dagster.domain.creativex import MasterScore
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.tracking import overrides, scores
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.neighbours import attempted, column_types, readable, unfillable_columns
from ferrero_dagster.tracking.trials import undone

#: What is the case, or why nothing is asked there: a table that does not exist is no fault.
Found = tuple[str, bool]
_SCORE = MasterScore(name="A trial that is undone.mp4", score="100", url="https://x.example/trial")
_NO_ROW = ("(0,0)", "0")


def scores_table(cursor: Cursor, site: CreativexSite, *, keeps_score: bool) -> Found:
    """What is read of the scores table, and whether anything is; `keeps_score` says that a row of ours is tried.

    Raises:
        ConfigurationError: it cannot be used as it is.
    """
    name = site.scores_table
    if "scores_table" not in site.sources:
        return "creativex.sources does not name it", False
    columns = _columns(cursor, name)
    if not columns:
        return f"there is no table {name} (creativex.scores_table)", False
    wanted = [column for column in site.columns.values() if column]
    _refuse_missing(name, columns, wanted, "creativex.columns")
    if keeps_score and (refused := _refused_score(cursor, site, wanted)):
        raise ConfigurationError(
            f"Scores of {name} are read, but a master's own score cannot be kept there: {refused}, or set keeps_score "
            "of the routes to false."
        )
    return f"{name} can be read", True


def _refused_score(cursor: Cursor, site: CreativexSite, wanted: Collection[str]) -> str:
    if unfilled := unfillable_columns(cursor, site.scores_table, wanted):
        return f"every row must fill {', '.join(unfilled)}; give that a default"
    with undone(cursor):
        problem = scores.keep_master_score(cursor, site, _SCORE, BoxId("1"))
    return f"{problem.rstrip('.')}; let our role write there" if problem else ""


def edits_table(cursor: Cursor, site: OverridesSite, field_ids: Collection[str]) -> Found:
    """What is read of the table with people's edits, and whether anything is.

    Raises:
        ConfigurationError: it cannot be used as it is.
    """
    name = site.table
    if name is None:
        return "overrides.table is null: nobody's edits are read", False
    columns = _columns(cursor, name)
    if not columns:
        return f"there is no table {name} (overrides.table): nobody's edits are read", False
    json_column = [site.json_column] if site.json_column else []
    _refuse_missing(name, columns, [site.key_column, site.flag_column, *json_column], "overrides")
    used = [column for column in columns if column in {*site.fields, *field_ids, *json_column}]
    others = ", ".join(column for column in columns if column not in {*used, site.key_column, site.flag_column})
    if not used:
        raise ConfigurationError(f"No column of {name} is mapped to a field in overrides.fields; it has {others}.")
    with undone(cursor):
        _, problem = attempted(cursor, name, overrides.flag, site, _NO_ROW)
    if problem:
        raise ConfigurationError(
            f"Edits in {name} are read, but not marked as used: {problem.rstrip('.')}; let our role write "
            f"{site.flag_column}."
        )
    return f"{name}: {', '.join(used)} are read; of no concern: {others or 'none'}", True


def _columns(cursor: Cursor, table: str) -> list[str]:
    there, problem = attempted(cursor, table, column_types, table)
    if there and not problem:
        _, problem = attempted(cursor, table, readable, table)
    if problem:
        raise ConfigurationError(f"{problem} Give our role the right to use it, or name another.")
    return list(there or {})


def _refuse_missing(table: str, columns: Collection[str], wanted: Collection[str], setting: str) -> None:
    if missing := [column for column in wanted if column not in columns]:
        raise ConfigurationError(
            f"The table {table} has no column {', '.join(missing)}, which {setting} names; it has {', '.join(columns)}."
        )
