"""What docs/DATABASES.md tells of customers' databases is what happens on the PostgreSQL of these tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import psycopg2
import pytest

from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster_tests.databases import CASES, Case, outcome
from ferrero_dagster_tests.databases_table import PAGE, note
from ferrero_dagster_tests.fix_world import World, opened_systems


@pytest.fixture
def opened(served_dam, served_box, box_client, tmp_path) -> Callable[[str, str], AbstractContextManager[World]]:
    """Makes a world on our role's address of a database, which the tests look into by the owner's."""

    @contextmanager
    def world(our_url: str, owner_url: str) -> Iterator[World]:
        add_box_folders(served_box.store, sandbox_site())
        temp_dir, login = tmp_path / "transit", served_dam.login
        with opened_systems(served_dam.url, box_client, our_url, temp_dir, login=login) as systems:
            yield World(served_dam, served_box, systems.database, owner_url, systems)

    return world


@pytest.fixture(scope="module")
def release(postgres: EmbeddedPostgres) -> str:
    with closing(psycopg2.connect(postgres.url("postgres"))) as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


@pytest.mark.fault(74)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_the_page_of_databases_tells_is_what_happens(case: Case, postgres, opened, release) -> None:
    found = outcome(case, postgres, opened)
    told = note(case.what, release, found)
    assert told is None, f"`make databases` writes {PAGE.name} anew; it happens now: {found}"
