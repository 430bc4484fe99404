"""A transaction survives a lost connection and a rival, the pool lets callers wait, a lock belongs to one process."""

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from ferrero_dagster.domain.errors import AccessRefused, ConfigurationError, SystemUnavailable
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.tracking.database import MAX_CONNECTIONS, Database
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.transfer.commits import commits_watched

OTHERS = "pid <> pg_backend_pid() AND datname = current_database()"
KILL_ALL = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OTHERS}"
KILL_LOCK_HOLDERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database d ON d.oid = pg_locks.database
WHERE locktype = 'advisory' AND datname = current_database()
"""


@pytest.fixture
def notes(database, database_url):
    run_sql(database_url, "CREATE TABLE note (key TEXT PRIMARY KEY, number INTEGER DEFAULT 0)")
    return database


def write(cursor, key="a"):
    cursor.execute("INSERT INTO note (key) VALUES (%s) ON CONFLICT DO NOTHING", (key,))


def written(url):
    return [key for (key,) in run_sql(url, "SELECT key FROM note ORDER BY key")]


@pytest.mark.fault(28)
def test_a_connection_that_is_killed_in_mid_transaction_costs_nothing_but_a_second_try(notes, database_url):
    tries = []

    def work(cursor):
        write(cursor)
        tries.append(written(database_url))
        if len(tries) == 1:
            run_sql(database_url, KILL_ALL)
        write(cursor, "b")

    notes.transact(work)
    assert tries == [[], []], "the first try left nothing behind"
    assert written(database_url) == ["a", "b"]


def test_a_connection_that_died_in_the_pool_is_replaced(notes, database_url):
    with ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        list(pool.map(lambda key: notes.transact(write, key), "abcdefghij"))
    run_sql(database_url, KILL_ALL)
    notes.transact(write, "k")
    assert written(database_url) == list("abcdefghijk")


@pytest.mark.fault(29)
def test_work_whose_commit_was_done_but_never_answered_is_run_again_and_finds_its_own_traces(
    notes, database_url, tmp_path
):
    seen, lost = [], iter([True])

    def work(cursor):
        seen.append(written(database_url))
        write(cursor)

    with (
        commits_watched(database_url, tmp_path / "proxy", is_lost=lambda: next(lost, False)) as address,
        closing(Database(address)) as behind_proxy,
    ):
        behind_proxy.transact(work)
    assert seen == [[], ["a"]]
    assert written(database_url) == ["a"]


def test_work_that_fails_leaves_nothing_behind_and_is_not_repeated(notes, database_url):
    tries = []

    def work(cursor):
        write(cursor)
        tries.append(1)
        raise ConfigurationError("wrong")

    with pytest.raises(ConfigurationError, match="wrong"):
        notes.transact(work)
    assert (tries, written(database_url)) == ([1], [])


@pytest.mark.fault(28)
def test_of_two_transactions_that_block_each_other_both_succeed(notes, database_url):
    run_sql(database_url, "ALTER ROLE postgres SET deadlock_timeout = '20ms'", "INSERT INTO note VALUES ('a'), ('b')")
    both_hold_one = threading.Barrier(2)

    def count(keys):
        tries = iter([both_hold_one.wait])

        def work(cursor):
            cursor.execute("UPDATE note SET number = number + 1 WHERE key = %s", (keys[0],))
            next(tries, lambda: None)()
            cursor.execute("UPDATE note SET number = number + 1 WHERE key = %s", (keys[1],))

        notes.transact(work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(count, ["ab", "ba"]))
    run_sql(database_url, "ALTER ROLE postgres RESET deadlock_timeout")
    assert run_sql(database_url, "SELECT number FROM note") == [(2,), (2,)]


@pytest.mark.fault(28)
def test_a_transaction_that_a_rival_made_unserializable_is_run_again(notes, database_url):
    run_sql(database_url, "INSERT INTO note VALUES ('a')")
    rivals = iter([1])

    def work(cursor):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        cursor.execute("SELECT number FROM note")
        if next(rivals, None):
            run_sql(database_url, "UPDATE note SET number = number + 10")
        cursor.execute("UPDATE note SET number = number + 1")

    notes.transact(work)
    assert run_sql(database_url, "SELECT number FROM note") == [(11,)]


def test_thirty_threads_share_ten_connections_by_waiting(notes, database_url):
    ten_at_once = threading.Barrier(MAX_CONNECTIONS, timeout=30)

    def work(cursor):
        write(cursor, threading.get_ident())
        ten_at_once.wait()
        # One that was just given back has no transaction any more, but the server may not have seen it go.
        cursor.execute(
            "SELECT count(*) AS busy FROM pg_stat_activity WHERE xact_start IS NOT NULL "
            "AND backend_type = 'client backend' AND datname = current_database()"
        )
        return cursor.fetchone()["busy"]

    with ThreadPoolExecutor(30) as pool:
        assert max(pool.map(lambda _: notes.transact(work), range(30))) == MAX_CONNECTIONS


@pytest.mark.fault(27)
def test_a_server_that_is_stopped_is_an_outage_and_started_again_it_is_used_again(tmp_path):
    with EmbeddedPostgres(tmp_path / "data") as server:
        address = server.url("x")
        database = Database(address)
        database.transact(lambda cursor: cursor.execute("CREATE TABLE note (key TEXT)"))
    with pytest.raises(SystemUnavailable, match="PostgreSQL cannot be used at present"):
        database.transact(write)
    with pytest.raises(SystemUnavailable, match="PostgreSQL cannot be used at present"), database.lock("x"):
        pass
    with EmbeddedPostgres(tmp_path / "data") as server:
        # The old socket directory is gone; the address of a real server would have stayed the same.
        old_place = Path(address.rpartition("=")[2])
        old_place.symlink_to(server.url().rpartition("=")[2])
        database.transact(lambda cursor: cursor.execute("SELECT FROM note"))
        database.close()
        old_place.unlink()


@pytest.mark.parametrize(
    ("user", "name", "words"),
    [
        ("nobody", "postgres", 'role "nobody" does not exist'),
        ("postgres", "nothing", 'database "nothing" does not exist'),
        ("reader", "postgres", 'permission denied for database "postgres"'),
    ],
)
def test_a_server_that_refuses_us_is_not_an_outage(postgres, user, name, words):
    address = postgres.url("postgres")
    run_sql(address, "CREATE ROLE reader LOGIN", "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    refused = address.replace("postgres@/postgres", f"{user}@/{name}").replace("host=", "host=/nowhere,")
    with pytest.raises(AccessRefused, match=words), Database(refused).lock("x"):
        pass
    with pytest.raises(AccessRefused, match=words):
        Database(refused).transact(write)
    run_sql(address, "GRANT CONNECT ON DATABASE postgres TO PUBLIC", "DROP ROLE reader")


def test_a_wrong_password_is_not_an_outage_and_is_not_told(tmp_path):
    with EmbeddedPostgres(tmp_path / "data") as server:
        address = server.url("x")
        run_sql(address, "CREATE ROLE guest LOGIN PASSWORD 'right'")
        (tmp_path / "data/pg_hba.conf").write_text("local all guest scram-sha-256\nlocal all all trust")
        loaded = run_sql(address, "SELECT pg_conf_load_time(), pg_reload_conf()")[0][:1]
        while run_sql(address, "SELECT pg_conf_load_time()") == [loaded]:
            pass
        with pytest.raises(AccessRefused, match="password authentication failed") as raised:
            Database(address.replace("postgres@", "guest:wr0ng@")).transact(write)
        assert "wr0ng" not in str(raised.value)
        Database(address.replace("postgres@", "guest:right@")).transact(lambda cursor: cursor.execute("SELECT 1"))


def test_missing_tables_are_told_with_the_command_that_makes_them(empty_database_url):
    database = Database(empty_database_url)
    with pytest.raises(ConfigurationError, match="run `ferrero-dagster db upgrade`"):
        database.transact(write)
    database.close()


HOLD = """
import sys, time
from ferrero_dagster.tracking.database import Database
with Database(sys.argv[1]).lock("campaign") as lock:
    print(lock is not None, flush=True)
    time.sleep(600)
