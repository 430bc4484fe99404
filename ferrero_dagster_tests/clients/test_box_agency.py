"""Reading the agency's folder in Box: listings, metadata, downloads (contract box.md 6-8)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import Response

from ferrero_dagster.clients.box_agency import BoxAgency, FileNow
from ferrero_dagster.domain.errors import (
    AccessRefused,
    ChangedMeanwhile,
    ConfigurationError,
    ForbiddenInBox,
    GoneFromBox,
    IntegrityError,
    SystemUnavailable,
    TransientError,
)
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster_tests.clients.wire import answering, ok
from ferrero_dagster_tests.fix_sandbox import QUICK, seen
from ferrero_dagster_tests.fix_world import sha1

CREATIVEX = {"creativexScore": 90, "creativexUrl": "https://www.bbc.com"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def agency(box_client):
    return BoxAgency(box_client, template="ferrerodammetadata", limits=QUICK)


@pytest.fixture
def folder(served_box):
    return served_box.store.add_folder(name="Agency")


@pytest.fixture
def file(served_box, agency, folder):
    served_box.store.put_file(folder, "a.png", b"content" * 1000, CREATIVEX)
    [file] = agency.list_files(folder, subfolders=False)
    return file


@pytest.mark.parametrize("key", ["enterprise", "enterprise_id"])
def test_a_listing_tells_all_of_a_file_and_its_template_in_one_call(served_box, agency, folder, key):
    served_box.settings.metadata_key = key
    file_id = served_box.store.put_file(folder, "a.png", b"content", CREATIVEX)
    served_box.store.put_file(folder, "b.png", b"")
    served_box.store.add_folder(parent_id=folder, name="inner")
    a, b, inner = sorted(agency.list_files(folder, subfolders=False), key=lambda one: one.name)
    assert (inner.name, inner.is_folder, a.is_folder) == ("inner", True, False)
    assert (a.id, a.name, a.size_bytes, a.sha1_hex, a.etag) == (file_id, "a.png", 7, sha1(b"content"), "0")
    assert CREATIVEX.items() <= a.template.items()
    assert (b.name, b.size_bytes, b.template) == ("b.png", 0, None)
    assert seen(served_box, path="/items", times=1)


def test_a_long_folder_is_read_to_its_end_a_thousand_at_a_time(served_box, agency, folder):
    served_box.store.add_many_files(folder, [f"{number}.png" for number in range(2001)])
    assert len({file.id for file in agency.list_files(folder, subfolders=False)}) == 2001
    assert seen(served_box, path="/items", times=3)


@pytest.mark.fault(70)
def test_an_agency_folder_that_is_gone_is_a_wrong_setting_and_one_inside_it_holds_nothing(served_box, agency, folder):
    served_box.store.put_file(folder, "film.mp4", b"film")
    inner = served_box.store.add_folder(parent_id=folder, name="Week 12")
    served_box.board.add(Fault(path=f"/folders/{inner}/items", status=404, times=None))
    assert [file.name for file in agency.list_files(folder, subfolders=True)] == ["film.mp4"]
    served_box.store.delete_folder(folder, recursive=True)
    with pytest.raises(ConfigurationError, match=f"Box folder {folder} does not exist"):
        agency.list_files(folder, subfolders=True)


def test_folders_are_entered_on_demand_but_hidden_ones(served_box, agency, folder):
    for path in ("deep", "deep/er", ".hidden"):
        parent = folder
        for name in path.split("/"):
            parent = served_box.store.add_folder(parent_id=parent, name=name)
        served_box.store.put_file(parent, f"{path.count('/')}.png", path.encode())
    assert sorted(file.name for file in agency.list_files(folder, subfolders=True)) == ["0.png", "1.png"]
    inner = agency.list_files(folder, subfolders=False)
    assert [(one.name, one.is_folder) for one in inner] == [("deep", True), (".hidden", True)]
    deep, hidden = (one.id for one in inner)
    deeper = next(item.id for item in served_box.store.items(deep) if item.type == "folder")
    assert [agency.count_files(id_, skip=(), max_pages=9) for id_ in (deep, hidden)] == [(2, False), (1, False)]
    assert agency.count_files(deep, skip=(), max_pages=1) == (1, True)
    assert agency.count_files(deep, skip=(deeper,), max_pages=9) == (1, False)


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    "metadata", [None, [], "x", {"enterprise": None}, {"enterprise": {"ferrerodammetadata": []}}, {"global": {}}]
)
def test_a_malformed_template_in_a_listing_is_no_template(served_box, agency, metadata):
    entry = {"type": "file", "id": "1", "etag": "0", "name": "a", "size": 1, "sha1": "0", "metadata": metadata}
    served_box.board.add(Fault(path="/items", status=200, body=json.dumps({"entries": [entry]}), headers=JSON))
    assert [file.template for file in agency.list_files("0", subfolders=False)] == [None]


@pytest.mark.parametrize("key", ["enterprise", "enterprise_id"])
def test_a_file_now_is_told_in_one_call(served_box, agency, folder, file, key):
    served_box.settings.metadata_key = key
    served_box.store.rename(file.id, "b.png")
    now = agency.now(file.id)
    assert (now.etag, now.folders[-1]) == ("1", (folder, "Agency"))
    assert CREATIVEX.items() <= now.template.items()
    assert seen(served_box, "GET", f"/files/{file.id}", times=1)
    served_box.store.delete(file.id)
    with pytest.raises(GoneFromBox):
        agency.now(file.id)


@pytest.mark.parametrize(
    ("folders", "subfolders", "expected"),
    [
        (["0", "7"], False, True),
        (["0", "7", "8"], False, False),
        (["0", "7", "8"], True, True),
        (["0", "7", ".9"], True, False),
        (["0", "8"], True, False),
        ([], True, False),
        ([".0", "7"], False, True),
    ],
)
def test_a_file_lies_below_a_folder_as_the_listing_would_show_it(folders, subfolders, expected):
    now = FileNow(etag="0", folders=tuple((name, name) for name in folders), template=None)
    assert now.is_below(BoxId("7"), subfolders=subfolders) == expected


def test_a_file_whose_place_box_does_not_tell_is_no_answer(served_box, agency, file):
    body = json.dumps({"type": "file", "id": file.id, "etag": "0"})
    served_box.board.add(Fault(path="/files/", status=200, body=body, headers=JSON))
    with pytest.raises(TransientError, match="has no path_collection"):
        agency.now(file.id)


def test_a_file_that_box_refuses_us_is_an_error_of_that_file_a_folder_one_of_our_rights(served_box, agency, file):
    body = json.dumps({"code": "access_denied_insufficient_permissions"})
    served_box.board.add(Fault(status=403, body=body, headers=JSON, times=None))
    for refused in (agency.now, agency.instance):
        with pytest.raises(ForbiddenInBox, match="Box refuses us this file"):
            refused(file.id)
    with pytest.raises(AccessRefused, match="lacks the right"):
        agency.list_files("0", subfolders=False)


def test_the_template_of_a_file_now(served_box, agency, file):
    odd = {"version": "a", "id": "b", "scope": "c", "type": "d", "template": "e", "parent": "f", "canEdit": "g"}
    served_box.store.set_metadata(file.id, CREATIVEX | odd)
    assert (CREATIVEX | odd).items() <= agency.instance(file.id).items()


@pytest.mark.parametrize("code", ["instance_not_found", "template_not_found", None])
def test_a_file_without_an_instance_is_no_error_but_one_that_is_gone_is(served_box, agency, file, code):
    body = json.dumps({"code": code} if code else {})
    served_box.board.add(Fault(path="/metadata/", status=404, body=body, headers=JSON))
    assert agency.instance(file.id) is None
    served_box.store.delete(file.id)
    with pytest.raises(GoneFromBox, match="no longer there"):
        agency.instance(file.id)


def test_a_download_is_proven_by_the_listed_sha1(agency, file, tmp_path):
    got: list[int] = []
    digest = agency.download(file, tmp_path / "a", got.append)
    assert (digest.size_bytes, digest.sha1_hex, sum(got)) == (7000, file.sha1_hex, 7000)
    assert (tmp_path / "a").read_bytes() == b"content" * 1000


def test_the_host_of_contents_is_met_once_for_many_files(served_box, agency, file, tmp_path):
    callers = set()

    async def contents(scope, receive, send):
        callers.add(tuple(scope["client"]))
        await Response(b"content" * 1000)(scope, receive, send)

    with Server(contents) as host, ThreadPoolExecutor(4) as threads:
        served_box.board.add(Fault(path="/content$", status=302, headers={"Location": host.url}, times=None))
        list(threads.map(lambda number: agency.download(file, tmp_path / str(number)), range(20)))
    assert len(callers) <= 4


@pytest.mark.fault(2, 4, 25, 26)
@pytest.mark.parametrize(
    "fault",
    [
        {"path": "^/dl/", "cut_after_bytes": 0},
        {"path": "^/dl/", "cut_after_bytes": 6999},
        {"path": "^/dl/", "status": 403},
        {"path": "^/dl/", "status": 503, "times": 3},
        {"path": "/content$", "status": 202, "headers": {"Retry-After": "0"}},
        {"path": "/content$", "status": 401},
        {"path": "/content$", "drop_answer": True},
    ],
)
def test_a_download_that_breaks_is_begun_again(served_box, agency, file, tmp_path, fault):
    served_box.board.add(Fault(**fault))
    assert agency.download(file, tmp_path / "a").sha1_hex == file.sha1_hex
    assert not served_box.board.armed


@pytest.mark.fault(4)
def test_a_download_that_never_succeeds_leaves_nothing(served_box, agency, file, tmp_path):
    served_box.board.add(Fault(path="^/dl/", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        agency.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_netrc_tells_the_download_host_no_password(served_box, agency, file, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with answering(ok(b"content" * 1000)) as host:
        served_box.board.add(Fault(path="/content$", status=302, headers={"Location": host.url()}))
        assert agency.download(file, tmp_path / "a").sha1_hex == file.sha1_hex
    [asked] = host.asked
    assert b"authorization" not in asked.lower()


@pytest.mark.fault(5, 6)
def test_other_bytes_are_an_error_unless_the_file_was_replaced_or_deleted(served_box, agency, folder, file, tmp_path):
    served_box.board.add(Fault(path="^/dl/", status=200, body="other"))
    with pytest.raises(IntegrityError, match=r"do not have Box's checksum"):
        agency.download(file, tmp_path / "a")
    served_box.store.put_file(folder, "a.png", b"replaced")
    with pytest.raises(ChangedMeanwhile, match=r"a\.png was changed in Box meanwhile"):
        agency.download(file, tmp_path / "a")
    served_box.store.delete(file.id)
    with pytest.raises(GoneFromBox):
        agency.download(file, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
