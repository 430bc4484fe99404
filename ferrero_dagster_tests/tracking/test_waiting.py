"""SQL waits as long as its patience lasts, then ends in a sentence that says who holds what it waited for."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg2
import pytest

from ferrero_dagster.config.database import Patience
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.neighbours import attempted
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.silence import silence

QUICK = Patience(shown_as="ferrero_dagster tick a1_campaigns", connect_s=2, lock_s=1, transaction_s=3)
LOCKED = "LOCK TABLE master_assets IN ACCESS EXCLUSIVE MODE"


@contextmanager
def session(url, *statements, name="psql of a DBA"):
    """Somebody's open transaction."""
    with closing(psycopg2.connect(url, application_name=name)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield connection.info.backend_pid


def sentence_of(use, *, at_most_s):
    """What the use of the database ends in, within that time."""
    began = time.monotonic()
    with pytest.raises(SystemUnavailable) as raised:
        use()
    assert time.monotonic() - began < at_most_s
    assert raised.value.system == "PostgreSQL"
    assert "\n" not in str(raised.value)
    return str(raised.value)


def asking(url, statement, patience=QUICK):
    def ask():
        with closing(Database(url, patience)) as database:
            database.transact(lambda cursor: cursor.execute(statement))

    return ask


@pytest.mark.fault(72)
@pytest.mark.parametrize("held", [LOCKED, "ALTER TABLE master_assets ADD COLUMN theirs TEXT"])
def test_a_locked_table_is_waited_for_as_long_as_the_site_says_and_its_holder_is_named(database_url, held):
    with session(database_url, held) as pid:
        sentence = sentence_of(asking(database_url, "SELECT 's3cret' FROM master_assets"), at_most_s=2.5)
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    holder = rf"psql of a DBA \(user postgres, process {pid}, since {since}\)"
    assert re.search(rf"after 1 s master_assets is still locked by {holder}", sentence)
    assert "s3cret" not in sentence
    asking(database_url, "SELECT FROM master_assets")()


@pytest.mark.fault(72)
def test_of_a_queue_for_a_table_the_first_is_named_not_the_one_before_us(database_url):
    with (
        session(database_url, "SELECT FROM master_assets", name="pg_dump"),
        ThreadPoolExecutor() as pool,
    ):
        alters = pool.submit(run_sql, database_url, "SET lock_timeout = '4s'; ALTER TABLE master_assets ADD x TEXT")
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        while not alters.done() and not run_sql(database_url, waits):
            continue
        assert "is still locked by pg_dump" in sentence_of(
            asking(database_url, "SELECT FROM master_assets"), at_most_s=2.5
        )
        assert alters.exception(timeout=10)


@pytest.mark.fault(72)
def test_the_row_of_an_idle_transaction_is_waited_for_as_long_and_nothing_is_half_done(database_url):
    run_sql(database_url, "INSERT INTO campaign_status (campaign_id, status) VALUES ('a', 'A1'), ('b', 'A1')")

    def work(cursor):
        cursor.execute("UPDATE campaign_status SET status = 'A2' WHERE campaign_id = 'a'")
        cursor.execute("UPDATE campaign_status SET status = 'A2' WHERE campaign_id = 'b'")

    with (
        session(database_url, "UPDATE campaign_status SET status = 'A9' WHERE campaign_id = 'b'", name="backup"),
        closing(Database(database_url, QUICK)) as database,
    ):
        sentence = sentence_of(lambda: database.transact(work), at_most_s=2.5)
        assert "campaign_status is still locked by backup (user postgres" in sentence
        assert run_sql(database_url, "SELECT DISTINCT status FROM campaign_status") == [("A1",)]


@pytest.mark.fault(72)
def test_work_that_takes_too_long_ends_without_another_try(database_url):
    began = asking(database_url, "SELECT pg_sleep(30)")
    assert "after 3 s the work was not done" in sentence_of(began, at_most_s=4.5)


@pytest.mark.fault(72)
@pytest.mark.parametrize("use", [asking, lambda url, _: lambda: schema.upgrade(url, ROUTES.masters, QUICK)])
@pytest.mark.parametrize("at", [b"user", b"set_config"], ids=["never", "after the log-in"])
def test_a_server_that_takes_us_in_and_keeps_silent_is_left(database_url, use, at):
    with silence(database_url) as (proxy, address):
        proxy.at = at
        assert sentence_of(use(address, "SELECT 1"), at_most_s=6)


@pytest.mark.fault(72)
@pytest.mark.parametrize("at", [b"pg_sleep", b"COMMIT"])
def test_a_server_that_falls_silent_in_mid_transaction_is_left(database_url, at):
    with silence(database_url) as (proxy, address), closing(Database(address, QUICK)) as database:
        database.transact(lambda cursor: cursor.execute("SELECT 1"))
        proxy.at = at
        sentence = sentence_of(
            lambda: database.transact(lambda cursor: cursor.execute("SELECT pg_sleep(0)")), at_most_s=7
        )
        assert re.search(r"it has not answered for [56] s", sentence)


@pytest.mark.fault(72)
def test_an_upgrade_does_not_wait_for_ever_and_changes_nothing(empty_database_url):
    run_sql(empty_database_url, "CREATE TABLE master_assets (tracking_id TEXT PRIMARY KEY)")
    with session(empty_database_url, LOCKED):
        sentence = sentence_of(lambda: schema.upgrade(empty_database_url, ROUTES.masters, QUICK), at_most_s=4)
    assert "master_assets is still locked by psql of a DBA" in sentence
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert run_sql(empty_database_url, tables) == [("master_assets",)]


@pytest.mark.fault(72)
def test_two_upgrades_at_once_wait_for_each_other_only_as_long_as_they_shall(database_url):
    lock = f"SELECT pg_advisory_xact_lock({schema._MIGRATION_LOCK})"
    with session(database_url, lock, name="ferrero_dagster upgrade"):
        sentence = sentence_of(lambda: schema.upgrade(database_url, ROUTES.masters, QUICK), at_most_s=4)
    assert "advisory is still locked by ferrero_dagster upgrade" in sentence


def test_an_administrator_who_cancels_a_statement_costs_a_second_try(database_url):
    cancelled = threading.Event()

    def work(cursor):
        if cancelled.is_set():
            return "done"
        cancelled.set()
        cursor.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)")
        return "not reached"

    with closing(Database(database_url, QUICK)) as database:
        assert database.transact(work) == "done"


def test_a_transaction_has_its_patience_back_after_the_table_of_a_neighbour(database):
    def work(cursor):
        found = attempted(cursor, "anything", shown)
        return found, shown(cursor)

    def shown(cursor):
        cursor.execute("SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS all")
        return list(cursor.fetchall()[0].values())

    (found, note), after = database.transact(work)
    assert (found, note) == (["2s", "10s"], None)
    assert after == ["30s", "5min"]


def test_who_we_are_is_shown_by_postgresql_whatever_the_site_calls_it(database_url):
    for waiting in ("tick", "run", "command", "upgrade"):
        patience = load_site().database.patience(waiting, "ü" * 40)
        with closing(Database(database_url, patience)) as database:
            database.transact(lambda cursor: cursor.execute("SELECT 1"))
            shown = run_sql(database_url, "SELECT application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert any(name.startswith(f"ferrero_dagster {waiting}") for (name,) in shown)


def test_a_tick_gives_up_long_before_dagster_does():
    tick = load_site().database.patience("tick")
    assert 2 * tick.connect_s + tick.transaction_s < 45
    assert tick.lock_s < tick.transaction_s
