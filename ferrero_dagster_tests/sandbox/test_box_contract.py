"""The stand-in and Box's SDK, every call that we make, against Box's own OpenAPI description.

Most properties of the description are optional, so the ones that the project relies on are asserted here too.
"""

import hashlib
import io
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from box_sdk_gen import (
    BoxAPIError,
    CreateFileMetadataByIdScope,
    CreateFolderParent,
    GetEventsStreamType,
    PreflightFileUploadCheckParent,
    UpdateFileByIdParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
    UploadFileVersionAttributes,
)
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster_tests.sandbox.box_contract import ContractSession
from ferrero_dagster_tests.sandbox.box_sdk import sdk

FILM = bytes(100_000)
TEMPLATE = ("enterprise", "ferrerodammetadata")
LISTED = ["id", "type", "name", "size", "sha1", "etag", "modified_at", "content_modified_at", "file_version"]

PROJECT = Path(__file__).resolve().parents[2]
DESCRIPTION = PROJECT.parent / "shared" / "contracts" / "box-openapi.json"
pytestmark = pytest.mark.skipif(
    not DESCRIPTION.exists(),
    reason="Box's OpenAPI description is not there: take openapi.json from https://github.com/box/box-openapi and put"
    " it at ../shared/contracts/box-openapi.json beside the project",
)


@pytest.fixture(scope="module")
def session(running_box):
    with ContractSession(DESCRIPTION, running_box.url) as contract_session:
        yield contract_session


@pytest.fixture
def box(box, session):
    session.exchanges.clear()
    yield box
    assert session.exchanges
    assert session.violations == []


@pytest.fixture
def client(box, session):
    return sdk(box.url, box.auth, session)


def digest(content):
    return "sha=" + b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def attributes(name="film.mp4"):
    return UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id="0"))


def statuses_of(calls):
    statuses = []
    for call in calls:
        with pytest.raises(BoxAPIError) as caught:
            call()
        info = caught.value.response_info
        statuses.append(info.status_code)
        assert info.code
        assert info.request_id
        assert info.help_url
    return statuses


def test_login_and_account(box, client):
    box.store.expire_tokens()
    assert client.users.get_user_me().login


def test_folders(client):
    folder = client.folders.create_folder("Campaign", CreateFolderParent(id="0"))
    assert (folder.id, folder.type, folder.etag, folder.parent.id) == (folder.id, "folder", "0", "0")
    assert client.folders.get_folder_by_id(folder.id).path_collection.entries[0].id == "0"
    assert client.folders.get_folder_by_id("0").name == "All Files"
    client.folders.delete_folder_by_id(folder.id, recursive=True)


def test_listings(box, client):
    for name in ("a.mp4", "b.mp4"):
        box.store.put_file("0", name, FILM, {"creativexScore": 87.5, "creativexUrl": "https://x"})
    box.store.add_folder(name="Campaign")
    fields = [*LISTED, "metadata.enterprise.ferrerodammetadata"]
    first = client.folders.get_folder_items("0", fields=fields, usemarker=True, limit=2)
    assert first.next_marker
    for entry in first.raw_data["entries"]:
        assert set(entry) == {*LISTED, "metadata"}
        assert set(entry["file_version"]) == {"type", "id", "sha1"}
    last = client.folders.get_folder_items("0", fields=fields, usemarker=True, limit=2, marker=first.next_marker)
    assert [entry.type for entry in last.entries] == ["folder"]
    assert not last.next_marker
    assert client.folders.get_folder_items("0", limit=2, offset=1).total_count == 3


