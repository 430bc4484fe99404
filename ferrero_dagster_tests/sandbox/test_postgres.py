"""The embedded PostgreSQL starts wherever it is put and whatever happened before."""

import os
from contextlib import closing

import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine, text

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres


def ask(url, question):
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(question)
        return next(iter(cursor.fetchone() or ())) if cursor.description else None


def postmaster_pid(data_dir):
    return int((data_dir / "postmaster.pid").read_text().splitlines()[0])


def test_it_takes_many_connections_in_a_directory_with_a_long_and_awkward_name(tmp_path):
    data_dir = tmp_path / "a deep 'directory' %20" / ("d" * 150)
    with EmbeddedPostgres(data_dir) as server:
        assert int(ask(server.url(), "SHOW max_connections")) >= 200
        assert ask(server.url("odd name/%?"), "SELECT current_database()") == "odd name/%?"


def test_sqlalchemy_understands_the_address(postgres):
    engine = create_engine(postgres.url().replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == "ferrero_tracking"
    engine.dispose()


def test_a_clone_equals_its_template_and_can_be_dropped_while_in_use(postgres):
    ask(postgres.url("original"), "CREATE TABLE note AS SELECT 'kept' AS line")
    clone = postgres.clone("original", "copy")
    assert ask(clone, "SELECT line FROM note") == "kept"
    with closing(psycopg2.connect(clone)):
        postgres.drop("copy")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        ask(clone, "SELECT 1")
    postgres.drop("copy")


def test_nothing_is_forgotten_between_two_starts(tmp_path):
    with EmbeddedPostgres(tmp_path / "data") as server:
        ask(server.url(), "CREATE TABLE note AS SELECT 'kept' AS line")
        assert postmaster_pid(tmp_path / "data")
    with EmbeddedPostgres(tmp_path / "data") as server:
        assert ask(server.url(), "SELECT line FROM note") == "kept"


def test_a_server_left_behind_by_a_killed_process_is_used_again_and_stopped(tmp_path):
    with EmbeddedPostgres(tmp_path / "data") as left_behind:
        pid = postmaster_pid(tmp_path / "data")
        with EmbeddedPostgres(tmp_path / "data") as server:
            assert postmaster_pid(tmp_path / "data") == pid
            assert server.url() == left_behind.url()
        assert not (tmp_path / "data" / "postmaster.pid").exists()


def test_a_killed_server_starts_again_with_what_was_committed(tmp_path):
    with EmbeddedPostgres(tmp_path / "data") as server:
        ask(server.url(), "CREATE TABLE note AS SELECT 'kept' AS line")
        process = psutil.Process(postmaster_pid(tmp_path / "data"))
        process.kill()
        process.wait()
        with EmbeddedPostgres(tmp_path / "data") as again:
            assert ask(again.url(), "SELECT line FROM note") == "kept"


def test_a_process_number_that_went_to_somebody_else_is_no_obstacle(tmp_path):
    data_dir = tmp_path / "data"
    with EmbeddedPostgres(data_dir):
        left_behind = (data_dir / "postmaster.pid").read_text()
    _, *rest = left_behind.splitlines(keepends=True)
    (data_dir / "postmaster.pid").write_text("".join([f"{os.getpid()}\n", *rest]))
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url(), "SELECT 1") == 1


def test_half_an_initialisation_is_begun_anew(tmp_path):
    unfinished = tmp_path / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "data") as server:
        assert ask(server.url(), "SELECT 1") == 1


def test_a_directory_that_cannot_be_used_is_named_in_one_sentence(tmp_path):
    (tmp_path / "data").write_text("no directory")
    with pytest.raises(ConfigurationError, match=r"start on .*/data/inside: .*Not a directory.*delete that directory"):
        EmbeddedPostgres(tmp_path / "data" / "inside").__enter__()


def test_a_damaged_cluster_is_reported_with_the_servers_own_words(tmp_path):
    with EmbeddedPostgres(tmp_path / "data"):
        pass
    (tmp_path / "data" / "global" / "pg_control").unlink()
    with pytest.raises(ConfigurationError, match="pg_control"):
        EmbeddedPostgres(tmp_path / "data").__enter__()
