from io import BytesIO
from pathlib import Path

import pytest

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.domain.errors import (
    AccessRefused,
    BoxFolderGone,
    ChangedMeanwhile,
    ConfigurationError,
    FileRefused,
    IntegrityError,
    PermanentError,
    SystemUnavailable,
    TransientError,
)
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.uploads import (
    LARGE,
    LARGE_PARTS,
    PART_BYTES,
    SMALL,
    Noted,
    digest_of,
    large_file,
)
from ferrero_dagster_tests.fix_sandbox import QUICK, opened_box, seen
from ferrero_dagster_tests.sandbox.box_contract import ContractSession

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def box(served_box):
    """A client that uploads `LARGE` in parts."""
    served_box.settings.part_size_bytes, served_box.settings.chunked_minimum_bytes = PART_BYTES, 10
    with opened_box(served_box, chunked_from_bytes=len(LARGE), part_threads=3) as box:
        yield box


def put(box, content, name="film.mp4", folder="0", on_bytes=lambda _: None, **more):
    """As `transfer.masters.passage` does, by size."""
    if len(content) < len(LARGE):
        return box.upload(folder, name, BytesIO(content), digest_of(content), on_bytes)
    file, _, adopted = box.upload_large(large_file(content, name=name, folder=folder, on_bytes=on_bytes, **more))
    return file, adopted


def holds_exactly(served_box, name, content):
    return served_box.store.tree() == {name: digest_of(content).sha1_hex} and not served_box.store.database.rows(
        "SELECT id FROM upload_sessions"
    )


both = pytest.mark.parametrize("content", [SMALL, LARGE], ids=["direct", "in parts"])

# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.fault(16)
def test_a_folder_is_made_once(served_box, box):
    first = box.ensure_folder(BoxId("0"), "Campaign")
    assert box.ensure_folder(BoxId("0"), "Campaign") == box.ensure_folder(BoxId("0"), "CAMPAIGN") == first
    assert box.folder_name(first) == "Campaign"


@pytest.mark.fault(17)
@pytest.mark.parametrize("shape", ["dict", "list"])
def test_a_folder_whose_making_was_not_answered_is_found(served_box, box, shape):
    served_box.settings.conflicts_as = shape
    served_box.board.add(Fault(method="POST", path="/folders", drop_answer=True))
    assert box.ensure_folder(BoxId("0"), "Campaign") == served_box.store.folder("0", "Campaign")


def test_a_file_in_the_place_of_a_folder_is_refused(served_box, box):
    served_box.store.put_file("0", "Campaign", b"x")
    with pytest.raises(FileRefused, match="a file named Campaign where a folder is needed"):
        box.ensure_folder(BoxId("0"), "Campaign")


def test_a_folder_id_that_does_not_exist_is_a_wrong_setting(box):
    with pytest.raises(ConfigurationError, match=r"Box folder 404 does not exist .* check box\.folders"):
        box.ensure_folder("404", "Campaign")
    with pytest.raises(ConfigurationError):
        box.folder_name("404")


@pytest.mark.fault(70)
@both
def test_a_campaigns_folder_that_is_not_there_any_more_is_no_wrong_setting(box, content):
    with pytest.raises(BoxFolderGone, match="perhaps in the trash; the next attempt makes it anew"):
        put(box, content, folder="404")
    with pytest.raises(BoxFolderGone):
        box.ensure_folder("404", "Rework", configured=False)


# --- uploads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "direct", "in parts"])
def test_an_upload_arrives_whole_and_is_counted(served_box, box, content):
    sent: list[int] = []
    file, adopted = put(box, content, on_bytes=sent.append)
    assert holds_exactly(served_box, "film.mp4", content)
    assert (file.id, file.name) == (served_box.store.find("0", "film.mp4").id, "film.mp4")
    assert not adopted
    assert sum(sent) == len(content)


@pytest.mark.fault(14)
@both
@pytest.mark.parametrize("shape", ["dict", "list"])
def test_the_same_content_under_the_name_is_adopted(served_box, box, content, shape):
    served_box.settings.conflicts_as = shape
    file, _ = put(box, content)
    assert put(box, content) == (file, True)
    assert holds_exactly(served_box, "film.mp4", content)


@pytest.mark.fault(15)
@both
def test_other_content_under_the_name_is_never_overwritten(served_box, box, content):
    served_box.store.put_file("0", "FILM.mp4", b"other")
    with pytest.raises(FileRefused, match=r"already holds something else named film\.mp4"):
        put(box, content)
    assert holds_exactly(served_box, "FILM.mp4", b"other")


@both
def test_a_folder_under_the_name_is_not_adopted(served_box, box, content):
    served_box.store.add_folder(name="film.mp4")
    with pytest.raises(FileRefused):
        put(box, content)


ANYWHERE = {
    "direct upload": (SMALL, {"path": "/files/content"}),
    "opening the session": (LARGE, {"path": "upload_sessions$"}),
    "the first part": (LARGE, {"method": "PUT"}),
    "the last part": (LARGE, {"method": "PUT", "skip": LARGE_PARTS - 1}),
    "the commit": (LARGE, {"path": "commit$"}),
}
anywhere = pytest.mark.parametrize("point", ANYWHERE.values(), ids=ANYWHERE)


