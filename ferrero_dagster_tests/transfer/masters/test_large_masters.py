"""Masters go to Box without resting on disk, large ones in parts that the next run goes on with (FAULTS 81, 83)."""

import gzip
import random
import signal
from contextlib import nullcontext, suppress

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.housekeeping import put_right
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import sha1
from ferrero_dagster_tests.transfer.masters.test_crash import Executioner, start_child

PART_BYTES, LARGE_FROM = 100_000, 300_000
FILM = random.Random(1).randbytes(1_050_000)
PARTS = 11
SITE = {"box": {"chunked_from_bytes": LARGE_FROM}}


@pytest.fixture
def large_world(world):
    """Large begins at some KB, and there is no room on the disk."""
    world.box.settings.part_size_bytes, world.box.settings.chunked_minimum_bytes = PART_BYTES, 10
    return world.with_site(**SITE, transfer={"free_space_reserve_bytes": 10**18})


def sessions(world):
    ours = {session_id for (session_id,) in world.sql("SELECT session_id FROM upload_sessions")}
    theirs = {row["id"] for row in world.box.store.database.rows("SELECT id FROM upload_sessions")}
    return ours, theirs


def parts_sent(world):
    return len([put for put in world.box.board.requests("PUT") if put.status == 200])


def run(world, campaign_id):
    """A run of which an outage may be the end."""
    with suppress(SystemUnavailable):
        return world.run(campaign_id).moved
    return []


def shas(world):
    return sorted(sha1_hex for _, sha1_hex in world.files())


def hour(world):
    systems = world.systems
    rows = put_right(
        systems.database,
        systems.site,
        lambda: nullcontext(systems.dam),
        lambda: nullcontext((systems.box, systems.agency)),
        Request(done_by="reconcile", dry_run=False),
        warn=world.said.append,
    )
    return [row["what"] for row in rows]


@pytest.mark.fault(45)
@pytest.mark.parametrize("checksum", [True, False])
def test_masters_of_any_size_move_without_a_byte_on_the_disk(large_world, checksum):
    sizes = [1, LARGE_FROM - 1, LARGE_FROM, LARGE_FROM + 1, len(FILM)]
    campaign_id = large_world.campaign({})
    for size in sizes:
        large_world.add_asset(campaign_id, f"{size}.mp4", FILM[:size], checksum=checksum)
    assert len(large_world.run(campaign_id).moved) == len(sizes)
    assert shas(large_world) == sorted(sha1(FILM[:size]) for size in sizes)
    assert len(large_world.box.board.requests("POST", "upload_sessions$")) == 3
    assert sessions(large_world) == (set(), set())


def test_what_all_memory_cannot_hold_and_parts_are_not_for_rests_on_disk(large_world):
    small = large_world.with_site(transfer={"memory_bytes": LARGE_FROM - 10})
    campaign_id = small.campaign({"a.mp4": FILM[: LARGE_FROM - 5]})
    assert not run(small, campaign_id)  # there is none
    with_disk = small.with_site(transfer={"free_space_reserve_bytes": 0})
    assert len(with_disk.run(campaign_id).moved) == 1


@pytest.mark.fault(78)
def test_a_large_file_that_is_packed_on_the_way_rests_on_disk_and_arrives_in_parts(large_world):
    world = large_world.with_site(transfer={"free_space_reserve_bytes": 0})
    campaign_id = world.campaign({"film.mp4": FILM, "labelled.mp4": FILM[::-1]})
    labels = {"Content-Encoding": "gzip"}
    world.dam.board.add(Fault(path="/contents$", headers=labels, rewrite=gzip.compress, times=2))
    world.dam.board.add(Fault(path="/contents$", headers=labels, times=None))
    one_by_one = world.with_site(transfer={"threads": 1})
    assert len(one_by_one.run(campaign_id).moved) == 2
    assert shas(world) == sorted([sha1(FILM), sha1(FILM[::-1])])
    assert parts_sent(world) == 2 * PARTS
    assert sessions(world) == (set(), set())


@pytest.mark.fault(83)
@pytest.mark.parametrize("at_part", [0, 6, PARTS - 1])
def test_a_run_that_is_killed_between_parts_is_gone_on_with(large_world, tmp_path, at_part):
    world, executioner = large_world, Executioner(at=at_part + 1)
    campaign_id = world.campaign({"film.mp4": FILM})
    world.box.board.add(Fault(method="PUT", times=None, before=executioner))
    process = start_child(world, campaign_id, executioner, tmp_path, site=SITE)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert world.files() == []
    world.box.board.clear()
    assert len(sessions(world)[0]) == 1
    before = parts_sent(world)
    assert len(world.run(campaign_id).moved) == 1
    assert PARTS <= parts_sent(world) <= PARTS + world.systems.site.box.part_threads
    assert parts_sent(world) - before < PARTS or not before
    assert shas(world) == [sha1(FILM)]
    assert sessions(world) == (set(), set())


