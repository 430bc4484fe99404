"""check-connections tells what of the database hinders runs, in a sentence with the remedy, and changes nothing."""

import re
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from ferrero_dagster.config.database import Patience
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.operations import database_checks
from ferrero_dagster.tracking import conditions, schema
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster_tests.fix_postgres import database_in
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import contents, run_sql

TRACKING = Path(schema.__file__).parent
TABLES = len(conditions.OURS) + len(cron.TABLES)
IMPATIENT = Patience(lock_s=0.5, transaction_s=2)
ROLE = (
    "CREATE ROLE writer LOGIN",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO writer",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO writer",
)


def looked(url, patience=IMPATIENT):
    """What each check says; of an error its sentence."""
    database, found = Database(url, patience), {}
    checks: dict[str, Callable[[Cursor], str]] = {
        "encoding": conditions.encoding,
        "tables": database_checks.tables,
        "rows": partial(database_checks.rows, routes=ROUTES),
    }
    for name, check in checks.items():
        try:
            found[name] = database.transact(check)
        except FerreroError as error:
            found[name] = f"{type(error).__name__}: {error}"
    database.close()
    return found


@pytest.fixture
def url(empty_database_url):
    """The cron scripts' database, upgraded."""
    run_sql(empty_database_url, cron.USUAL, cron.ROWS)
    schema.upgrade(empty_database_url, ROUTES.masters, finals=ROUTES.finals)
    return empty_database_url


@pytest.fixture
def writer_url(url):
    """The address for a role that owns nothing and may write rows."""
    run_sql(url, *ROLE)
    yield url.replace("postgres@", "writer@")
    run_sql(url, "DROP OWNED BY writer CASCADE", "DROP ROLE writer")


def test_a_role_that_may_only_write_finds_all_well_and_leaves_no_row(url, writer_url):
    before = contents(url)
    assert looked(writer_url) == {
        "encoding": "UTF8",
        "tables": f"{TABLES} tables in public; of postgres, who has to run `db upgrade`",
        "rows": "all that runs write was tried and undone",
    }
    assert contents(url) == before
    assert run_sql(url, "SELECT (SELECT count(*) FROM transfers), (SELECT count(*) FROM pending_masters)") == [(0, 0)]


@pytest.mark.fault(74)
@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (
            "REVOKE INSERT, UPDATE ON master_assets FROM writer",
            "tables",
            'master_assets: our role writer may not INSERT, UPDATE; GRANT INSERT, UPDATE ON master_assets TO "writer".',
        ),
        (
            "REVOKE DELETE ON reds FROM writer",
            "tables",
            'reds: our role writer may not DELETE; GRANT DELETE ON reds TO "writer".',
        ),
        (
            "REVOKE USAGE ON SEQUENCE derivative_assets_id_seq FROM writer",
            "tables",
            "derivative_assets_id_seq: our role writer may not use them; GRANT USAGE ON SEQUENCE derivative",
        ),
        (
            "CREATE SCHEMA apart; ALTER TABLE reds SET SCHEMA apart",
            "tables",
            'reds is in the schema apart, where our role writer does not look: GRANT USAGE ON SCHEMA "apart" TO',
        ),
        ("DROP TABLE reds", "tables", "There is no table reds: run `ferrero-dagster db upgrade`."),
        (
            "ALTER TABLE master_assets ENABLE ROW LEVEL SECURITY",
            "rows",
            "master_assets does not take a master: new row violates row-level security policy",
        ),
        (
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN NEW.status := lower(NEW.status); RETURN NEW; END';"
            "CREATE TRIGGER no BEFORE INSERT ON campaign_status FOR EACH ROW EXECUTE FUNCTION no()",
            "rows",
            "campaign_status.status does not take the status A1.*: what we wrote reads otherwise, or not at all; ",
        ),
        (
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER no BEFORE INSERT ON derivative_assets FOR EACH ROW EXECUTE FUNCTION no()",
            "rows",
            "derivative_assets does not take a final, a final in place of another: what we wrote reads otherwise",
        ),
        (
            "ALTER TABLE campaign_status ADD CHECK (status <> 'A6') NOT VALID",
            "rows",
            "campaign_status does not take the status A6: .*; let the constraint take that",
        ),
    ],
)
def test_what_hinders_runs_is_told_with_table_value_and_remedy(url, writer_url, change, check, words):
    run_sql(url, change)
    sentence = looked(writer_url)[check]
    assert re.match(f"ConfigurationError: .*{words}", sentence), sentence