def test_files(box, client):
    file_id = box.store.put_file("0", "film.mp4", FILM)
    folder_id = box.store.add_folder(name="Campaign")
    file = client.files.get_file_by_id(file_id)
    wanted = (file_id, "film.mp4", len(FILM), hashlib.sha1(FILM, usedforsecurity=False).hexdigest(), "0")
    assert (file.id, file.name, file.size, file.sha_1, file.etag) == wanted
    assert file.file_version.id
    assert file.modified_at
    moved = client.files.update_file_by_id(file_id, name="cut.mp4", parent=UpdateFileByIdParent(id=folder_id))
    assert client.downloads.get_download_file_url(file_id).startswith(box.url)
    client.files.delete_file_by_id(file_id, if_match=moved.etag)


def test_the_trash(box, client):
    file_id = box.store.put_file("0", "film.mp4", FILM)
    client.files.delete_file_by_id(file_id)
    trashed = client.trashed_files.get_trashed_file_by_id(file_id)
    sha1_hex = hashlib.sha1(FILM, usedforsecurity=False).hexdigest()
    assert (trashed.item_status.value, trashed.sha_1, trashed.etag) == ("trashed", sha1_hex, "0")
    assert trashed.path_collection.entries[0].name == "Trash"
    restored = client.trashed_files.restore_file_from_trash(file_id)
    assert (restored.item_status.value, restored.name) == ("active", "film.mp4")
    client.files.delete_file_by_id(file_id)
    box.store.put_file("0", "film.mp4", b"another")
    trash = client.trashed_files
    assert statuses_of([lambda: trash.restore_file_from_trash(file_id)]) == [409]
    trash.delete_trashed_file_by_id(file_id)
    gone = [trash.get_trashed_file_by_id, trash.restore_file_from_trash, trash.delete_trashed_file_by_id]
    assert statuses_of([lambda call=call: call(file_id) for call in gone]) == [404, 404, 404]


def test_direct_uploads(client):
    parent = PreflightFileUploadCheckParent(id="0")
    assert client.uploads.preflight_file_upload_check(name="film.mp4", size=5, parent=parent).upload_url
    [file] = client.uploads.upload_file(attributes(), io.BytesIO(FILM), fields=LISTED).entries
    assert (file.size, file.etag) == (len(FILM), "0")
    change = UploadFileVersionAttributes(name="cut.mp4")
    [new] = client.uploads.upload_file_version(file.id, change, io.BytesIO(b"cut"), if_match="0").entries
    assert (new.id, new.sha_1, new.etag) == (file.id, hashlib.sha1(b"cut", usedforsecurity=False).hexdigest(), "1")


def test_uploads_in_parts(box, client):
    box.settings.chunked_minimum_bytes, box.settings.part_size_bytes = 0, len(FILM)
    calls = client.chunked_uploads
    for opened in (
        calls.create_file_upload_session("0", len(FILM), "film.mp4"),
        calls.create_file_upload_session_for_existing_file(box.store.put_file("0", "old.mp4", b"old"), len(FILM)),
    ):
        urls = opened.session_endpoints
        calls.upload_file_part_by_url(urls.upload_part, io.BytesIO(FILM), digest(FILM), f"bytes 0-99999/{len(FILM)}")
        assert calls.get_file_upload_session_by_url(urls.status).num_parts_processed == 1
        parts = calls.get_file_upload_session_parts_by_url(urls.list_parts, limit=1000)
        assert parts.total_count == 1
        [file] = calls.create_file_upload_session_commit_by_url(urls.commit, parts.entries, digest(FILM)).entries
        assert (file.size, file.sha_1) == (len(FILM), hashlib.sha1(FILM, usedforsecurity=False).hexdigest())
    aborted = calls.create_file_upload_session("0", len(FILM), "other.mp4")
    calls.delete_file_upload_session_by_url(aborted.session_endpoints.abort)


