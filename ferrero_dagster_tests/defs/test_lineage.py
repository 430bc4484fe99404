"""Dagster has an event of every file that the tables call moved: from its run, or where that died, from reconcile."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from ferrero_dagster.connections import Connections
from ferrero_dagster.defs.lineage import LineageWriter
from ferrero_dagster.defs.masters import masters_lineage
from ferrero_dagster.domain.ids import DamId

MASTERS = dg.AssetKey(["tracking", "master_assets"])
UNTOLD = "SELECT count(*) FROM untold_files"
REFUSED = """
CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
CREATE TRIGGER refused BEFORE DELETE ON untold_files FOR EACH STATEMENT EXECUTE FUNCTION refused()
"""
#: In Dagster's own storage.
NOT_TAKEN = """
CREATE TRIGGER not_taken BEFORE INSERT ON event_logs WHEN new.asset_key LIKE '%master_assets%'
BEGIN SELECT RAISE(ABORT, 'not now'); END
"""
LATER = "UPDATE untold_files SET since = since - interval '1 hour'"


def events(cockpit):
    """Of moved files: tracking ID, run and metadata, as Dagster shows them."""
    found = cockpit.instance.fetch_materializations(MASTERS, limit=1000).records
    return {
        str(one.partition_key): (one.run_id, one.asset_materialization.metadata)
        for one in found
        if one.asset_materialization
    }


def in_dagster(cockpit, statement):
    [index] = Path(cockpit.instance.root_directory).rglob("index.db")
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute(statement)


def reconcile(cockpit):
    cockpit.repository.get_job("reconcile").execute_in_process(instance=cockpit.instance)


def tracking_ids(cockpit):
    return set(cockpit.world.sql("SELECT tracking_id FROM transfers WHERE state = 'moved'"))


def test_when_a_run_has_ended_dagster_has_an_event_of_each_of_its_files_with_its_life(cockpit):
    campaign_id = cockpit.world.campaign({f"film {n}.mp4": b"film" * n for n in range(1, 8)})
    run = cockpit.launch("a1_to_a2", campaign_id)
    told = events(cockpit)
    assert told.keys() == {id_ for (id_,) in tracking_ids(cockpit)}
    assert len(told) == 7
    assert {run_id for run_id, _ in told.values()} == {run.run_id}
    assert all("moved" in metadata["life"].value for _, metadata in told.values())
    assert set(cockpit.instance.get_dynamic_partitions("tracking_ids")) == told.keys()
    assert cockpit.world.sql(UNTOLD) == [(0,)]


def test_what_a_killed_run_moved_and_did_not_tell_is_told_by_reconcile_once_as_that_runs(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.run(DamId(campaign_id), run_id="of a dead host")  # nobody tells Dagster of it
    moved = {id_ for (id_,) in tracking_ids(cockpit)}
    reconcile(cockpit)
    assert events(cockpit) == {}  # its run may be just about to tell
    cockpit.world.sql(LATER)
    reconcile(cockpit)
    told = events(cockpit)
    assert told.keys() == moved
    assert {run_id for run_id, _ in told.values()} == {"of a dead host"}
    assert all(metadata["campaign"].value.startswith("C") for _, metadata in told.values())
    assert cockpit.world.sql(UNTOLD) == [(0,)]
    reconcile(cockpit)
    assert len(cockpit.instance.fetch_materializations(MASTERS, limit=1000).records) == len(moved)


def test_a_run_whose_events_cannot_be_written_moves_its_files_all_the_same_and_reconcile_tells_of_them(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.sql(REFUSED)
    assert cockpit.launch("a1_to_a2", campaign_id).success
    cockpit.world.sql("DROP TRIGGER refused ON untold_files", LATER)
    assert cockpit.world.sql(UNTOLD) == [(3,)]
    reconcile(cockpit)
    assert cockpit.world.sql(UNTOLD) == [(0,)]
    assert events(cockpit).keys() == {id_ for (id_,) in tracking_ids(cockpit)}


def test_files_whose_events_dagster_does_not_take_for_good_are_told_by_reconcile_once_it_does(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.launch("a1_to_a2", cockpit.world.campaign({"a.png": b"a"}))
    earlier = events(cockpit).keys()
    in_dagster(cockpit, NOT_TAKEN)
    assert cockpit.launch("a1_to_a2", campaign_id).success
    assert (events(cockpit).keys(), cockpit.world.sql(UNTOLD)) == (earlier, [(3,)])
    in_dagster(cockpit, "DROP TRIGGER not_taken")
    cockpit.world.sql(LATER)
    reconcile(cockpit)
    assert cockpit.world.sql(UNTOLD) == [(0,)]
    assert events(cockpit).keys() == {id_ for (id_,) in tracking_ids(cockpit)}


def dying(*_, **__):
    raise SystemExit


def failing(*_, **__):
    raise RuntimeError("no room left")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("describe", "why"), [(dying, "has ended early"), (failing, "no room left")])
def test_a_thread_that_dies_or_cannot_write_loses_no_event_and_the_run_ends_and_says_so(cockpit, describe, why):
    world, said = cockpit.world, list[str]()
    world.run(DamId(world.campaign()), run_id="of a dead thread")
    [route, *_] = world.systems.site.routes.masters
    links = Connections.from_environment().links
    lineage = masters_lineage(route, cockpit.instance, world.database, world.systems.site.zone, links)
    with LineageWriter(
        replace(lineage, describe=describe), campaign="C", run_id="of a dead thread", warn=said.append
    ) as writer:
        for file in world.events:
            writer.add(file)
    assert [why in words for words in said] == [True]
    assert (events(cockpit), world.sql(UNTOLD)) == ({}, [(3,)])
    world.sql(LATER)
    reconcile(cockpit)
    assert events(cockpit).keys() == {id_ for (id_,) in tracking_ids(cockpit)}
    assert world.sql(UNTOLD) == [(0,)]
