"""A new database gets its tables, one of the cron scripts is adopted as it is, anything else is told in a sentence."""

import subprocess
import sys

import pytest
from alembic import command
from sqlalchemy import NullPool, create_engine, text

from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, SystemUnavailable
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import contents, run_sql

TABLE_NAMES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"


def test_an_empty_database_is_brought_to_the_head_and_a_second_time_changes_nothing(empty_database_url):
    assert schema.upgrade(empty_database_url, ROUTES.masters) == schema.head()
    tables = run_sql(empty_database_url, TABLE_NAMES)
    assert schema.upgrade(empty_database_url, ROUTES.masters) == schema.head()
    assert run_sql(empty_database_url, TABLE_NAMES) == tables
    assert {("master_assets",), ("transfers",), ("ferrero_alembic_version",)} <= set(tables)


def test_two_processes_may_upgrade_at_once(empty_database_url):
    program = (
        "import sys; from ferrero_dagster.config.site import load_site; from ferrero_dagster.tracking import schema; "
        "print(schema.upgrade(sys.argv[1], load_site().routes.masters))"
    )
    command = [sys.executable, "-c", program, empty_database_url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [schema.head()] * 2


@pytest.mark.parametrize("tables", [cron.USUAL, cron.ODD, cron.NO_KEYS], ids=["usual", "odd", "no keys"])
def test_a_database_of_the_cron_scripts_is_adopted_without_touching_a_row_or_a_type(empty_database_url, tables):
    run_sql(empty_database_url, tables, cron.ROWS)
    columns, rows = contents(empty_database_url)
    assert schema.upgrade(empty_database_url, ROUTES.masters) == schema.head()
    assert contents(empty_database_url, columns) == (columns, rows)
    columns_now, _ = contents(empty_database_url)
    assert all(columns_now[table][: len(described)] == described for table, described in columns.items())


def test_metadata_are_compressed_with_lz4_where_postgresql_has_it(database_url):
    choices = run_sql(database_url, "SELECT unnest(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
    wanted = "l" if ("lz4",) in choices else ""
    # To jsonb, as before PostgreSQL 14 there is no such column.
    [(kept,)] = run_sql(
        database_url,
        "SELECT coalesce(to_jsonb(a) ->> 'attcompression', '') FROM pg_attribute a "
        "WHERE attrelid = 'master_assets'::regclass AND attname = 'full_metadata'",
    )
    assert kept == wanted


def upgrade_to(url, version):
    with create_engine(url.replace("postgresql:", "postgresql+psycopg2:"), poolclass=NullPool).begin() as connection:
        command.upgrade(schema._config(connection), version)


@pytest.mark.fault(74)
def test_what_is_on_its_way_leaves_the_customers_table_at_the_upgrade_and_what_is_not_ours_stays(empty_database_url):
    upgrade_to(empty_database_url, "0015")
    run_sql(
        empty_database_url,
        "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id)"
        " VALUES ('a1_to_a2', 'c1', 'm1', '1', 'm1', 'OURS01')",
        "INSERT INTO master_assets (tracking_id, opentext_id, asset_name, status)"
        " VALUES ('OURS01', 'm1', 'm1', 'pending'), ('THEIRS', 'm2', '', 'pending'), ('ACTIVE', 'm3', '', 'active')",
    )
    schema.upgrade(empty_database_url, ROUTES.masters)
    assert run_sql(empty_database_url, "SELECT tracking_id, asset_name FROM pending_masters") == [("OURS01", "m1")]
    assert run_sql(empty_database_url, "SELECT tracking_id FROM master_assets ORDER BY 1") == [("ACTIVE",), ("THEIRS",)]


def test_files_of_before_were_first_seen_when_their_transfer_began(empty_database_url):
    upgrade_to(empty_database_url, "0003")
    run_sql(
        empty_database_url,
        "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, created_at)"
        " VALUES ('a1_to_a2', 'c1', 'm1', '1', 'm1', 'ABC123', '2026-01-01')",
    )
    schema.upgrade(empty_database_url, ROUTES.masters)
    assert run_sql(empty_database_url, "SELECT first_seen_at = created_at FROM transfers") == [(True,)]


@pytest.mark.parametrize("tables", [cron.USUAL, cron.ODD, cron.NO_KEYS], ids=["usual", "odd", "no keys"])
def test_the_sql_of_the_seeds_runs_on_an_adopted_database_and_means_the_same(empty_database_url, tables):
    url = empty_database_url
    run_sql(url, tables, cron.ROWS)
    schema.upgrade(url, ROUTES.masters)
    run_sql(
        url,
        "UPDATE campaign_status SET a1_retry_count = 3, a1_permanently_failed = TRUE, a1_failure_reason = 'why',"
        " a1_last_retry_at = '2026-11-20 10:00' WHERE campaign_id = 'campaign-1'",
    )
    assert [(row[2], str(row[3]), row[4]) for row in run_sql(url, cron.VIEW_FAILED)] == [
        (3, "2026-11-20 10:00:00", "why")
    ]
    assert run_sql(url, cron.DASHBOARD) == [(0, 0, 0, 1)]
    assert run_sql(url, cron.ALERT) == []
    run_sql(url, cron.RESET_SINGLE, of="campaign-1")
    assert run_sql(url, cron.STATUS_CHECK, of="campaign-1") == [
        ("C000000078", "Local adaptation test 2", "A1", 0, None, False, None)
    ]
    assert run_sql(url, cron.IS_FREE) == [(0,)]
    run_sql(url, cron.STORE_MASTER, cron.STORE_MASTER)
    assert run_sql(url, cron.IS_FREE) == [(1,)]
    assert [row[3] for row in run_sql(url, cron.GET_MASTER)] == [{"b": 1.0, "a": [None, "é"]}]
    assert (run_sql(url, cron.COUNT_MASTERS), run_sql(url, cron.COUNT_DERIVATIVES)) == ([(2,)], [(1,)])
    run_sql(url, cron.STORE_DERIVATIVE)
    assert run_sql(url, cron.COUNT_DERIVATIVES) == run_sql(url, cron.COUNT_MASTERS)


def test_the_resets_of_the_seeds_leave_the_other_campaigns_alone(database_url):
    failed = "INSERT INTO campaign_status (campaign_id, a1_retry_count, a1_permanently_failed) VALUES "
    run_sql(database_url, failed + "('a', 3, TRUE), ('b', 3, TRUE), ('c', 7, FALSE)")
    count = "SELECT a1_retry_count FROM campaign_status ORDER BY campaign_id"
    run_sql(database_url, cron.RESET_SINGLE, of="a")
    assert run_sql(database_url, count) == [(0,), (3,), (7,)]
    run_sql(database_url, cron.RESET_ALL)
    assert run_sql(database_url, count) == [(0,), (0,), (7,)]


def test_dagsters_own_version_table_in_the_same_database_stays_as_it_is(empty_database_url):
    run_sql(empty_database_url, "CREATE TABLE alembic_version AS SELECT 'dagsters'::text AS version_num")
    schema.upgrade(empty_database_url, ROUTES.masters)
    assert run_sql(empty_database_url, "SELECT * FROM alembic_version") == [("dagsters",)]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            "INSERT INTO master_assets (tracking_id) VALUES ('ABC123')",
            "The existing table master_assets cannot be adopted: Key (tracking_id)=(ABC123) is duplicated. "
            "Remove the double rows and run it again.",
        ),
        (
            "ALTER TABLE campaign_status ADD COLUMN owner TEXT NOT NULL DEFAULT 'x'; "
            "ALTER TABLE campaign_status ALTER COLUMN owner DROP DEFAULT",
            "campaign_status.owner must be filled in every row, and we have no value for it; give it a default (ALTER "
            "TABLE campaign_status ALTER COLUMN owner SET DEFAULT …) and run it again.",
        ),
        (
            "ALTER TABLE master_assets ADD COLUMN original_filename INTEGER[] NOT NULL DEFAULT '{}', "
            "ADD COLUMN created_at TIMESTAMP NOT NULL DEFAULT now(); "
            "ALTER TABLE master_assets ALTER COLUMN original_filename DROP DEFAULT, "
            "ALTER COLUMN created_at DROP DEFAULT",
            "master_assets.original_filename must be filled in every row, and we have no value for it; give it a "
            "default (ALTER TABLE master_assets ALTER COLUMN original_filename SET DEFAULT …) and run it again.",
        ),
        (
            "CREATE TABLE notifications (text TEXT)",
            'The existing tables cannot be adopted: relation "notifications" already exists; '
            "mend that and run it again.",
        ),
    ],
)
def test_a_database_that_cannot_be_adopted_is_left_as_it_was_and_the_sentence_says_why(
    empty_database_url, spoil, sentence
):
    run_sql(empty_database_url, cron.ODD, cron.ROWS, spoil)
    before = contents(empty_database_url), run_sql(empty_database_url, TABLE_NAMES)
    with pytest.raises(ConfigurationError) as raised:
        schema.upgrade(empty_database_url, ROUTES.masters)
    assert str(raised.value) == sentence
    assert (contents(empty_database_url), run_sql(empty_database_url, TABLE_NAMES)) == before


