"""A real PostgreSQL for the whole run; each test that asks for a database gets a clone of a migrated template."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Database

_TEMPLATE = "migrated"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data") as server:
        schema.upgrade(server.url(_TEMPLATE))
        yield server


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


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()
