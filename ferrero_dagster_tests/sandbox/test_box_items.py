"""Folders, listings, files, downloads and metadata of the Box stand-in, asked for by Box's own SDK."""

import pytest
import requests
from box_sdk_gen import CreateFileMetadataByIdScope, CreateFolderParent, UpdateFileByIdParent

from ferrero_dagster_tests.sandbox.box_sdk import conflicts_of, refused, sdk_box

METADATA_FIELD = "metadata.enterprise.ferrerodammetadata"


@pytest.fixture
def folder_id(box):
    return box.store.add_folder(name="Local masters", folder_id="348304357505")


def pages(box, folder_id, **options):
    marker = None
    while marker != "":
        page = box.client.folders.get_folder_items(folder_id, usemarker=True, marker=marker, **options)
        yield page.entries
        marker = page.next_marker


def content_of(box, file_id, **options):
    stream = box.client.downloads.download_file(file_id, **options)
    return b"".join(iter(lambda: stream.read(65536), b""))


def test_seeding_the_same_folder_twice_gives_the_same_folder(box, folder_id):
    assert folder_id == "348304357505"
    assert box.store.add_folder(name="LOCAL MASTERS") == folder_id
    assert box.store.folder("0", "Local masters") == folder_id
    assert box.client.folders.get_folder_by_id(folder_id).name == "Local masters"


def test_a_folder_is_created_once_and_its_name_is_taken_whatever_the_case(box, folder_id):
    created = box.client.folders.create_folder("C1-Nutella", CreateFolderParent(id=folder_id))
    with refused(409, "item_name_in_use") as caught:
        box.client.folders.create_folder("c1-NUTELLA", CreateFolderParent(id=folder_id))
    [conflict] = conflicts_of(caught)
    assert (conflict["type"], conflict["id"]) == ("folder", created.id)


def test_a_folder_in_a_folder_that_does_not_exist_is_refused(box):
    with refused(404, "not_found"):
        box.client.folders.create_folder("Campaign", CreateFolderParent(id="4711"))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", " a", "a ", "a\nb"])
def test_a_name_that_box_does_not_take_is_refused(box, name):
    with refused(400, "item_name_invalid"):
        box.client.folders.create_folder(name, CreateFolderParent(id="0"))


def test_a_name_of_256_characters_is_refused(box):
    box.client.folders.create_folder("ä" * 255, CreateFolderParent(id="0"))
    with refused(400, "item_name_too_long"):
        box.client.folders.create_folder("ä" * 256, CreateFolderParent(id="0"))


def test_a_folder_that_holds_something_is_deleted_only_recursively(box, folder_id):
    file_id = box.store.put_file(box.store.add_folder(parent_id=folder_id, name="Campaign"), "film.mp4", b"film")
    with refused(400, "folder_not_empty"):
        box.client.folders.delete_folder_by_id(folder_id)
    content = box.store.content(file_id)
    box.client.folders.delete_folder_by_id(folder_id, recursive=True)
    assert (box.store.tree(), content.exists()) == ({}, False)


def test_pages_by_marker_hold_every_item_once_although_items_come_and_go(box, folder_id):
    names = [f"{number:02}.mp4" for number in range(10)]
    ids = box.store.add_many_files(folder_id, names)
    paging = pages(box, folder_id, limit=4)
    seen = [entry.name for entry in next(paging)]
    box.store.delete(ids[0])
    box.store.put_file(folder_id, "00-new.mp4", b"new")
    seen += [entry.name for page in paging for entry in page]
    assert seen == [*names, "00-new.mp4"]


def test_pages_by_offset_have_folders_first_and_a_total(box, folder_id):
    box.store.add_many_files(folder_id, ["b.mp4", "a.mp4"])
    box.store.add_folder(parent_id=folder_id, name="z")
    page = box.client.folders.get_folder_items(folder_id, limit=2)
    rest = box.client.folders.get_folder_items(folder_id, limit=2, offset=2)
    assert [entry.name for entry in [*page.entries, *rest.entries]] == ["z", "a.mp4", "b.mp4"]
    assert (page.total_count, rest.total_count) == (3, 3)


@pytest.mark.parametrize("query", ["usemarker=true&marker=nonsense", "limit=1001", "limit=x", "offset=-1"])
def test_a_wrong_page_is_refused(box, folder_id, query):
    token = box.auth.retrieve_token(network_session=box.client.network_session).access_token
    url = f"{box.url}/2.0/folders/{folder_id}/items?{query}"
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_listing_has_the_fields_asked_for_and_no_others(box, folder_id):
    box.store.put_file(folder_id, "film.mp4", b"film")
    page = box.client.folders.get_folder_items(folder_id, fields=["name", "size", "sha1"], usemarker=True)
    assert set(page.raw_data["entries"][0]) == {"type", "id", "etag", "name", "size", "sha1"}
    short = box.client.folders.get_folder_items(folder_id, usemarker=True)
    assert set(short.raw_data["entries"][0]) == {"type", "id", "etag", "sequence_id", "name", "sha1", "file_version"}


@pytest.mark.parametrize(("metadata_key", "key"), [("enterprise", "enterprise"), ("enterprise_id", "enterprise_12345")])
def test_a_listing_brings_the_metadata_of_files_that_have_some(box, folder_id, metadata_key, key):
    box.settings.metadata_key = metadata_key
    box.store.put_file(folder_id, "rated.mp4", b"film", {"creativexScore": 87.5})
    box.store.put_file(folder_id, "unrated.mp4", b"film")
    entries = box.client.folders.get_folder_items(folder_id, fields=["name", METADATA_FIELD], usemarker=True).entries
    rated, unrated = entries
    assert rated.metadata.extra_data[key]["ferrerodammetadata"]["creativexScore"] == 87.5
    assert unrated.metadata is None


