"""Uploads to the Box stand-in, whole and in parts, by Box's own SDK."""

import hashlib
import io
import time
import tracemalloc
from base64 import b64encode
from typing import Any

import pytest
from box_sdk_gen import (
    BoxSDKError,
    PreflightFileUploadCheckParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
    UploadFileVersionAttributes,
    UploadPart,
    UploadWithPreflightCheckAttributes,
)
from box_sdk_gen.managers.uploads import UploadWithPreflightCheckAttributesParentField

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.sandbox.box_sdk import conflicts_of, refused, sdk_box

MEGABYTE = 1024**2
FILM = bytes(range(256)) * 1000


@pytest.fixture
def box(box):
    """A Box whose parts are small enough for quick tests."""
    box.settings.chunked_minimum_bytes = 1000
    box.settings.part_size_bytes = 100_000
    return box


@pytest.fixture
def incoming(box):
    return box.store.state_dir / "incoming"


class Unseekable(io.RawIOBase):
    """A stream of unknown length, which the SDK sends with chunked transfer encoding."""

    def __init__(self, data):
        self._left = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self._left.read(size)


def upload(box, name="film.mp4", content=FILM, folder_id="0", **options):
    attributes = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id=folder_id))
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    return box.client.uploads.upload_file(attributes, stream, **options).entries[0]


def upload_in_parts(box, name="film.mp4", content=FILM):
    return box.client.chunked_uploads.upload_big_file(io.BytesIO(content), name, len(content), "0")