def test_a_database_of_a_newer_version_is_refused(database_url):
    run_sql(database_url, "UPDATE ferrero_alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="was upgraded by a newer ferrero_dagster"):
        schema.upgrade(database_url, ROUTES.masters)


def test_a_user_without_the_right_to_make_tables_is_told_so(postgres, empty_database_url):
    run_sql(empty_database_url, "CREATE ROLE reader LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(AccessRefused, match="PostgreSQL refuses us: permission denied for schema public"):
        schema.upgrade(empty_database_url.replace("postgres@", "reader@"), ROUTES.masters)
    run_sql(empty_database_url, "DROP ROLE reader")


def upgrade(url):
    schema.upgrade(url, ROUTES.masters)


@pytest.mark.parametrize("use", [upgrade, lambda url: Database(url).transact(lambda cursor: None)])
@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("postgresql://me:s3cret@127.0.0.1:1/x", SystemUnavailable, "Connection refused"),
        ("postgresql://me:s3cret@nowhere.invalid/x", SystemUnavailable, "could not translate host name"),
        ("postgresql+psycopg2://me:s3cret@127.0.0.1/x", ConfigurationError, "FERRERO_DATABASE_URL is not an address"),
        ("mysql://me:s3cret@127.0.0.1/x", ConfigurationError, "FERRERO_DATABASE_URL is not an address"),
        ("postgresql://me:s3cret%zz@127.0.0.1/x", ConfigurationError, "FERRERO_DATABASE_URL is not an address"),
        ("postgresql://me:p@s3cret@127.0.0.1/x", ConfigurationError, "FERRERO_DATABASE_URL is not an address"),
        ("postgresql://me:s3cret@127.0.0.1:port/x", ConfigurationError, "FERRERO_DATABASE_URL is not an address"),
    ],
)
def test_a_wrong_address_is_told_in_one_sentence_without_its_password(use, url, error, words):
    with pytest.raises(error, match=words) as raised:
        use(url)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_dagster_gets_a_schema_of_its_own_and_the_address_for_it(database_url):
    address = schema.make_dagster_schema(database_url)
    assert schema.make_dagster_schema(database_url) == address
    engine = create_engine(address, poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_schema()")).scalar() == "dagster"
