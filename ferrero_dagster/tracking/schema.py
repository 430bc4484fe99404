"""Brings a database to the present schema; an existing one of the cron scripts is adopted (SPEC 7)."""

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ferrero_dagster.domain.errors import ConfigurationError, SystemUnavailable

logger = logging.getLogger(__name__)

#: Held while migrating, so that two upgrades at once wait for each other.
_MIGRATION_LOCK = 0x6665_7272_65_72_6F

_UNKNOWN_MANDATORY_COLUMNS = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
  AND (table_name, column_name) NOT IN (
      ('master_assets', 'tracking_id'), ('derivative_assets', 'tracking_id'), ('campaign_status', 'campaign_id'),
      ('derivative_assets', 'derivative_filename'), ('campaign_status', 'campaign_number'),
      ('campaign_status', 'campaign_name'), ('campaign_status', 'status'), ('master_assets', 'opentext_id'),
      ('master_assets', 'campaign_id'), ('master_assets', 'upload_directory'), ('master_assets', 'full_metadata'))
  AND table_name IN ('master_assets', 'derivative_assets', 'campaign_status')
"""


def upgrade(database_url: str) -> str:
    """Bring the schema up to date and return its version; safe to run twice, and by two processes at once.

    Raises:
        SystemUnavailable: the server cannot be reached.
        ConfigurationError: an existing table cannot be adopted; the sentence says what to change.
    """
    engine = sa.create_engine(_psycopg2_url(database_url), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(_scripts()))
            command.upgrade(config, "head")
            _refuse_unknown_mandatory_columns(connection)
            return (
                MigrationContext.configure(
                    connection, opts={"version_table": "ferrero_alembic_version"}
                ).get_current_revision()
                or ""
            )
    except sa.exc.OperationalError as error:
        raise SystemUnavailable("PostgreSQL", f"PostgreSQL cannot be reached: {_first_line(error)}") from None
    except sa.exc.IntegrityError as error:
        raise ConfigurationError(
            f"The existing tables cannot be adopted: {_first_line(error)}; remove the double rows and run it again."
        ) from None


def head() -> str:
    """The version that this code needs."""
    return ScriptDirectory(str(_scripts())).get_current_head() or ""


def _scripts() -> Path:
    return Path(__file__).parent / "migrations"


def _refuse_unknown_mandatory_columns(connection: sa.Connection) -> None:
    columns = connection.execute(sa.text(_UNKNOWN_MANDATORY_COLUMNS)).scalars().all()
    if columns:
        raise ConfigurationError(
            f"Columns that we do not know are NOT NULL without a default ({', '.join(columns)}), so no row could be "
            "added; give each a default (ALTER TABLE … ALTER COLUMN … SET DEFAULT …) and run it again."
        )


def _psycopg2_url(database_url: str) -> sa.URL:
    # SQLAlchemy 2.1 takes a bare postgresql:// for psycopg 3, which is not what we install.
    try:
        return sa.make_url(database_url).set(drivername="postgresql+psycopg2")
    except sa.exc.ArgumentError:
        raise ConfigurationError(
            "FERRERO_DATABASE_URL is not an address; expected postgresql://user:password@host:port/name."
        ) from None


def _first_line(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