@pytest.mark.fault(74)
def test_a_database_that_is_not_upgraded_yet_is_told_with_what_is_in_the_way(empty_database_url):
    assert looked(empty_database_url)["tables"] == "ours are not there yet, nothing is in their way"
    run_sql(
        empty_database_url, cron.USUAL, "ALTER TABLE master_assets RENAME TO m", "CREATE VIEW master_assets AS TABLE m"
    )
    assert "ConfigurationError: master_assets: a view" in looked(empty_database_url)["tables"]


@pytest.mark.fault(74)
def test_what_an_owner_added_is_named_though_nothing_is_wrong_with_it(url, writer_url):
    run_sql(
        url,
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER audit AFTER INSERT ON master_assets FOR EACH ROW EXECUTE FUNCTION noted()",
        "ALTER TABLE campaign_status ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY everybody ON campaign_status USING (TRUE)",
        "CREATE SCHEMA copy; CREATE TABLE copy.master_assets ()",
    )
    found = looked(writer_url)
    assert found["rows"] == "all that runs write was tried and undone"
    assert found["tables"] == (
        f"{TABLES} tables in public; of postgres, who has to run `db upgrade`; not used: copy.master_assets; triggers "
        "that may change or refuse rows: audit on master_assets; row-level security: of campaign_status we know only "
        "the rows that its policies show us"
    )


@pytest.mark.fault(74)
@pytest.mark.parametrize(
    ("encoding", "words"),
    [("LATIN1", "LATIN1: a name with a character that it lacks"), ("SQL_ASCII", "SQL_ASCII holds")],
)
def test_an_encoding_that_does_not_hold_all_is_told(postgres, encoding, words):
    with database_in(postgres, encoding) as url:
        schema.upgrade(url, ROUTES.masters)
        found = looked(url)
    assert found["encoding"].startswith(words)
    assert found["rows"] == "all that runs write was tried and undone"


@pytest.mark.fault(72)
def test_a_try_waits_for_nobodys_lock_for_long_and_tells_who_holds_it(url):
    with closing(psycopg2.connect(url, application_name="backup")) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE master_assets")
        began = time.monotonic()
        sentence = looked(url)["rows"]
        assert time.monotonic() - began < 2 * IMPATIENT.transaction_s
    assert "SystemUnavailable" in sentence
    assert "master_assets is still locked by backup" in sentence


@pytest.mark.fault(72)
def test_a_try_that_a_trigger_keeps_ends_in_time_and_holds_no_lock_after_it(url):
    run_sql(
        url,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'",
        "CREATE TRIGGER slow BEFORE INSERT ON master_assets FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    began = time.monotonic()
    assert "after 2 s the work was not done" in looked(url)["rows"]
    assert time.monotonic() - began < 3 * IMPATIENT.transaction_s
    run_sql(url, "SET lock_timeout = '1s'", "LOCK TABLE master_assets, campaign_status, derivative_assets NOWAIT")


@pytest.mark.fault(74)
def test_a_server_that_takes_no_rows_at_present_is_told_once_as_that(url):
    run_sql(url, f"ALTER DATABASE {url.split('/')[3].split('?')[0]} SET default_transaction_read_only = on")
    sentence = looked(url)["rows"]
    assert sentence.startswith("SystemUnavailable: ")
    assert sentence.count("read-only") == 1


def test_the_tables_that_are_looked_at_are_those_that_an_upgrade_makes(url):
    made = {name for (name,) in run_sql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert made - {schema.VERSION_TABLE} == {*conditions.OURS, *cron.TABLES}
    emptied = {
        name for path in TRACKING.glob("*.py") for name in re.findall(r"DELETE FROM (\w+)", path.read_text("utf-8"))
    }
    assert emptied == set(conditions.EMPTIED)