"""


def test_a_lock_excludes_other_processes_until_its_holder_ends_even_by_sigkill(database, database_url):
    with subprocess.Popen([sys.executable, "-c", HOLD, database_url], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        with database.lock("campaign") as second, database.lock("another campaign") as other:
            assert second is None
            assert other
        backends = f"SELECT pid FROM pg_stat_activity WHERE {OTHERS} AND query LIKE '%advisory%'"
        assert run_sql(database_url, backends)
        holder.send_signal(signal.SIGKILL)
    while run_sql(database_url, backends):
        pass
    with database.lock("campaign") as lock:
        lock.confirm()


def test_a_lock_whose_holders_host_died_is_given_up_by_the_server_within_a_minute(tmp_path):
    with EmbeddedPostgres(tmp_path / "data"), socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # A Unix socket has no keepalives.
    (tmp_path / "data/postgresql.auto.conf").write_text(f"listen_addresses = '127.0.0.1'\nport = {port}\n")
    with (
        EmbeddedPostgres(tmp_path / "data"),
        closing(Database(f"postgresql://postgres@127.0.0.1:{port}/postgres")) as database,
        database.lock("campaign") as lock,
    ):
        assert lock
        cursor = lock._connection.cursor()
        cursor.execute("SELECT name, setting::int FROM pg_settings WHERE name LIKE 'tcp_%'")
        found: dict[str, int] = dict(cursor.fetchall())
    keepalives = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
    assert found == {**keepalives, "tcp_user_timeout": 60_000}


def test_a_lock_is_free_for_others_as_soon_as_it_is_given_back(database):
    for _ in range(50):
        with database.lock("campaign") as lock:
            assert lock


@pytest.mark.fault(37)
def test_a_lock_that_was_lost_is_noticed_before_something_is_done_twice(database, database_url):
    with database.lock("campaign") as lock:
        lock.confirm()
        run_sql(database_url, KILL_ALL)
        with database.lock("campaign") as second:
            assert second
            with pytest.raises(SystemUnavailable, match="PostgreSQL cannot be used at present"):
                lock.confirm()


def test_the_outcome_of_work_is_handed_on_and_errors_of_ours_stay_what_they_are(notes):
    assert notes.transact(lambda cursor: "result") == "result"
    with pytest.raises(psycopg2.errors.SyntaxError):
        notes.transact(lambda cursor: cursor.execute("SELEKT"))
    with closing(notes):
        notes.transact(write)


def test_connections_stay_open_and_those_that_the_server_has_ended_are_noticed_before_they_are_used(
    database, database_url
):
    def backend(cursor):
        cursor.execute("SELECT pg_backend_pid() AS pid, pg_sleep(0.05)")
        return cursor.fetchall()[0]["pid"]

    def at_once():
        with ThreadPoolExecutor(4) as threads:
            return set(threads.map(lambda _: database.transact(backend), range(8)))

    first = at_once()
    assert at_once() <= first
    run_sql(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert not at_once() & first
