"""Brings a database to the present schema; an existing one of the cron scripts is adopted (SPEC 7)."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import psycopg2
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg2.errors import InsufficientPrivilege

from ferrero_dagster.config.database import Patience
from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, FerreroError
from ferrero_dagster.tracking import adoption, database, trials
from ferrero_dagster.tracking.addresses import sqlalchemy_url
from ferrero_dagster.tracking.campaigns import ROUTE_COLUMNS
from ferrero_dagster.tracking.filling import can_fill
from ferrero_dagster.tracking.waiting import SYSTEM, TrackingConnection, Watch

#: Dagster's tables live here where both share a database (SPEC 11).
DAGSTER_SCHEMA = "dagster"
#: Beside Dagster's `alembic_version`, whose storage may share the database.
VERSION_TABLE = "ferrero_alembic_version"
_UPGRADE = Patience(shown_as="ferrero_dagster upgrade")
#: Held while migrating, so that two upgrades at once wait for each other.
_MIGRATION_LOCK = 0x6665_7272_65_72_6F

_MANDATORY_COLUMNS = """
SELECT relname AS table_name, attname AS column_name, typcategory AS kind
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_type t ON t.oid = atttypid
WHERE c.oid = ANY(ARRAY[to_regclass('master_assets'), to_regclass('derivative_assets'), to_regclass('campaign_status')])
  AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = ''
ORDER BY 1, 2
"""
#: Mandatory or not, every row of ours has these.
_ALWAYS_FILLED = {
    "master_assets": {
        "tracking_id",
        "opentext_id",
        "original_id",
        "asset_name",
        "campaign_id",
        "upload_directory",
        "full_metadata",
        "box_file_id",
        "status",
    },
    "derivative_assets": {
        "tracking_id",
        "derivative_filename",
        "file_extension",
        "status",
        "campaign_id",
        "dam_asset_id",
        "box_file_id",
        "sha1_hex",
        "size_bytes",
        "transfer_id",
    },
    "campaign_status": {"campaign_id", "campaign_number", "campaign_name", "campaign_type", "status"},
}


def upgrade(
    database_url: str,
    routes: Collection[MastersRoute],
    patience: Patience = _UPGRADE,
    *,
    finals: Collection[FinalsRoute] = (),
) -> str:
    """Bring the schema up to date, with the columns of these routes, and return its version.

    The rows that we shall write are tried, and undone, before anything is committed.

    Safe to run twice, and by two processes at once.

    Raises:
        SystemUnavailable: PostgreSQL cannot be used at present, or somebody held a lock for longer than our patience.
        AccessRefused: it refuses our log-in, or the right to change the schema.
        ConfigurationError: an existing table cannot be adopted or does not take our rows; the sentence says what to
            change. Nothing was changed.
    """
    database.check_sessions(database_url, patience)
    # Connect as the running code does, so that URL parsing and error messages are the same.
    engine = sa.create_engine(
        "postgresql+psycopg2://", creator=lambda: database.connect(database_url, patience), poolclass=sa.NullPool
    )
    try:
        with engine.connect() as connection, _watched(connection, database_url, patience), connection.begin():
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            _refuse_hindrances(connection)
            _refuse_unknown_mandatory_columns(connection)
            command.upgrade(_config(connection), "head")
            _add_columns(connection, routes)
            _refuse_rules(connection, routes, finals)
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            return context.get_current_revision() or ""
    except psycopg2.Error as error:
        raise _in_our_words(error) from None
    except CommandError as error:
        raise ConfigurationError(
            f"The tracking database was upgraded by a newer ferrero_dagster ({error}); install that one."
        ) from None


@contextlib.contextmanager
def _watched(connection: sa.Connection, database_url: str, patience: Patience) -> Iterator[None]:
    """SQLAlchemy's errors as psycopg2's, which the watch knows."""
    watched = connection.connection.driver_connection
    assert isinstance(watched, TrackingConnection)
    with Watch(watched, patience, database_url=database_url, step="upgrade"):
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise error.orig or error from None


def _add_columns(connection: sa.Connection, routes: Iterable[MastersRoute]) -> None:
    """What a route's row brings; columns that are there stay as they are."""
    for route in routes:
        columns = [f"ADD COLUMN IF NOT EXISTS {route.column_prefix}_{n} {kind}" for n, kind in ROUTE_COLUMNS.items()]
        connection.execute(sa.text(f"ALTER TABLE campaign_status {', '.join(columns)}"))


def make_dagster_schema(database_url: str, patience: Patience = _UPGRADE) -> str:
    """Make the schema for Dagster's own tables in this database and return the address for `DAGSTER_PG_URL`.

    Safe to run twice.

    Raises:
        AccessRefused: our role may not make it.
        FerreroError: as `upgrade`.
    """
    try:
        with (
            contextlib.closing(database.connect(database_url, patience)) as connection,
            Watch(connection, patience, database_url=database_url, step="upgrade"),
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT FROM information_schema.schemata WHERE schema_name = %s", (DAGSTER_SCHEMA,))
            if not cursor.fetchone():
                cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {DAGSTER_SCHEMA}")
    except InsufficientPrivilege:
        raise AccessRefused(
            SYSTEM,
            f"Our role may not make the schema {DAGSTER_SCHEMA}: have an administrator make it for this role, or give "
            "Dagster a database of its own (DAGSTER_PG_URL).",
        ) from None
    url = sqlalchemy_url(database_url)
    options = f"{url.query.get('options', '')} -csearch_path={DAGSTER_SCHEMA}".strip()
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)


def head() -> str:
    """The version that this code needs."""
    return ScriptDirectory(str(_scripts())).get_current_head() or ""


def _config(connection: sa.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    return Path(__file__).parent / "migrations"


def _refuse_hindrances(connection: sa.Connection) -> None:
    with contextlib.closing(connection.connection.cursor()) as cursor:
        if found := list(adoption.hindrances(cursor)):
            raise ConfigurationError(" ".join(found))


def _refuse_rules(connection: sa.Connection, routes: Collection[MastersRoute], finals: Collection[FinalsRoute]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, TrackingConnection)
    with driver.cursor(cursor_factory=database.Cursor) as cursor:
        if found := trials.refused_rows(cursor, routes, finals):
            raise ConfigurationError(f"{' '.join(found)} Nothing was changed.")


def _refuse_unknown_mandatory_columns(connection: sa.Connection) -> None:
    found = [row for row in connection.execute(sa.text(_MANDATORY_COLUMNS)) if not _is_filled(*row)]
    if found:
        raise ConfigurationError(
            " ".join(
                f"{table}.{column} must be filled in every row, and we have no value for it; give it a default (ALTER "
                f"TABLE {table} ALTER COLUMN {column} SET DEFAULT …) and run it again."
                for table, column, _ in found
            )
        )


def _is_filled(table: str, column: str, kind: str) -> bool:
    return column in _ALWAYS_FILLED[table] or can_fill(table, column, kind)


def _in_our_words(cause: psycopg2.Error) -> FerreroError:
    table, detail = cause.diag.table_name, cause.diag.message_detail
    if isinstance(cause, psycopg2.IntegrityError):
        return ConfigurationError(
            f"The existing table {table} cannot be adopted: {detail} Remove the double rows and run it again."
        )
    return database.in_our_words(cause) or ConfigurationError(
        f"The existing tables cannot be adopted: {cause.diag.message_primary}; mend that and run it again."
    )
