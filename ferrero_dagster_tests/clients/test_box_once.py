"""Box's SDK sends again only what is declared; what people did meanwhile in Box stays (FAULTS 61)."""

from contextlib import suppress

import pytest
from box_sdk_gen import BoxAPIError, BoxSDKError

from ferrero_dagster.domain.errors import Incident, IntegrityError
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.test_box import put
from ferrero_dagster_tests.fix_sandbox import seen

LOST = [{"drop_answer": True}, {"cut_after_bytes": 0}]


@pytest.mark.fault(61)
@pytest.mark.parametrize("fault", [*LOST, {"status": 503}, {"status": 429}, {"status": 202}])
def test_a_change_that_nobody_declared_repeatable_is_sent_once(served_box, box, fault):
    file_id = served_box.store.put_file("0", "a.jpg", b"a")
    served_box.board.add(Fault(method="PUT", times=None, **fault))
    with suppress(BoxAPIError, BoxSDKError, TypeError):
        box._client.files.update_file_by_id(file_id, name="b.jpg")
    assert seen(served_box, "PUT", times=1)


@pytest.mark.fault(61)
def test_a_change_that_nobody_declared_repeatable_is_sent_again_with_a_new_log_in(served_box, box):
    file_id = served_box.store.put_file("0", "a.jpg", b"a")
    served_box.store.expire_tokens()
    box._client.files.update_file_by_id(file_id, name="b.jpg")
    assert list(served_box.store.tree()) == ["b.jpg"]


@pytest.mark.fault(61)
def test_a_deletion_whose_answer_was_lost_is_done_and_what_was_replaced_meanwhile_stays(served_box, box):
    file_id = served_box.store.put_file("0", "a.jpg", b"a")
    etag = served_box.store.item(file_id, "file").etag
    served_box.board.add(Fault(method="DELETE", drop_answer=True))
    served_box.board.add(Fault(method="DELETE", before=lambda: served_box.store.put_file("0", "a.jpg", b"by Ann")))
    box.delete(file_id, etag=etag)
    [name] = served_box.store.tree()
    assert name == "a.jpg"
    assert served_box.store.find("0", "a.jpg").id != file_id


@pytest.mark.fault(61)
def test_a_damaged_copy_that_a_person_has_replaced_meanwhile_is_not_deleted(served_box, box):
    served_box.settings.wrong_sha1 = True
    by_ann = Fault(method="DELETE", before=lambda: served_box.store.put_file("0", "film.mp4", b"by Ann"))
    served_box.board.add(by_ann)
    with pytest.raises(IntegrityError):
        put(box, b"content")
    assert list(served_box.store.tree()) == ["film.mp4"]


@pytest.mark.fault(61)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_folder_that_was_made_although_box_answered_an_error_is_found(served_box, box, status):
    made = []
    by_us = Fault(
        method="POST",
        path="/folders$",
        status=status,
        before=lambda: made.append(served_box.store.add_folder(name="C")),
    )
    served_box.board.add(by_us)
    assert [box.ensure_folder(BoxId("0"), "C")] == made


@pytest.mark.fault(61)
def test_a_folder_that_is_renamed_before_we_know_of_it_is_made_again_and_the_renamed_one_is_empty(served_box, box):
    def rename() -> None:
        by_ann = ("by Ann", "by ann", served_box.store.folder("0", "C"))
        served_box.store.database.change("UPDATE items SET name = ?, name_key = ? WHERE id = ?", *by_ann)

    served_box.board.add(Fault(method="POST", path="/folders$", drop_answer=True))
    served_box.board.add(Fault(method="POST", path="/folders$", before=rename))
    made = box.ensure_folder(BoxId("0"), "C")
    assert made == served_box.store.folder("0", "C") != served_box.store.folder("0", "by Ann")
    assert (sorted(item.name for item in served_box.store.items("0")), served_box.store.tree()) == (["C", "by Ann"], {})


@pytest.mark.fault(61)
@pytest.mark.parametrize("fault", LOST)
def test_a_restoring_that_was_not_answered_is_sent_once_and_seen_by_the_next_look(served_box, box, fault):
    file_id = BoxId(served_box.store.put_file("0", "a.jpg", b"a"))
    served_box.store.delete(file_id)
    served_box.board.add(Fault(method="POST", path=f"/files/{file_id}$", **fault))
    with pytest.raises(Incident):
        box.restore(file_id, "a.jpg", folder_id=BoxId("0"))
    assert seen(served_box, "POST", f"/files/{file_id}$", times=1)
    assert box.look_at(file_id)
    box.restore(file_id, "a.jpg", folder_id=BoxId("0"))
    assert list(served_box.store.tree()) == ["a.jpg"]
