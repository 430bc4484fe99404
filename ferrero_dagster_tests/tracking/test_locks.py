"""The session that holds a lock stays alive, or its loss is known before anything is done twice."""

import time
from contextlib import closing

import psycopg2
import pytest

from ferrero_dagster.config.database import Patience
from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.silence import silence
from ferrero_dagster_tests.tracking.test_database import KILL_LOCK_HOLDERS

OFTEN = Patience(connect_s=2, lock_check_s=0.2)


@pytest.mark.fault(75)
def test_a_lock_outlives_the_limits_that_a_server_has_for_idle_sessions(database_url):
    name = database_url.partition("@/")[2].partition("?")[0]
    for limit in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        run_sql(database_url, f"ALTER DATABASE {name} SET {limit} = '1s'")
    # Asked nothing for longer than that, as behind a slow disk.
    with closing(Database(database_url, Patience(lock_check_s=60))) as database, database.lock("campaign") as lock:
        assert lock
        with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
            other.autocommit = True
            time.sleep(2.5)
            with pytest.raises(psycopg2.Error):
                cursor.execute("SELECT 1")
        lock.confirm()
        assert (
            database.transact(lambda cursor: "its own connections are made anew") == "its own connections are made anew"
        )


@pytest.mark.fault(75)
def test_a_lock_is_asked_after_so_often_that_no_firewall_takes_it_for_dead(database_url):
    asked = (
        "SELECT max(query_start) FROM pg_stat_activity WHERE query LIKE '%pg_locks WHERE locktype = ''advisory'' AND%'"
    )
    asked += " AND pid <> pg_backend_pid()"
    with closing(Database(database_url, OFTEN)) as database, database.lock("campaign"):
        [[first]] = run_sql(database_url, asked)
        while run_sql(database_url, asked) == [(first,)]:
            continue


@pytest.mark.fault(75)
def test_a_lock_that_is_lost_is_noticed_at_once_and_stays_lost(database_url):
    with closing(Database(database_url, OFTEN)) as database, database.lock("campaign") as lock:
        assert lock
        run_sql(database_url, KILL_LOCK_HOLDERS)
        while not lock._lost:
            continue
        # Another has had it meanwhile, and is done.
        with database.lock("campaign") as second:
            assert second
        for _ in range(2):
            with pytest.raises(SystemUnavailable, match="the connection that holds our lock was lost"):
                lock.confirm()


@pytest.mark.fault(75)
def test_a_lock_behind_which_the_server_falls_silent_counts_as_lost_within_seconds(database_url):
    with (
        silence(database_url) as (proxy, address),
        closing(Database(address, OFTEN)) as database,
        database.lock("campaign") as lock,
    ):
        assert lock
        proxy.falls.set()
        began = time.monotonic()
        with pytest.raises(SystemUnavailable, match="it has not answered for"):
            lock.confirm()
        assert time.monotonic() - began < 10