@pytest.mark.fault(17, 18, 20)
@anywhere
@pytest.mark.parametrize("fault", [{"drop_answer": True}, {"cut_after_bytes": 5}], ids=["lost", "cut"])
def test_a_lost_or_cut_answer_leaves_exactly_one_file(served_box, box, point, fault):
    content, where = point
    served_box.board.add(Fault(**fault, **where))
    file, _ = put(box, content)
    assert served_box.store.tree() == {"film.mp4": digest_of(content).sha1_hex}
    assert file.id == served_box.store.find("0", "film.mp4").id


@pytest.mark.fault(23)
@anywhere
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "times": 3},
        {"status": 429, "times": 2, "headers": {"Retry-After": "0"}},
        {"status": 409, "body": '{"code": "operation_blocked_temporary"}', "headers": JSON},
    ],
    ids=["503", "429", "blocked"],
)
def test_an_upload_survives_faults_that_pass(served_box, box, point, fault):
    content, where = point
    served_box.board.add(Fault(**where, **fault))
    put(box, content)
    assert holds_exactly(served_box, "film.mp4", content)


@pytest.mark.fault(2, 23)
@anywhere
def test_a_token_may_expire_at_any_point_of_an_upload(served_box, box, point):
    content, where = point
    served_box.board.add(Fault(before=served_box.store.expire_tokens, **where))
    put(box, content)
    assert holds_exactly(served_box, "film.mp4", content)
    assert seen(served_box, path="/oauth2/token", times=2)


@anywhere
def test_an_outage_during_an_upload_leaves_nothing_but_what_the_next_try_goes_on_with(served_box, box, point):
    (content, where), noted = point, Noted()
    served_box.board.add(Fault(status=503, times=None, **where))
    with pytest.raises(SystemUnavailable):
        put(box, content, sessions=noted)
    assert not served_box.store.tree()
    left = {row["id"] for row in served_box.store.database.rows("SELECT id FROM upload_sessions")}
    assert left == {known.session_id for known in noted.sessions}
    served_box.board.clear()
    put(box, content, sessions=noted)
    assert holds_exactly(served_box, "film.mp4", content)


@pytest.mark.fault(19)
@pytest.mark.parametrize("times", [3, 12])
def test_a_commit_may_not_be_ready_for_a_while(served_box, box, times):
    served_box.settings.commit_202_times = times
    put(box, LARGE)
    assert holds_exactly(served_box, "film.mp4", LARGE)


@pytest.mark.fault(19)
def test_a_commit_that_is_never_ready_ends_and_its_session_too(served_box, box):
    served_box.settings.commit_202_times = 999
    with pytest.raises(TransientError, match="did not finish putting"):
        put(box, LARGE)
    assert not served_box.store.database.rows("SELECT id FROM upload_sessions")


@pytest.mark.fault(19)
def test_parts_that_box_has_not_counted_yet_are_committed_again(served_box, box):
    served_box.board.add(Fault(path="commit$", status=400, times=2, body='{"code": "parts_mismatch"}', headers=JSON))
    put(box, LARGE)
    assert holds_exactly(served_box, "film.mp4", LARGE)


@pytest.mark.fault(21)
@pytest.mark.parametrize("where", [{"method": "PUT", "skip": 3}, {"path": "commit$"}])
def test_a_session_that_expired_is_begun_anew_by_the_next_try(served_box, box, where):
    served_box.board.add(Fault(before=served_box.store.expire_upload_sessions, **where))
    with pytest.raises(TransientError) as caught:
        put(box, LARGE)
    assert caught.value.code == "Box upload session gone"
    put(box, LARGE)
    assert holds_exactly(served_box, "film.mp4", LARGE)


@pytest.mark.fault(8)
@both
def test_a_copy_with_another_sha1_is_deleted(served_box, box, content):
    served_box.settings.wrong_sha1 = True
    with pytest.raises(IntegrityError, match="other bytes than we sent"):
        put(box, content)
    assert not served_box.store.tree()


@pytest.mark.fault(8)
def test_bytes_damaged_on_the_way_are_refused(served_box, box):
    with pytest.raises(IntegrityError):
        box.upload(BoxId("0"), "film.mp4", BytesIO(SMALL[::-1]), digest_of(SMALL))
    with pytest.raises(IntegrityError):
        put(box, LARGE[::-1], digest=digest_of(LARGE))
    assert not served_box.store.tree()
    assert not served_box.store.database.rows("SELECT id FROM upload_sessions")


@pytest.mark.fault(48)
@both
def test_the_name_that_box_gave_is_returned(served_box, box, content):
    served_box.settings.sanitise_names = True
    file, _ = put(box, content, name="fi\\lm.mp4")
    assert file.name == "film.mp4"


@both
def test_a_name_that_box_refuses_is_one_sentence(box, content):
    with pytest.raises(PermanentError, match="Box answered 400 item_name_invalid, request"):
        put(box, content, name="a/b")


