"""A real PostgreSQL for the whole run; each test that asks for a database gets a clone of a migrated template.

It is the wheel's, or the one whose programs are in the directory that FERRERO_TEST_POSTGRES names.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Cursor, Database

_TEMPLATE = "migrated"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    # Not in pytest's own directory: several sessions at once delete each other's, and a server dies with its files.
    programs = os.environ.get("FERRERO_TEST_POSTGRES")
    bin_dir = Path(programs) if programs else None
    with TemporaryDirectory(prefix="ferrero-test-") as state, EmbeddedPostgres(Path(state) / "data", bin_dir) as server:
        schema.upgrade(server.url(_TEMPLATE), load_site().routes.masters)
        with closing(Database(server.url(_TEMPLATE))) as template:
            template.transact(_no_report_is_due)
        yield server


def _no_report_is_due(cursor: Cursor) -> None:
    """A day may end while the tests run; the report of a day that this database did not see is not missed."""
    cursor.execute("UPDATE installations SET installed_at = installed_at + interval '1 day'")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty tracking database of this test's own."""
    name = f"test_{next(_numbers)}"
    yield postgres.clone(_TEMPLATE, name)
    postgres.drop(name)


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of a database without any tables."""
    name = f"empty_{next(_numbers)}"
    yield postgres.url(name)
    postgres.drop(name)


@contextmanager
def database_in(postgres: EmbeddedPostgres, encoding: str) -> Iterator[str]:
    """The address of a database without any tables, in this encoding."""
    name = f"encoded_{next(_numbers)}"
    with closing(psycopg2.connect(postgres.url("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()
