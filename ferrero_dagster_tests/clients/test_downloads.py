"""Bytes come once each, however often their way is cut and whatever the server makes of Range (FAULTS 81)."""

import gzip
import hashlib
import time
from dataclasses import replace

import pytest

from ferrero_dagster.domain.errors import IntegrityError, PackedAnswer, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import QUICK, opened_dam

FILM = b"".join(number.to_bytes(4, "big") for number in range(1_000_000))
CUT = 1_500_000


@pytest.fixture
def otmm(served_dam):
    with opened_dam(served_dam.url) as otmm:
        yield otmm


def film(served_dam, otmm, content=FILM, *, checksum=True):
    folder = served_dam.store.add_folder("ARTESIA.PUBLIC.TREEN", "Masters")
    [asset] = otmm.load_assets([served_dam.store.add_asset(folder, "film.mp4", content, checksum=checksum)])
    return asset


def cut(served_dam, times=1, **more):
    served_dam.board.add(Fault(path="/contents$", cut_after_bytes=CUT, times=times, **more))


def statuses(served_dam):
    return [request.status for request in served_dam.board.requests("GET", "/contents$")]


def read(otmm, asset):
    """The pieces as one, counted and proven."""
    counted: list[int] = []
    pieces = otmm.content(asset, counted.append).pieces()
    content = b"".join(pieces)
    assert sum(counted) == len(content)
    assert pieces.proven().sha1_hex == hashlib.sha1(content).hexdigest()
    return content


@pytest.mark.fault(81)
@pytest.mark.parametrize(
    ("ranges", "checksum", "asked"),
    [
        ("none", True, [200, 200, 200]),
        ("etag", True, [200, 206, 206]),
        ("etag", False, [200, 206, 206]),
        ("without_etag", True, [200, 206, 206]),
        ("without_etag", False, [200, 200, 200]),
    ],
)
def test_a_cut_download_goes_on_where_something_proves_the_rest_and_else_from_the_beginning(
    served_dam, otmm, ranges, checksum, asked
):
    served_dam.settings.ranges = ranges
    asset = film(served_dam, otmm, checksum=checksum)
    cut(served_dam, times=2)
    assert read(otmm, asset) == FILM
    assert statuses(served_dam) == asked


@pytest.mark.fault(81)
@pytest.mark.parametrize("refusal", [400, 416, 501])
def test_who_refuses_range_is_asked_for_all_of_it(served_dam, otmm, refusal):
    served_dam.settings.ranges = "etag"
    asset = film(served_dam, otmm)
    cut(served_dam)
    served_dam.board.add(Fault(path="/contents$", status=refusal, times=QUICK.attempts if refusal == 501 else 1))
    if refusal == 501:  # a server error may be an outage
        with pytest.raises(SystemUnavailable):
            read(otmm, asset)
        return
    assert read(otmm, asset) == FILM
    assert statuses(served_dam) == [200, refusal, 200]


@pytest.mark.fault(81)
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 5-3999999/4000000"},
        {"Content-Range": "bytes */4000000"},
        {"Content-Encoding": "gzip"},
        {"ETag": '"of another"'},
    ],
)
def test_an_answer_that_goes_on_wrongly_is_not_used(served_dam, otmm, headers):
    served_dam.settings.ranges = "etag" if "ETag" not in headers else "without_etag"
    asset = film(served_dam, otmm)
    cut(served_dam, headers={"ETag": '"first"'} if "ETag" in headers else {})
    served_dam.board.add(Fault(path="/contents$", headers=headers))
    assert read(otmm, asset) == FILM
    assert statuses(served_dam)[-1] == 200


@pytest.mark.fault(81)
def test_a_part_of_another_place_than_asked_for_is_not_used(served_dam, otmm):
    served_dam.settings.ranges, served_dam.settings.range_shift_bytes = "etag", 7
    asset = film(served_dam, otmm)
    cut(served_dam)
    assert read(otmm, asset) == FILM
    assert statuses(served_dam) == [200, 206, 200]


@pytest.mark.fault(81)
@pytest.mark.parametrize("ranges", ["none", "etag"])
@pytest.mark.parametrize("content", [FILM[::-1], FILM[:-1] + b"!", FILM[:CUT], FILM + b"more"])
def test_a_source_that_changes_under_way_is_never_taken_for_the_first(served_dam, otmm, ranges, content):
    served_dam.settings.ranges = ranges
    asset = film(served_dam, otmm)

    def change():
        served_dam.store.content(asset.id).write_bytes(content)
        served_dam.store.change(asset.id, md5_hex=hashlib.md5(content).hexdigest())

    cut(served_dam)
    served_dam.board.add(Fault(path="/contents$", before=change))
    with pytest.raises(IntegrityError) as caught:
        read(otmm, asset)
    assert caught.value.code in {"changed under way", "size mismatch", "checksum mismatch"}


@pytest.mark.fault(81)
def test_bytes_that_are_others_the_second_time_are_noticed_without_size_and_checksum(served_dam, otmm):
    asset = film(served_dam, otmm, checksum=False)
    cut(served_dam)
    served_dam.board.add(Fault(path="/contents$", rewrite=lambda body: body[::-1]))
    with pytest.raises(IntegrityError, match="changed in the DAM while they were on their way"):
        read(otmm, asset)


@pytest.mark.fault(81)
def test_tries_are_counted_anew_while_bytes_arrive_and_end_where_none_do(served_dam, otmm, monkeypatch):
    monkeypatch.setattr("ferrero_dagster.clients.downloads._TRIES_FOR_BYTES", 400_000)
    served_dam.settings.ranges = "etag"
    asset = film(served_dam, otmm)
    served_dam.board.add(Fault(path="/contents$", cut_after_bytes=500_000, times=None))
    assert read(otmm, asset) == FILM
    served_dam.settings.ranges = "none"
    with pytest.raises(SystemUnavailable):
        read(otmm, asset)


def test_what_is_done_with_the_pieces_makes_no_download_slow(served_dam):
    with opened_dam(served_dam.url, limits=replace(QUICK, read_timeout_s=1, min_bytes_per_s=10**7)) as otmm:
        for _ in otmm.content(film(served_dam, otmm)).pieces():
            time.sleep(0.4)


@pytest.mark.fault(78)
def test_a_packed_answer_is_unpacked_in_memory_and_in_a_file_and_hands_out_no_pieces(served_dam, otmm, tmp_path):
    asset = film(served_dam, otmm)
    label = {"Content-Encoding": "gzip"}
    served_dam.board.add(Fault(path="/contents$", headers=label, rewrite=gzip.compress, times=None))
    assert otmm.content(asset).into_memory()[0].read() == FILM
    otmm.content(asset).into_file(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == FILM
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    with pytest.raises(PackedAnswer):
        next(iter(otmm.content(asset).pieces()))


@pytest.mark.fault(78)
def test_a_packed_answer_without_end_is_given_up(served_dam, otmm):
    asset = film(served_dam, otmm)
    headers = {"Content-Encoding": "gzip"}
    served_dam.board.add(Fault(path="/contents$", headers=headers, rewrite=lambda body: 3 * body, times=None))
    with pytest.raises(IntegrityError, match="promised 4,000,000"):
        otmm.content(asset).into_memory()
