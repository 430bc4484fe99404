"""Every form of a database's address works in every part or is refused in one sentence; no pool shares our sessions."""

from contextlib import closing

import pytest
import sqlalchemy as sa
from dagster_postgres import DagsterPostgresStorage

from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.storage import EnvironmentStorage
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.operations.connection_checks import check_connections
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.addresses import connect_arguments, sqlalchemy_url
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.pooler import pooled


def transact(url):
    with closing(Database(url)) as database:
        database.transact(lambda cursor: cursor.execute("SELECT 1"))


def lock(url):
    with closing(Database(url)) as database, database.lock("campaign"):
        pass


@pytest.mark.fault(67)
@pytest.mark.parametrize("use", [transact, lock, lambda url: schema.upgrade(url, ROUTES.masters)])
def test_a_pool_in_transaction_mode_is_refused_at_the_first_connection(database_url, use):
    with pooled(database_url) as address:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="PgBouncer in transaction mode") as refused:
                use(address)
    assert refused.value.system == "PostgreSQL"
    assert "\n" not in str(refused.value)


@pytest.mark.fault(67)
def test_check_connections_finds_a_pool_in_transaction_mode(database_url, tmp_path, monkeypatch):
    with pooled(database_url) as address:
        monkeypatch.setenv("DAGSTER_PG_URL", address)
        settings = load_settings(database_url=address, temp_dir=tmp_path, box_config="nowhere")
        checks = check_connections(Connections(settings, sandbox_site()))
    found = {(c.system, c.check): c for c in checks}
    assert "pool in session mode" in found["PostgreSQL", "reachable"].detail
    assert found["PostgreSQL", "reachable"].who_must_act == "administrator"


def forms(url):
    """The embedded server's address, which is a socket's path, in other forms that libpq knows."""
    name, place = url.partition("@/")[2].split("?host=")
    return {
        "two hosts": f"postgresql://postgres@/{name}?host=/nowhere,{place}",
        "postgres://": url.replace("postgresql://", "postgres://"),
        "a password with signs": url.replace("postgres@", "postgres:p%40s%2Fs%3A%25@"),
        "options": f"{url}&options=-c%20statement_timeout%3D9000",
        "sslmode": f"{url}&sslmode=prefer",
        "keywords": f"host={place} dbname={name} user=postgres",
    }


@pytest.mark.fault(67)
@pytest.mark.parametrize("form", list(forms("postgresql://postgres@/x?host=/y")))
def test_every_form_of_an_address_works_in_every_part(empty_database_url, monkeypatch, tmp_path, form):
    url = forms(empty_database_url)[form]
    assert load_settings(database_url=url).database_url.get_secret_value() == url
    schema.upgrade(url, ROUTES.masters)
    transact(url)
    lock(url)
    for address in (schema.make_dagster_schema(url), sqlalchemy_url(f"{url}").render_as_string(hide_password=False)):
        monkeypatch.setenv("DAGSTER_PG_URL", address)
        storage = EnvironmentStorage.from_config_value(None, {})
        assert isinstance(storage, DagsterPostgresStorage)
        assert storage.run_storage.get_runs_count() == 0
    assert run_sql(
        empty_database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'dagster' AND tablename = 'runs'"
    ) == [(1,)]
    checks = check_connections(Connections(load_settings(database_url=url, temp_dir=tmp_path), sandbox_site()))
    found = {(c.system, c.check): (c.state, c.detail.partition(",")[0]) for c in checks}
    assert found["PostgreSQL", "reachable"] == ("ok", "answers")
    assert found["Dagster storage", "reachable"][0] == "ok"


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:p@s3cret@db.example/x",
        "postgresql://me:s3cret/x@db.example/x",
        "postgresql://me:s3cret%zz@db.example/x",
        "postgresql+psycopg2://me:s3cret@db.example/x",
        "mysql://me:s3cret@db.example/x",
        "postgresql://me:s3cret@a:1,b:2,c:3,d:port/x",
        "s3cret",
    ],
)
def test_what_is_no_address_is_refused_at_load_without_its_password(address):
    with pytest.raises(ConfigurationError, match="FERRERO_DATABASE_URL: expected postgresql://") as refused:
        load_settings(database_url=address)
    assert "s3cret" not in str(refused.value)


@pytest.mark.fault(67)
@pytest.mark.parametrize(
    "address", ["mysql://me:s3cret@db.example/x", "postgresql+psycopg2://me:p@s3cret@a,b/x", "s3cret"]
)
def test_dagsters_address_is_refused_at_load_without_its_password(address, monkeypatch):
    monkeypatch.setenv("DAGSTER_PG_URL", address)
    with pytest.raises(ConfigurationError, match="DAGSTER_PG_URL is not an address: expected") as refused:
        EnvironmentStorage.from_config_value(None, {})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("postgresql://u:p%40@h1:5432,h2:5433/d", "h1,h2", "5432,5433"),
        ("postgresql+psycopg2://u:p%40@h1:5432,h2:5433/d", "h1,h2", "5432,5433"),
        ("postgresql+psycopg2://u:p%40@/d?host=h1:5432&host=h2:5433", "h1,h2", "5432,5433"),
        ("postgres://u:p%40@[::1]:5433/d", "::1", "5433"),
    ],
)
def test_hosts_ports_and_passwords_reach_the_driver_as_they_were_meant(address, host, port):
    arguments = connect_arguments(sa.make_url(sqlalchemy_url(address).render_as_string(hide_password=False)))
    assert {name: str(arguments[name]) for name in ("host", "port", "user", "password", "dbname")} == {
        "host": host,
        "port": port,
        "user": "u",
        "password": "p@",
        "dbname": "d",
    }


@pytest.mark.fault(72)
def test_dagsters_own_connections_wait_no_longer_than_stated_unless_the_address_says_otherwise(
    empty_database_url, monkeypatch
):
    address = f"{schema.make_dagster_schema(empty_database_url)}&connect_timeout=9"
    monkeypatch.setenv("DAGSTER_PG_URL", address)
    storage = EnvironmentStorage.from_config_value(None, {})
    assert isinstance(storage, DagsterPostgresStorage)
    arguments = connect_arguments(sa.make_url(storage.postgres_url))
    assert (str(arguments["connect_timeout"]), str(arguments["tcp_user_timeout"])) == ("9", "60000")
    with sa.create_engine(storage.postgres_url, poolclass=sa.NullPool).connect() as connection:
        shown = "SELECT current_setting('lock_timeout'), current_setting('search_path')"
        assert connection.execute(sa.text(shown)).fetchone() == ("30s", "dagster")


def test_dagsters_storage_whose_tables_are_there_is_opened_and_used_over_one_connection(
    empty_database_url, monkeypatch
):
    monkeypatch.setenv("DAGSTER_PG_URL", schema.make_dagster_schema(empty_database_url))
    EnvironmentStorage.from_config_value(None, {})
    connections = []
    count = lambda *_: connections.append(1)  # noqa: E731  # to be removed again
    sa.event.listen(sa.Engine, "connect", count)
    try:
        storage = EnvironmentStorage.from_config_value(None, {})
        assert storage.run_storage.get_runs_count() == 0
        assert storage.event_log_storage.get_maximum_record_id() is None
        assert storage.schedule_storage.all_instigator_state() == []
    finally:
        sa.event.remove(sa.Engine, "connect", count)
    assert connections == [1]
