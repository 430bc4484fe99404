"""What an upgrade refuses to begin with, by name and with the remedy, before anything is changed."""

import pytest

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.tracking import schema
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql

ROLE = "CREATE ROLE tenant LOGIN; GRANT ALL ON SCHEMA public TO tenant;"
TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'tenant') ORDER BY 1"
PUBLIC = [f"public.{name}" for name in sorted(cron.TABLES)]


@pytest.fixture
def tenant_url(empty_database_url):
    """The address for a role that is not the tables' owner."""
    run_sql(empty_database_url, cron.USUAL, ROLE)
    yield empty_database_url.replace("postgres@", "tenant@")
    run_sql(empty_database_url, "DROP OWNED BY tenant CASCADE", "DROP ROLE tenant")


@pytest.mark.fault(74)
def test_tables_beside_those_of_the_cron_scripts_are_never_made(empty_database_url, tenant_url):
    run_sql(empty_database_url, "CREATE SCHEMA tenant AUTHORIZATION tenant; GRANT postgres TO tenant")
    with pytest.raises(ConfigurationError) as refused:
        schema.upgrade(tenant_url, ROUTES.masters)
    assert (
        "master_assets, derivative_assets, campaign_status: in the schema public, but our role tenant would make "
        "tables of its own in tenant; add ?options=-csearch_path%3Dpublic" in str(refused.value)
    )
    assert run_sql(empty_database_url, TABLES) == [(name,) for name in PUBLIC]
    schema.upgrade(f"{tenant_url}&options=-csearch_path%3Dpublic", ROUTES.masters)
    assert not [name for (name,) in run_sql(empty_database_url, TABLES) if name.startswith("tenant.")]
    run_sql(empty_database_url, "REVOKE postgres FROM tenant")


@pytest.mark.fault(74)
def test_tables_that_belong_to_another_role_are_told_with_the_remedy(tenant_url):
    with pytest.raises(ConfigurationError, match=r'master_assets, .*owned by postgres.* GRANT "postgres" TO "tenant"'):
        schema.upgrade(tenant_url, ROUTES.masters)


@pytest.mark.fault(74)
@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (
            "ALTER TABLE master_assets RENAME TO m; CREATE VIEW master_assets AS SELECT * FROM m",
            "master_assets: a view",
        ),
        (
            "CREATE TYPE stage AS ENUM ('A1'); ALTER TABLE campaign_status ALTER status TYPE stage USING status::stage",
            "campaign_status: the column status is the ENUM stage.* ALTER COLUMN status TYPE text",
        ),
    ],
    ids=["view", "ENUM of statuses"],
)
def test_what_cannot_be_written_as_it_is_made_is_refused_by_name(empty_database_url, statements, words):
    run_sql(empty_database_url, cron.USUAL, statements)
    with pytest.raises(ConfigurationError, match=words):
        schema.upgrade(empty_database_url, ROUTES.masters)
    assert "transfers" not in {name for (name,) in run_sql(empty_database_url, "SELECT tablename FROM pg_tables")}


@pytest.mark.fault(74)
def test_a_copy_of_the_tables_in_another_schema_is_nobodys_concern(empty_database_url):
    run_sql(empty_database_url, cron.USUAL, "CREATE SCHEMA backup; CREATE TABLE backup.master_assets ()")
    schema.upgrade(empty_database_url, ROUTES.masters)
