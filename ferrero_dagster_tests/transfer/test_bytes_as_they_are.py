"""Bytes arrive as DAM and Box count them, whatever a server on the way calls their encoding."""

import gzip
import zlib

import pytest

from ferrero_dagster.domain.errors import IntegrityError
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER, sha1

PACKED = gzip.compress(b"pack" * 9000)
LABEL = {"Content-Encoding": "gzip"}
ASSETS = {"Pack.tar.gz": PACKED, "Drawing.svgz": gzip.compress(b"<svg/>"), "Plain.gz": b"not packed at all"}


def listed(world, name, content):
    world.box.store.put_file(AGENCY_FOLDER, name, content)
    return world.systems.agency.list_files(AGENCY_FOLDER, subfolders=False)[0]


@pytest.mark.fault(78)
def test_an_archive_that_is_labelled_as_packed_on_the_way_to_box_stays_as_it_is(world):
    campaign_id = world.campaign(ASSETS)
    world.dam.board.add(Fault(path="/contents$", headers=LABEL, times=None))
    assert len(world.run(campaign_id).moved) == 3
    assert {sha1_hex for _, sha1_hex in world.files()} == {sha1(content) for content in ASSETS.values()}


@pytest.mark.fault(78)
@pytest.mark.parametrize(("pack", "label"), [(gzip.compress, "GZIP"), (zlib.compress, "deflate")])
def test_what_the_way_to_box_has_packed_although_asked_not_to_is_unpacked(world, pack, label):
    campaign_id = world.campaign({"Film.mp4": b"film" * 700_000, "Key.png": b"key"})
    headers = {"Content-Encoding": label}
    world.dam.board.add(Fault(path="/contents$", headers=headers, rewrite=pack, times=None))
    assert len(world.run(campaign_id).moved) == 2
    assert {sha1_hex for _, sha1_hex in world.files()} == {sha1(b"film" * 700_000), sha1(b"key")}


@pytest.mark.fault(78)
@pytest.mark.parametrize("content", ASSETS.values(), ids=ASSETS)
def test_a_final_that_box_labels_as_packed_stays_as_it_is(world, content, tmp_path):
    file = listed(world, "final", content)
    world.box.board.add(Fault(path="^/dl/", headers=LABEL))
    assert world.systems.agency.download(file, tmp_path / "final").sha1_hex == sha1(content)
    assert (tmp_path / "final").read_bytes() == content


@pytest.mark.fault(78)
def test_a_final_that_was_packed_on_the_way_is_unpacked_also_in_several_members(world, tmp_path):
    file = listed(world, "final", b"one" * 9000)
    halves = Fault(path="^/dl/", headers=LABEL, rewrite=lambda b: gzip.compress(b[:500]) + gzip.compress(b[500:]))
    world.box.board.add(halves)
    world.systems.agency.download(file, tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == b"one" * 9000


@pytest.mark.fault(78)
def test_what_is_neither_packed_nor_unpacked_as_promised_is_refused_and_nothing_is_left(world, tmp_path):
    file = listed(world, "final", b"one" * 9000)
    world.box.board.add(Fault(path="^/dl/", headers=LABEL, rewrite=lambda _: PACKED, times=None))
    with pytest.raises(IntegrityError):
        world.systems.agency.download(file, tmp_path / "transit")
    assert not list(tmp_path.glob("transit*"))


@pytest.mark.fault(78)
def test_contents_are_asked_for_as_they_are(world, tmp_path):
    world.run(world.campaign({"a.png": b"a"}))
    world.systems.agency.download(listed(world, "final", b"f"), tmp_path / "final")
    asked = world.dam.board.requests("GET", "/contents$") + world.box.board.requests("GET", "^/dl/")
    assert [request.encodings for request in asked] == ["identity"] * 2
