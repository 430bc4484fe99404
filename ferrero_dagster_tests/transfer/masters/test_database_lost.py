"""A run that loses PostgreSQL, or its answer to a COMMIT, doubles nothing and goes on later (FAULTS 27-29)."""

import itertools
from contextlib import closing, suppress
from dataclasses import replace

import psycopg2
import pytest

from ferrero_dagster.config.database import Patience
from ferrero_dagster.domain.errors import CampaignError, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.postgres import EmbeddedPostgres
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.fix_world import ROUTES, World, opened_systems, with_site
from ferrero_dagster_tests.tracking.test_database import KILL_ALL, KILL_LOCK_HOLDERS
from ferrero_dagster_tests.transfer.commits import commits_watched


def losing(world, tmp_path, at):
    """The address of a database that loses the answer to the commit with that number."""
    numbers = itertools.count(1)
    return commits_watched(world.database_url, tmp_path / str(at), is_lost=lambda: next(numbers) == at)


def run_behind(world, box_client, database_url, campaign_id, tmp_path):
    with opened_systems(world.dam.url, box_client, database_url, tmp_path / "transit") as systems:
        one_by_one = with_site(systems, transfer={"threads": 1})
        return World(world.dam, world.box, systems.database, world.database_url, one_by_one).run(campaign_id)


@pytest.mark.fault(29)
def test_a_commit_whose_answer_is_lost_is_found_done_whichever_it_is(world, box_client, tmp_path):
    expected = world.no_fault()
    for at in range(1, 13):
        campaign_id = world.campaign()
        with losing(world, tmp_path, at) as database_url:
            run_behind(world, box_client, database_url, campaign_id, tmp_path)
        assert world.end_state(campaign_id) == expected, f"commit {at}"


@pytest.mark.fault(29)
def test_a_strike_whose_commit_was_not_answered_is_one_strike(world, box_client, tmp_path):
    for at in range(1, 7):
        campaign_id = world.campaign({}, folders=())
        with losing(world, tmp_path, at) as database_url, pytest.raises(CampaignError):
            run_behind(world, box_client, database_url, campaign_id, tmp_path)
        query = "SELECT a1_retry_count, a1_error_count FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'"
        assert world.sql(query, of=campaign_id) == [(1, 1)], f"commit {at}"
    assert world.templates() == ["a1_to_a2_no_assets_retry"] * 6


@pytest.mark.fault(28)
@pytest.mark.parametrize("where", [{"path": "/contents$"}, {"path": "/children$"}, {"method": "PATCH"}])
def test_when_all_connections_are_cut_and_the_lock_with_them_the_next_run_goes_on(world, where):
    expected, campaign_id = world.no_fault(), world.campaign()
    world.dam.board.add(Fault(**where, before=lambda: world.sql(KILL_ALL)))
    with suppress(SystemUnavailable):
        world.run(campaign_id)
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


def test_a_run_that_lost_only_its_lock_leaves_the_status_to_the_next(world):
    expected, campaign_id = world.no_fault(), world.campaign()
    world.dam.board.add(Fault(path="/contents$", before=lambda: world.sql(KILL_LOCK_HOLDERS)))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    assert world.dam.store.status(campaign_id) == "A1"
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(27)
def test_a_file_that_reached_box_while_postgresql_stopped_is_adopted_once_it_is_back(world, box_client, tmp_path):
    expected, campaign_id = world.no_fault(), world.campaign()
    server = EmbeddedPostgres(tmp_path / "data")
    address = server.__enter__().url("lost")
    schema.upgrade(address, ROUTES.masters)
    world.box.board.add(Fault(path="files/content$", skip=1, before=lambda: server.__exit__(None, None, None)))
    with (
        pytest.raises(SystemUnavailable, match="PostgreSQL cannot be used"),
        opened_systems(world.dam.url, box_client, address, tmp_path / "transit") as systems,
    ):
        World(world.dam, world.box, systems.database, address, systems).run(campaign_id)
    assert len(world.box.store.tree()) > 3
    with EmbeddedPostgres(tmp_path / "data") as server:
        address = server.url("lost")
        with opened_systems(world.dam.url, box_client, address, tmp_path / "transit") as systems:
            again = World(world.dam, world.box, systems.database, address, systems)
            again.run(campaign_id)
            assert again.end_state(campaign_id) == expected
            assert again.sql("SELECT count(*) FROM transfers WHERE adopted")[0][0] >= 1


@pytest.mark.fault(75)
def test_a_run_that_lost_its_lock_uploads_nothing_more(world):
    expected, campaign_id = world.no_fault(), world.campaign()
    before = world.files()
    world.dam.board.add(Fault(path="/contents$", before=lambda: world.sql(KILL_LOCK_HOLDERS)))
    with pytest.raises(SystemUnavailable, match="the connection that holds our lock was lost"):
        world.with_site(transfer={"threads": 1}).run(campaign_id)
    assert world.files() == before
    assert world.sql("SELECT count(*) FROM transfers WHERE last_error IS NOT NULL") == [(0,)]
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected


@pytest.mark.fault(72)
def test_a_run_that_meets_a_locked_table_ends_in_a_sentence_and_the_next_goes_on(world):
    expected, campaign_id = world.no_fault(), world.campaign()
    with (
        closing(psycopg2.connect(world.database_url, application_name="nightly backup")) as theirs,
        closing(Database(world.database_url, Patience(lock_s=1, transaction_s=5))) as database,
    ):
        theirs.cursor().execute("LOCK TABLE master_assets IN ACCESS EXCLUSIVE MODE")
        hurried = replace(world, systems=replace(world.systems, database=database))
        with pytest.raises(SystemUnavailable, match="master_assets is still locked by nightly backup"):
            hurried.run(campaign_id)
    assert world.dam.store.status(campaign_id) == "A1"
    assert world.sql("SELECT a1_retry_count FROM campaign_status WHERE a1_retry_count > 0") == []
    world.run(campaign_id)
    assert world.end_state(campaign_id) == expected