def test_metadata(box, client):
    file_id, calls = box.store.put_file("0", "film.mp4", FILM), client.file_metadata
    fields = {"creativexUrl": "https://x", "creativexScore": 87.5}
    calls.create_file_metadata_by_id(file_id, CreateFileMetadataByIdScope.ENTERPRISE, TEMPLATE[1], fields)
    instance = calls.get_file_metadata_by_id(file_id, *TEMPLATE)
    assert fields.items() <= instance.raw_data.items()
    assert {"$id", "$type", "$parent", "$scope", "$template", "$version"} <= set(instance.raw_data)
    calls.delete_file_metadata_by_id(file_id, *TEMPLATE)


def test_events(box, client):
    calls = client.events
    before = calls.get_events(stream_type=GetEventsStreamType.CHANGES, stream_position="now").next_stream_position
    file_id = box.store.put_file("0", "film.mp4", FILM)
    told = calls.get_events(stream_type=GetEventsStreamType.CHANGES, stream_position=str(before), limit=500)
    [event] = told.entries
    assert (event.event_type, event.source.id, event.source.parent.id) == ("ITEM_UPLOAD", file_id, "0")
    assert [folder.id for folder in event.source.path_collection.entries] == ["0"]
    box.settings.event_source = "mini"
    [event] = calls.get_events(stream_position=str(before)).entries
    assert (event.source.item_id, event.source.item_type, event.source.parent.id) == (file_id, "file", "0")
    after = calls.get_events(stream_position=str(told.next_stream_position))
    assert (after.entries, after.next_stream_position) == ([], told.next_stream_position)
    admin = lambda: calls.get_events(stream_type=GetEventsStreamType.ADMIN_LOGS_STREAMING)  # noqa: E731  # a call
    assert statuses_of([admin, lambda: calls.get_events(stream_position="x")]) == [403, 400]


def test_long_poll(box, client):
    [server] = client.events.get_events_with_long_polling().entries
    assert (server.type, server.max_retries, server.retry_timeout) == ("realtime_server", "10", 610)
    box.settings.long_poll_s = 0.2
    assert requests.get(server.url, timeout=10).json() == {"message": "reconnect"}
    box.settings.long_poll_s = 20
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(requests.get, server.url, timeout=30)
        while waiting.running() and not waiting.done():
            box.store.put_file("0", f"{uuid4().hex}.mp4", FILM)
            time.sleep(0.2)
        assert waiting.result().json() == {"message": "new_change"}


def test_refusals(box, client):
    file_id = box.store.put_file("0", "film.mp4", FILM)
    box.store.add_folder(name="Campaign")
    calls = [
        lambda: client.files.get_file_by_id("4711"),
        lambda: client.files.delete_file_by_id(file_id, if_match="7"),
        lambda: client.folders.create_folder("campaign", CreateFolderParent(id="0")),
        lambda: client.folders.create_folder("a/b", CreateFolderParent(id="0")),
        lambda: client.file_metadata.get_file_metadata_by_id(file_id, *TEMPLATE),
        lambda: client.uploads.upload_file(attributes(), io.BytesIO(FILM)),
        lambda: client.uploads.upload_file(attributes("other.mp4"), io.BytesIO(FILM), content_md_5="0" * 40),
        lambda: client.chunked_uploads.create_file_upload_session("0", 5, "small.mp4"),
        lambda: client.chunked_uploads.get_file_upload_session_by_id("4711"),
    ]
    assert statuses_of(calls) == [404, 412, 409, 400, 404, 409, 400, 400, 404]


def test_the_check_finds_what_breaks_the_description():
    async def listing(_request):
        return JSONResponse({"entries": [{"type": "file", "id": 12345}], "limit": "all"})

    broken = Starlette(routes=[Route("/2.0/folders/0/items", listing)])
    with Server(broken) as server, ContractSession(DESCRIPTION, server.url) as session:
        session.get(f"{server.url}/2.0/folders/0/items?limit=many", headers={"Authorization": "Bearer any"}, timeout=30)
    [exchange] = session.violations
    assert any(error.startswith("request:") and "limit" in error for error in exchange.errors)
    assert any(error.startswith("response:") and "12345" in error for error in exchange.errors)