def test_a_renamed_or_moved_file_has_a_new_etag(box, folder_id):
    file_id = box.store.put_file(folder_id, "film.mp4", b"film")
    renamed = box.client.files.update_file_by_id(file_id, name="FILM.mp4")
    moved = box.client.files.update_file_by_id(file_id, parent=UpdateFileByIdParent(id="0"), if_match=renamed.etag)
    assert (renamed.etag, moved.etag, moved.parent.id) == ("1", "2", "0")
    assert set(box.store.tree()) == {"FILM.mp4"}
    with refused(412, "precondition_failed"):
        box.client.files.update_file_by_id(file_id, name="other.mp4", if_match=renamed.etag)


def test_a_file_cannot_take_the_name_of_another(box, folder_id):
    box.store.put_file(folder_id, "one.mp4", b"one")
    file_id = box.store.put_file(folder_id, "two.mp4", b"two")
    with refused(409, "item_name_in_use"):
        box.client.files.update_file_by_id(file_id, name="ONE.mp4")


def test_a_file_is_deleted_only_in_the_state_that_was_seen_and_only_once(box, folder_id):
    file_id = box.store.put_file(folder_id, "film.mp4", b"film")
    seen = box.client.files.get_file_by_id(file_id)
    box.store.put_file(folder_id, "film.mp4", b"longer film")
    with refused(412, "precondition_failed"):
        box.client.files.delete_file_by_id(file_id, if_match=seen.etag)
    box.client.files.delete_file_by_id(file_id, if_match="1")
    with refused(404, "not_found"):
        box.client.files.delete_file_by_id(file_id)


def test_a_download_gives_the_content_a_range_of_it_or_an_earlier_version(box, folder_id):
    file_id = box.store.put_file(folder_id, "film.mp4", b"first cut")
    first_cut = box.client.files.get_file_by_id(file_id).file_version.id
    box.store.put_file(folder_id, "film.mp4", b"second cut")
    assert content_of(box, file_id) == b"second cut"
    assert content_of(box, file_id, range="bytes=7-") == b"cut"
    assert content_of(box, file_id, version=first_cut) == b"first cut"


def test_a_download_waits_while_the_file_is_not_ready(box, folder_id):
    file_id = box.store.put_file(folder_id, "film.mp4", b"film")
    box.settings.download_202_times = 2
    assert content_of(box, file_id) == b"film"
    assert [seen.status for seen in box.board.requests(path=f"/files/{file_id}/content")] == [202, 202, 302]


def test_a_download_address_expires(box, folder_id):
    file_id = box.store.put_file(folder_id, "film.mp4", b"film")
    box.settings.download_url_lifetime_s = 0
    with refused(403, "forbidden"):
        content_of(box, file_id)


def test_metadata_is_created_once_read_and_deleted(box, folder_id):
    file_id, calls = box.store.put_file(folder_id, "film.mp4", b"film"), box.client.file_metadata
    with refused(404, "instance_not_found"):
        calls.get_file_metadata_by_id(file_id, "enterprise", "ferrerodammetadata")
    scope = CreateFileMetadataByIdScope.ENTERPRISE
    calls.create_file_metadata_by_id(file_id, scope, "ferrerodammetadata", {"creativexUrl": "https://x"})
    with refused(409, "tuple_already_exists"):
        calls.create_file_metadata_by_id(file_id, scope, "ferrerodammetadata", {"creativexUrl": "https://y"})
    instance = calls.get_file_metadata_by_id(file_id, "enterprise_12345", "ferrerodammetadata")
    assert (instance.extra_data["creativexUrl"], instance.scope) == ("https://x", "enterprise_12345")
    calls.delete_file_metadata_by_id(file_id, "enterprise", "ferrerodammetadata")
    with refused(404, "instance_not_found"):
        calls.delete_file_metadata_by_id(file_id, "enterprise", "ferrerodammetadata")


def test_metadata_of_a_file_that_is_gone_is_not_found(box):
    with refused(404, "not_found"):
        box.client.file_metadata.get_file_metadata_by_id("4711", "enterprise", "ferrerodammetadata")


def test_a_restart_forgets_nothing(tmp_path):
    with sdk_box(tmp_path / "box") as before:
        folder_id = before.store.add_folder(name="Agency")
        file_id = before.store.put_file(folder_id, "film.mp4", b"film", {"creativexScore": 5})
        tree, metadata = before.store.tree(), before.store.metadata(file_id, "ferrerodammetadata")
    with sdk_box(tmp_path / "box") as after:
        assert after.store.tree() == tree
        assert content_of(after, file_id) == b"film"
        assert after.store.metadata(file_id, "ferrerodammetadata") == metadata


def test_ten_thousand_files_are_listed_in_ten_pages(box, folder_id):
    box.store.add_many_files(folder_id, (f"{number}.mp4" for number in range(10_000)))
    listed = list(pages(box, folder_id, limit=1000, fields=["name", "size", "sha1", METADATA_FIELD]))
    assert len(listed) == 10
    assert len({entry.id for page in listed for entry in page}) == 10_000


def test_clear_leaves_an_empty_box_and_a_valid_login(box, folder_id):
    box.store.put_file(folder_id, "film.mp4", b"film")
    box.client.users.get_user_me()
    box.board.seen.clear()
    box.store.clear()
    assert box.client.folders.get_folder_items("0").entries == []
    assert box.board.requests(path="/oauth2/token") == []


def test_an_unknown_call_is_answered_in_boxs_shape(box):
    token = box.auth.retrieve_token(network_session=box.client.network_session).access_token
    answer = requests.get(f"{box.url}/2.0/webhooks", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (404, "error", "not_found")
