"""Uploads in parts go on where they were cut off, and never with the bytes of another file (FAULTS 83)."""

import json
import tracemalloc
from dataclasses import replace

import pytest

from ferrero_dagster.clients.held_bytes import HeldBytes
from ferrero_dagster.domain.errors import FileRefused, IntegrityError, SystemUnavailable, TransientError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.uploads import (
    LARGE,
    LARGE_PARTS,
    PART_BYTES,
    Arriving,
    Noted,
    digest_of,
    large_file,
)
from ferrero_dagster_tests.fix_sandbox import JSON, opened_box

THREADS = 3
OUT = SystemUnavailable("PostgreSQL", "It is out.")


@pytest.fixture
def box(served_box):
    served_box.settings.part_size_bytes, served_box.settings.chunked_minimum_bytes = PART_BYTES, 10
    with opened_box(served_box, part_threads=THREADS) as box:
        yield box


@pytest.fixture
def noted():
    return Noted()


def cut_off_after(served_box, box, noted, parts, content=LARGE, **more):
    """An upload that so many parts of arrived."""
    fault = served_box.board.add(Fault(method="PUT", status=503, skip=parts, times=None))
    with pytest.raises(SystemUnavailable):
        box.upload_large(large_file(content, sessions=noted, **more))
    served_box.board.clear()
    assert fault.skip == 0
    served_box.board.seen.clear()


def parts_sent(served_box):
    return len([put for put in served_box.board.requests("PUT") if put.status == 200])


def sessions(served_box):
    return [row["id"] for row in served_box.store.database.rows("SELECT id FROM upload_sessions")]


def arrived(served_box, content=LARGE, name="film.mp4"):
    return served_box.store.tree() == {name: digest_of(content).sha1_hex} and not sessions(served_box)


@pytest.mark.fault(83)
@pytest.mark.parametrize("parts", [0, 1, 6, LARGE_PARTS - 1])
def test_the_next_try_sends_only_the_parts_that_box_lacks(served_box, box, noted, parts):
    cut_off_after(served_box, box, noted, parts)
    sent: list[int] = []
    _, digest, adopted = box.upload_large(large_file(sessions=noted, on_bytes=sent.append))
    assert (digest, adopted) == (digest_of(LARGE), False)
    assert arrived(served_box)
    assert parts_sent(served_box) == LARGE_PARTS - parts
    assert len(sent) == LARGE_PARTS - parts
    assert not noted.sessions


@pytest.mark.fault(83)
def test_where_all_parts_arrived_the_next_try_only_commits(served_box, box, noted):
    def out():
        raise OUT

    with pytest.raises(SystemUnavailable):
        box.upload_large(large_file(sessions=noted, before_commit=out))
    assert not served_box.store.tree()
    served_box.board.seen.clear()
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == 0
    assert arrived(served_box)


@pytest.mark.fault(21, 83)
@pytest.mark.parametrize("status", [None, 403, 410])
def test_a_session_that_is_gone_or_another_s_is_begun_anew_at_once(served_box, box, noted, status):
    cut_off_after(served_box, box, noted, 5)
    if status is None:
        served_box.store.expire_upload_sessions()
    else:
        served_box.board.add(Fault(method="GET", path="/upload_sessions/", status=status))
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == LARGE_PARTS
    assert served_box.store.tree() == {"film.mp4": digest_of(LARGE).sha1_hex}
    assert not noted.sessions


@pytest.mark.fault(83)
@pytest.mark.parametrize("told", [{}, {"id": "1", "part_size": PART_BYTES}, {"id": "1", "part_size": "many"}])
def test_a_session_that_box_does_not_describe_is_begun_anew_at_once(served_box, box, noted, told):
    cut_off_after(served_box, box, noted, 5)
    answer = Fault(method="GET", path="/upload_sessions/", status=200, body=json.dumps(told), headers=JSON, times=None)
    served_box.board.add(answer)
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == LARGE_PARTS
    assert served_box.store.tree() == {"film.mp4": digest_of(LARGE).sha1_hex}
    assert not noted.sessions