@both
def test_a_file_that_is_too_large_is_refused_and_a_full_account_stops_all(served_box, box, content):
    served_box.settings.max_file_size_bytes = 1
    with pytest.raises(FileRefused, match="larger than Box takes"):
        put(box, content)
    served_box.settings.max_file_size_bytes, served_box.settings.storage_full = 10**9, True
    with pytest.raises(AccessRefused, match="account is full"):
        put(box, content)


# --- delete ----------------------------------------------------------------------------------------------------------


def test_a_file_is_deleted_only_as_the_version_that_was_seen(served_box, box):
    file_id = served_box.store.put_file("0", "a.jpg", b"a")
    seen = served_box.store.item(file_id, "file").etag
    served_box.store.put_file("0", "a.jpg", b"b")
    with pytest.raises(ChangedMeanwhile, match="changed meanwhile"):
        box.delete(file_id, etag=seen)
    box.delete(file_id, etag=served_box.store.item(file_id, "file").etag)
    assert not served_box.store.tree()


def test_deleting_what_is_gone_is_fine(served_box, box):
    file_id = served_box.store.put_file("0", "a.jpg", b"a")
    served_box.board.add(Fault(method="DELETE", drop_answer=True))
    box.delete(file_id)
    box.delete(file_id)
    assert not served_box.store.tree()


# --- contract --------------------------------------------------------------------------------------------------------

DESCRIPTION = Path(__file__).parents[3] / "shared" / "contracts" / "box-openapi.json"


@pytest.mark.skipif(
    not DESCRIPTION.exists(), reason=f"put Box's OpenAPI description at {DESCRIPTION} to compare our calls with it"
)
def test_all_our_calls_are_as_box_describes_them(served_box, tmp_path):
    served_box.settings.part_size_bytes, served_box.settings.chunked_minimum_bytes = PART_BYTES, 10
    with (
        ContractSession(DESCRIPTION, served_box.url) as session,
        opened_box(served_box, http_session=session, chunked_from_bytes=len(LARGE)) as box,
    ):
        folder = box.ensure_folder(BoxId("0"), "Campaign")
        assert box.ensure_folder(BoxId("0"), "Campaign") == folder
        box.folder_name(folder)
        for content in (SMALL, LARGE):
            file, _ = put(box, content, name=f"{len(content)}.mp4", folder=folder)
            put(box, content, name=f"{len(content)}.mp4", folder=folder)
            served_box.store.set_metadata(file.id, {"creativexScore": 90})
            agency = BoxAgency(box._client, template="ferrerodammetadata", limits=QUICK)
            [listed] = agency.list_files(folder, subfolders=True)
            assert agency.now(file.id).template == agency.instance(file.id) == listed.template
            agency.download(listed, tmp_path / "downloaded")
            box.delete(file.id, etag=listed.etag)
        assert len(session.exchanges) > 20
        assert not session.violations


# --- the trash -------------------------------------------------------------------------------------------------------


def test_a_deleted_file_is_seen_in_the_trash_and_comes_back_to_its_folder_or_to_another_where_that_is_gone(served_box):
    store = served_box.store
    folder_id = store.add_folder(name="Old")
    file_id = BoxId(store.put_file(folder_id, "a.jpg", b"a"))
    with opened_box(served_box) as box:
        assert box.trashed(file_id) is None
        box.delete(file_id)
        assert box.look_at(file_id) is None
        trashed = box.trashed(file_id)
        assert trashed
        assert (trashed.name, trashed.sha1_hex) == ("a.jpg", digest_of(b"a").sha1_hex)
        box.restore(file_id, "a.jpg", folder_id=BoxId("0"))
        assert list(store.tree()) == ["Old/a.jpg"]
        box.delete(file_id)
        store.delete_folder(folder_id, recursive=True)
        box.restore(file_id, "a.jpg", folder_id=BoxId("0"))
        assert list(store.tree()) == ["a.jpg"]


def test_what_is_not_in_the_trash_or_has_its_name_taken_is_not_restored(served_box):
    store = served_box.store
    file_id = BoxId(store.put_file("0", "a.jpg", b"a"))
    with opened_box(served_box) as box:
        box.delete(file_id)
        store.put_file("0", "A.jpg", b"theirs")
        with pytest.raises(FileRefused, match=r"Box holds another a.jpg in its place; rename that one there"):
            box.restore(file_id, "a.jpg", folder_id=BoxId("0"))
        store.empty_trash()
        with pytest.raises(FileRefused, match=r"Box does not let us restore a.jpg"):
            box.restore(file_id, "a.jpg", folder_id=BoxId("0"))


@pytest.mark.parametrize("status", [500, 503])
def test_a_box_that_cannot_tell_of_its_trash_has_not_said_that_it_is_empty(served_box, status):
    served_box.board.add(Fault(path="/trash$", times=None, status=status))
    with opened_box(served_box) as box, pytest.raises(SystemUnavailable):
        box.trashed(BoxId("77"))