@pytest.mark.fault(18, 83)
def test_a_run_that_is_killed_after_its_commit_adopts_its_file(large_world, tmp_path):
    world = large_world
    campaign_id = world.campaign({"film.mp4": FILM})
    executioner = Executioner(at=1)
    world.box.board.add(Fault(path="commit$", rewrite=lambda body: executioner() or body))
    process = start_child(world, campaign_id, executioner, tmp_path, site=SITE)
    process.join()
    assert shas(world) == [sha1(FILM)]
    assert world.sql("SELECT state FROM transfers") == [("pending",)]
    assert len(world.run(campaign_id).moved) == 1
    assert world.sql("SELECT state FROM transfers") == [("moved",)]
    assert len(world.files()) == 1
    assert sessions(world) == (set(), set())


@pytest.mark.fault(81, 83)
@pytest.mark.parametrize("ranges", ["none", "etag"])
def test_a_download_that_is_cut_sends_no_part_twice(large_world, ranges):
    large_world.dam.settings.ranges = ranges
    campaign_id = large_world.campaign({"film.mp4": FILM})
    large_world.dam.board.add(Fault(path="/contents$", cut_after_bytes=450_000, times=1))
    assert len(large_world.run(campaign_id).moved) == 1
    assert parts_sent(large_world) == PARTS
    assert shas(large_world) == [sha1(FILM)]


@pytest.mark.fault(81, 83)
def test_a_source_that_changes_under_way_leaves_nothing_in_box_and_arrives_by_the_next_run(large_world):
    world = large_world
    campaign_id = world.campaign({"film.mp4": FILM})
    [asset] = [item for item in world.dam.store.records.items() if item.kind == "asset" and item.name == "film.mp4"]
    other = FILM[::-1]
    change = Fault(path="/contents$", before=lambda: world.dam.store.content(asset.id).write_bytes(other))
    world.dam.board.add(Fault(path="/contents$", cut_after_bytes=450_000))
    world.dam.board.add(change)
    assert not run(world, campaign_id)
    assert any("changed in the DAM while they were on their way" in line for line in world.said)
    assert world.files() == []
    assert sessions(world) == (set(), set())
    world.dam.store.content(asset.id).write_bytes(FILM)
    assert len(world.run(campaign_id).moved) == 1
    assert shas(world) == [sha1(FILM)]


@pytest.mark.fault(83)
def test_a_session_is_not_continued_for_a_file_of_the_same_size_and_bytes_elsewhere(large_world):
    world = large_world.with_site(transfer={"threads": 1})
    campaign_id = world.campaign({"a.mp4": FILM, "b.mp4": FILM})
    world.box.board.add(Fault(method="PUT", status=503, skip=5, times=None))
    run(world, campaign_id)
    world.box.board.clear()
    assert len(world.run(campaign_id).moved) == 2
    assert sorted(name.partition("/")[2].split("/")[-1] for name, _ in world.files()) == [
        "a_TRACKID.mp4",
        "b_TRACKID.mp4",
    ]
    assert sessions(world) == (set(), set())


@pytest.mark.fault(83)
def test_uploads_that_nobody_goes_on_with_are_ended_by_the_hour(large_world):
    world = large_world
    campaign_id = world.campaign({"film.mp4": FILM})
    world.box.board.add(Fault(method="PUT", status=503, skip=5, times=None))
    run(world, campaign_id)
    world.box.board.clear()
    assert "upload given up" not in hour(world)
    world.sql("UPDATE upload_sessions SET used_at = now() - interval '80 hours'")
    world.box.board.add(Fault(method="DELETE", path="upload_sessions", status=503, times=None))
    assert "upload given up" not in hour(world)
    assert any("could not be ended" in line for line in world.said)
    world.box.board.clear()
    assert hour(world) == ["upload given up"]
    assert sessions(world) == (set(), set())


@pytest.mark.fault(75, 83)
def test_a_run_that_lost_its_lock_makes_nothing_visible(large_world):
    world = large_world
    campaign_id = world.campaign({"film.mp4": FILM, "small.mp4": FILM[:9]})
    end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    world.dam.board.add(Fault(path="/contents$", times=None, before=lambda: world.sql(end)))
    run(world, campaign_id)
    assert world.files() == []
    world.dam.board.clear()
    assert len(world.run(campaign_id).moved) == 2