@pytest.mark.fault(83)
def test_an_outage_while_a_session_is_looked_for_does_not_give_it_up(served_box, box, noted):
    cut_off_after(served_box, box, noted, 5)
    served_box.board.add(Fault(method="GET", path="/upload_sessions/", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        box.upload_large(large_file(sessions=noted))
    served_box.board.clear()
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == LARGE_PARTS - 5


@pytest.mark.fault(83)
@pytest.mark.parametrize("changed", [0, 2, 4])
def test_bytes_that_are_others_by_now_are_never_mixed_with_the_parts_that_box_has(served_box, box, noted, changed):
    cut_off_after(served_box, box, noted, 5)
    other = bytearray(LARGE)
    other[changed * PART_BYTES] ^= 1
    box.upload_large(large_file(bytes(other), sessions=noted))
    assert arrived(served_box, bytes(other))
    assert not noted.sessions


@pytest.mark.fault(83)
def test_a_session_of_another_part_size_is_not_continued(served_box, box, noted):
    cut_off_after(served_box, box, noted, 5)
    noted.sessions = [replace(noted.sessions[0], part_bytes=PART_BYTES + 1)]
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == LARGE_PARTS
    assert arrived(served_box)


@pytest.mark.fault(83)
@pytest.mark.parametrize("status", [409, 412, 416])
def test_a_part_that_box_refuses_without_having_it_ends_the_session(served_box, box, noted, status):
    served_box.board.add(Fault(method="PUT", status=status, skip=4))
    with pytest.raises(IntegrityError) as caught:
        box.upload_large(large_file(sessions=noted))
    assert caught.value.code == "Box part refused"
    assert not sessions(served_box)
    assert not noted.sessions
    box.upload_large(large_file(sessions=noted))
    assert arrived(served_box)


@pytest.mark.fault(83)
@pytest.mark.parametrize("status", [409, 412, 416])
@pytest.mark.usefixtures("box")
def test_a_part_that_box_refuses_because_it_has_it_is_fine(served_box, status):
    served_box.board.add(Fault(method="PUT", drop_answer=True, skip=4))
    served_box.board.add(Fault(method="PUT", status=status, skip=4))
    with opened_box(served_box, part_threads=1) as box_of_one:
        box_of_one.upload_large(large_file())
    assert arrived(served_box)


@pytest.mark.fault(15, 83)
def test_a_name_that_is_taken_while_parts_arrive_is_never_overwritten(served_box, box, noted):
    taken = Fault(path="commit$", before=lambda: served_box.store.put_file("0", "film.mp4", b"theirs"))
    served_box.board.add(taken)
    with pytest.raises(FileRefused, match="already holds something else"):
        box.upload_large(large_file(sessions=noted))
    assert arrived(served_box, b"theirs")
    assert not noted.sessions


@pytest.mark.fault(18, 83)
@pytest.mark.parametrize("fault", [{"drop_answer": True}, {"status": 503}])
def test_a_commit_whose_answer_was_lost_is_found_again_and_nothing_is_read_twice(served_box, box, noted, fault):
    opened = []

    def content():
        opened.append(1)
        return Arriving(LARGE, digest_of(LARGE))

    served_box.board.add(Fault(path="commit$", **fault))
    box.upload_large(large_file(sessions=noted, content=content))
    assert arrived(served_box)
    assert len(opened) == 1


@pytest.mark.fault(14, 83)
def test_a_file_whose_process_died_after_the_commit_is_adopted_by_its_bytes(served_box, box, noted):
    cut_off_after(served_box, box, noted, LARGE_PARTS - 1)
    left = list(noted.sessions)
    box.upload_large(large_file(sessions=noted))
    noted.sessions = left
    file, digest, adopted = box.upload_large(large_file(sessions=noted))
    assert (digest, adopted) == (digest_of(LARGE), True)
    assert file.id == served_box.store.find("0", "film.mp4").id
    assert arrived(served_box)
    assert not noted.sessions


@pytest.mark.fault(8, 83)
def test_nothing_is_committed_that_was_not_proven(served_box, box, noted):
    class Damaged(Arriving):
        def proven(self):
            raise IntegrityError("It is not.")

    with pytest.raises(IntegrityError):
        box.upload_large(large_file(sessions=noted, content=lambda: Damaged(LARGE, digest_of(LARGE))))
    assert not served_box.board.requests("POST", "commit$")
    assert not sessions(served_box)
    assert not noted.sessions


@pytest.mark.fault(83)
def test_a_source_that_breaks_off_leaves_its_parts_for_the_next_try(served_box, box, noted):
    class Broken(Arriving):
        def __iter__(self):
            yield self.content[: 5 * PART_BYTES + 10]
            raise SystemUnavailable("DAM", "It is out.")

    held, broken = HeldBytes(3 * PART_BYTES), Broken(LARGE, digest_of(LARGE))
    with pytest.raises(SystemUnavailable, match="It is out"):
        box.upload_large(large_file(sessions=noted, held=held, content=lambda: broken))
    assert parts_sent(served_box) == 5
    held.take(3 * PART_BYTES)  # all room was given back
    served_box.board.seen.clear()
    box.upload_large(large_file(sessions=noted))
    assert parts_sent(served_box) == LARGE_PARTS - 5


def test_an_upload_that_nobody_goes_on_with_is_forgotten_by_box(served_box, box, noted):
    cut_off_after(served_box, box, noted, 5)
    [session_id] = sessions(served_box)
    box.forget_upload(session_id)
    box.forget_upload(session_id)
    assert not sessions(served_box)
    served_box.board.add(Fault(method="DELETE", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        box.forget_upload(session_id)


@pytest.mark.parametrize("size_bytes", [1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_files_of_any_size_around_a_part_arrive(served_box, box, noted, size_bytes):
    served_box.settings.chunked_minimum_bytes = 1
    box.upload_large(large_file(LARGE[:size_bytes], sessions=noted))
    assert arrived(served_box, LARGE[:size_bytes])


@pytest.mark.parametrize(("file_bytes", "most_parts"), [(8_000_000, 3), (7_999_999, 2)])
def test_a_large_file_costs_no_more_memory_than_its_parts_in_flight(served_box, monkeypatch, file_bytes, most_parts):
    """One is sent while one is filled, or one after the other; the server's chunks live in this process, too."""
    monkeypatch.setattr("ferrero_dagster.clients.box_chunks._FILE_BYTES", file_bytes)
    part_bytes, parts, threads = 4_000_000, 12, 1
    served_box.settings.part_size_bytes = part_bytes
    quarters = [number.to_bytes(4, "big") for number in range(4 * parts)]
    digest = digest_of(b"".join(quarter * (part_bytes // 16) for quarter in quarters))

    class Made(Arriving):
        def __iter__(self):
            yield from (quarter * (part_bytes // 16) for quarter in quarters)

    file = replace(large_file(content=lambda: Made(b"", digest), held=HeldBytes(10**9)), size_bytes=part_bytes * parts)
    with opened_box(served_box, part_threads=threads) as box:
        tracemalloc.start()
        box.upload_large(file)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < most_parts * part_bytes
    assert served_box.store.tree() == {"film.mp4": digest.sha1_hex}


@pytest.mark.fault(21)
def test_a_session_that_expires_meanwhile_is_one_sentence(served_box, box, noted):
    served_box.board.add(Fault(method="PUT", skip=4, before=served_box.store.expire_upload_sessions))
    with pytest.raises(TransientError, match="Box ended the upload"):
        box.upload_large(large_file(sessions=noted, folder=BoxId("0")))
    assert not noted.sessions