def sha1_hex(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def digest(content):
    return "sha=" + b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


@pytest.mark.parametrize("name", ["film.mp4", "Größe ☕🍫.mp4", 'quo"te; name="file".mp4', "x" * 255])
def test_an_upload_arrives_whole_under_its_name(box, incoming, name):
    file = upload(box, name, file_file_name=name, content_md_5=sha1_hex(FILM))
    assert (file.name, file.size, file.sha_1) == (name, len(FILM), sha1_hex(FILM))
    assert box.store.content(file.id).read_bytes() == FILM
    assert list(incoming.iterdir()) == []


def test_an_upload_of_unknown_length_arrives_whole(box):
    assert upload(box, content=Unseekable(FILM)).sha_1 == sha1_hex(FILM)


def test_an_empty_file_is_a_file(box):
    assert upload(box, content=b"").size == 0


def test_an_upload_with_another_sha1_than_promised_leaves_nothing(box, incoming):
    with refused(400, "bad_digest"):
        upload(box, content_md_5=sha1_hex(b"another"))
    assert (box.store.tree(), list(incoming.iterdir())) == ({}, [])


@pytest.mark.parametrize(("conflicts_as", "shape"), [("contract", dict), ("dict", dict), ("list", list)])
def test_a_taken_name_is_refused_with_what_has_it(box, conflicts_as, shape):
    file = upload(box)
    box.settings.conflicts_as = conflicts_as
    with refused(409, "item_name_in_use") as caught:
        upload(box, "FILM.mp4")
    conflicts = conflicts_of(caught)
    assert isinstance(conflicts, shape)
    conflict = conflicts if shape is dict else conflicts[0]
    assert (conflict["id"], conflict["sha1"]) == (file.id, sha1_hex(FILM))


def test_a_file_cannot_have_the_name_of_a_folder(box):
    box.store.add_folder(name="Campaign")
    with refused(409, "item_name_in_use") as caught:
        upload(box, "campaign")
    assert conflicts_of(caught)["type"] == "folder"


def test_an_upload_into_a_folder_that_does_not_exist_is_refused(box):
    with refused(404, "not_found"):
        upload(box, folder_id="4711")


def test_a_name_that_box_does_not_take_is_refused_or_silently_sanitised(box):
    with refused(400, "item_name_invalid"):
        upload(box, "fi/lm.mp4")
    box.settings.sanitise_names = True
    assert upload(box, "fi/lm.mp4 ").name == "film.mp4"


def test_a_file_above_the_limit_and_a_full_account_are_refused(box):
    box.settings.max_file_size_bytes = len(FILM) - 1
    for attempt in (upload, upload_in_parts):
        with refused(403, "file_size_limit_exceeded"):
            attempt(box)
    box.settings.max_file_size_bytes = len(FILM)
    box.settings.storage_full = True
    with refused(403, "storage_limit_exceeded"):
        upload(box)


def test_a_stored_sha1_can_be_wrong_once(box):
    box.settings.wrong_sha1 = True
    assert upload(box, "one.mp4").sha_1 != sha1_hex(FILM)
    assert upload(box, "two.mp4").sha_1 == sha1_hex(FILM)


def test_a_new_version_needs_the_etag_that_was_seen(box):
    file = upload(box)
    change = UploadFileVersionAttributes(name="renamed.mp4")
    new = box.client.uploads.upload_file_version(file.id, change, io.BytesIO(b"new"), if_match=file.etag).entries[0]
    assert (new.id, new.name, new.etag) == (file.id, "renamed.mp4", "1")
    assert new.file_version.id != file.file_version.id
    with refused(412, "precondition_failed"):
        box.client.uploads.upload_file_version(file.id, change, io.BytesIO(b"newer"), if_match=file.etag)


def test_a_preflight_check_tells_what_the_upload_would_say(box):
    parent = PreflightFileUploadCheckParent(id="0")
    checked = box.client.uploads.preflight_file_upload_check(name="film.mp4", size=5, parent=parent)
    assert checked.upload_url == f"{box.url}/upload/api/2.0/files/content"
    attributes = UploadWithPreflightCheckAttributes(
        name="film.mp4", size=len(FILM), parent=UploadWithPreflightCheckAttributesParentField(id="0")
    )
    box.client.uploads.upload_with_preflight_check(attributes, io.BytesIO(FILM))
    with refused(409, "item_name_in_use"):
        box.client.uploads.preflight_file_upload_check(name="film.mp4", size=5, parent=parent)


def test_an_upload_survives_an_expired_token_in_full(box):
    upload(box, "one.mp4")
    box.store.expire_tokens()
    assert upload(box, "two.mp4").sha_1 == sha1_hex(FILM)


def test_an_upload_whose_answer_is_lost_is_a_conflict_with_the_same_sha1(box):
    box.board.add(Fault(path="/files/content", method="POST", drop_answer=True))
    with refused(409, "item_name_in_use") as caught:
        upload(box)
    assert conflicts_of(caught)["sha1"] == sha1_hex(FILM)


def test_a_direct_upload_of_200_mb_is_never_held_in_memory(box, tmp_path):
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(200 * MEGABYTE)
    upload(box, "warm-up.mp4")
    tracemalloc.start()
    with film.open("rb") as file:
        assert upload(box, content=file).size == 200 * MEGABYTE
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5 * MEGABYTE


def test_a_big_file_arrives_in_parts(box, incoming):
    file = upload_in_parts(box)
    assert (file.size, file.sha_1) == (len(FILM), sha1_hex(FILM))
    assert box.store.content(file.id).read_bytes() == FILM
    assert len(box.board.requests("PUT")) == 3
    assert list(incoming.iterdir()) == []


def test_a_new_version_arrives_in_parts(box):
    file = upload(box, content=b"old")
    new = box.client.chunked_uploads.upload_big_file_version(file.id, io.BytesIO(FILM), len(FILM))
    assert (new.id, new.sha_1, new.etag) == (file.id, sha1_hex(FILM), "1")


def test_a_session_is_refused_for_a_small_file_and_for_a_taken_name(box):
    box.settings.chunked_minimum_bytes = 20_000_000
    with refused(400, "file_size_too_small"):
        upload_in_parts(box)
    box.settings.chunked_minimum_bytes = 1000
    upload(box)
    with refused(409, "item_name_in_use"):
        upload_in_parts(box)


def test_a_commit_waits_while_the_parts_are_not_ready(box):
    box.settings.commit_202_times = 3
    assert upload_in_parts(box).sha_1 == sha1_hex(FILM)


def test_an_upload_goes_on_where_it_was_interrupted_even_after_a_restart(tmp_path):
    parts = {0: FILM[:100_000], 100_000: FILM[100_000:200_000], 200_000: FILM[200_000:]}

    def put(session: Any, offset: int) -> Any:
        part = parts[offset]
        content_range = f"bytes {offset}-{offset + len(part) - 1}/{len(FILM)}"
        return calls.upload_file_part(session.id, io.BytesIO(part), digest(part), content_range)

    with sdk_box(tmp_path / "box") as box:
        box.settings.chunked_minimum_bytes, box.settings.part_size_bytes = 0, 100_000
        calls: Any = box.client.chunked_uploads
        session = calls.create_file_upload_session("0", len(FILM), "film.mp4")
        assert session.total_parts == 3
        put(session, 200_000)
    with sdk_box(tmp_path / "box") as box:
        calls = box.client.chunked_uploads
        with refused(409, "range_overlaps_existing_range"):
            put(session, 200_000)
        put(session, 0)
        with refused(400, "parts_mismatch"):
            calls.create_file_upload_session_commit(session.id, [], digest(FILM))
        put(session, 100_000)
        assert calls.get_file_upload_session_by_id(session.id).num_parts_processed == 3
        listed = calls.get_file_upload_session_parts(session.id, limit=1)
        assert (len(listed.entries), listed.total_count) == (1, 3)
        arrived = calls.get_file_upload_session_parts(session.id).entries
        with refused(400, "bad_digest"):
            calls.create_file_upload_session_commit(session.id, arrived, digest(b"other"))
        file = calls.create_file_upload_session_commit(session.id, arrived, digest(FILM)).entries[0]
        assert file.sha_1 == sha1_hex(FILM)
        with refused(404, "not_found"):
            calls.create_file_upload_session_commit(session.id, arrived, digest(FILM))


@pytest.mark.parametrize(
    ("content_range", "status", "code"),
    [
        ("bytes 0-99999/256001", 416, "invalid_content_range"),
        ("bytes 5-100004/256000", 416, "invalid_content_range"),
        ("bytes 0-9/256000", 416, "invalid_content_range"),
        ("bytes 300000-399999/256000", 416, "invalid_content_range"),
        ("bytes 200000-255999/256000", 400, "bad_request"),
        ("0-99999", 400, "bad_request"),
    ],
)
def test_a_part_with_a_wrong_range_is_refused(box, content_range, status, code):
    calls, part = box.client.chunked_uploads, FILM[:100_000]
    session = calls.create_file_upload_session("0", len(FILM), "film.mp4")
    with refused(status, code):
        calls.upload_file_part(session.id, io.BytesIO(part), digest(part), content_range)


def test_a_part_with_another_digest_than_its_bytes_is_refused(box):
    calls = box.client.chunked_uploads
    session = calls.create_file_upload_session("0", len(FILM), "film.mp4")
    with refused(400, "bad_digest"):
        calls.upload_file_part(session.id, io.BytesIO(FILM[:100_000]), digest(b"other"), "bytes 0-99999/256000")
    assert calls.get_file_upload_session_parts(session.id).total_count == 0


def test_a_name_taken_meanwhile_is_refused_at_the_commit_and_the_session_stays(box):
    calls = box.client.chunked_uploads
    box.settings.part_size_bytes = len(FILM)
    session = calls.create_file_upload_session("0", len(FILM), "film.mp4")
    calls.upload_file_part(session.id, io.BytesIO(FILM), digest(FILM), f"bytes 0-{len(FILM) - 1}/{len(FILM)}")
    file_id = box.store.put_file("0", "film.mp4", b"a person's")
    [part] = calls.get_file_upload_session_parts(session.id).entries
    claimed = UploadPart(part_id=part.part_id, offset=part.offset, size=part.size)
    with refused(409, "item_name_in_use"):
        calls.create_file_upload_session_commit(session.id, [claimed], digest(FILM))
    box.store.delete(file_id)
    assert calls.create_file_upload_session_commit(session.id, [claimed], digest(FILM)).entries[0].size == len(FILM)


@pytest.mark.parametrize("expire", [True, False])
def test_an_aborted_or_expired_session_is_gone(box, incoming, expire):
    calls = box.client.chunked_uploads
    session = calls.create_file_upload_session("0", len(FILM), "film.mp4")
    if expire:
        box.store.expire_upload_sessions()
    else:
        calls.delete_file_upload_session_by_id(session.id)
    with refused(404, "not_found"):
        calls.get_file_upload_session_by_id(session.id)
    assert list(incoming.iterdir()) == []


def test_a_lost_answer_to_a_part_makes_the_sdk_fail_as_with_box(box):
    box.board.add(Fault(path="/files/upload_sessions/", method="PUT", drop_answer=True))
    with refused(409, "range_overlaps_existing_range"):
        upload_in_parts(box)


def test_an_upload_that_breaks_off_leaves_nothing(box, incoming):
    class Short(io.BytesIO):
        def __len__(self):
            return 10 * len(FILM)

    with pytest.raises(BoxSDKError):
        upload(box, content=Short(FILM))
    ends = time.monotonic() + 30
    while list(incoming.iterdir()) and time.monotonic() < ends:  # the server notices a moment later
        time.sleep(0.01)
    assert (box.store.tree(), list(incoming.iterdir())) == ({}, [])
