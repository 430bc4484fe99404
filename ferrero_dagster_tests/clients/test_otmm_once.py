"""Fields, locks and check-outs of the DAM whose answers are lost: a look before they are sent again (FAULTS 61)."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import ImportWatch, OtmmImports
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import FerreroError, LockedInDam, SystemUnavailable
from ferrero_dagster.domain.otmm.metadata import field_value
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.test_otmm import DOMAINED, campaign, masters
from ferrero_dagster_tests.clients.test_otmm_session import HTML
from ferrero_dagster_tests.fix_sandbox import DIALECTS, JSON, QUICK, REFUSAL, opened_dam, seen

LOCKED: dict[str, Any] = {"status_change": "locked"}
FIELD = "MAIN_LANGUAGES"
LOST = [{"drop_answer": True}, {"cut_after_bytes": 0}]


@contextmanager
def client(served, **site) -> Iterator[Otmm]:
    with opened_dam(served.url, login=served.login, **site) as otmm:
        yield otmm


@contextmanager
def importing(served) -> Iterator[OtmmImports]:
    with closing(OtmmSession(served.url, login=served.login, limits=QUICK)) as session:
        yield OtmmImports(session, load_site().dam_import)


def setting(served, asset_id, value):
    """Sets the field, whoever has the asset locked."""
    node = {**DOMAINED, "value": {"value": {"type": "string", "value": value}}}
    return lambda: served.store.write_fields(asset_id, [node])


@pytest.mark.fault(61)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", LOST)
def test_fields_whose_change_was_not_answered_are_looked_at_and_not_sent_again(served_dam, fault):
    _, [asset_id] = masters(served_dam, "a.jpg")
    served_dam.board.add(Fault(method="PATCH", times=None, **fault))
    with client(served_dam) as otmm:
        [asset] = otmm.load_assets([asset_id])
        assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, FIELD) == "DE"
    assert seen(served_dam, "PATCH", times=1)


@pytest.mark.fault(61)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_person_set_after_our_change_was_not_answered_stays(served_dam):
    _, [asset_id] = masters(served_dam, "a.jpg")
    with client(served_dam) as otmm:
        [asset] = otmm.load_assets([asset_id])
        served_dam.board.add(Fault(method="PATCH", drop_answer=True))
        # Just before whatever we ask next, be it a look or the same once more.
        for method in ("GET", "PATCH"):
            served_dam.board.add(Fault(method=method, path="/assets", before=setting(served_dam, asset_id, "FR")))
        assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, FIELD) == "FR"
    assert served_dam.store.value(asset_id, FIELD) == "FR"


@pytest.mark.fault(61)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_fields_that_were_changed_although_the_dam_answered_an_error_are_not_sent_again(served_dam, otmm, status):
    _, [asset_id] = masters(served_dam, "a.jpg")
    [asset] = otmm.load_assets([asset_id])
    served_dam.board.add(Fault(method="PATCH", status=status, before=setting(served_dam, asset_id, "DE")))
    assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, FIELD) == "DE"
    assert seen(served_dam, "PATCH", times=1)


@pytest.mark.fault(61)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_fields_that_the_dam_did_not_change_are_sent_again_after_a_look(served_dam, otmm, status):
    _, [asset_id] = masters(served_dam, "a.jpg")
    [asset] = otmm.load_assets([asset_id])
    served_dam.board.add(Fault(method="PATCH", status=status, times=2))
    assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, FIELD) == "DE"
    assert seen(served_dam, "PATCH", times=3)
    assert seen(served_dam, "GET", "/assets$", times=4)


@pytest.mark.fault(61)
def test_a_web_page_in_place_of_an_answer_does_not_have_a_change_sent_again(served_dam, otmm):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", rewrite=lambda _: b"<html>", headers=HTML, times=None))
    assert otmm.set_status(id_, "A2", expected="A1") is True
    assert seen(served_dam, "PATCH", times=1)


@pytest.mark.fault(61)
@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("skip", [0, 1], ids=["lock", "unlock"])
def test_of_a_lock_or_unlock_that_was_not_answered_nothing_is_left(served_dam, skip, fault):
    _, [asset_id] = masters(served_dam, "a.jpg")
    served_dam.board.add(Fault(method="PUT", path="/state", skip=skip, **fault))
    with client(served_dam, **LOCKED) as otmm:
        [asset] = otmm.load_assets([asset_id])
        assert field_value(otmm.set_fields(asset, [DOMAINED]).raw, FIELD) == "DE"
    assert served_dam.store.item(asset_id).locked_by is None
    assert seen(served_dam, "PUT", "/state", times=2)


@pytest.mark.fault(61)
def test_a_lock_that_a_person_took_after_our_unlock_was_not_answered_stays(served_dam):
    _, [asset_id] = masters(served_dam, "a.jpg")
    with client(served_dam, **LOCKED) as otmm:
        [asset] = otmm.load_assets([asset_id])
        served_dam.board.add(Fault(method="PUT", path="/state", skip=1, drop_answer=True))
        taken = Fault(method="GET", path="/assets$", skip=1, before=lambda: served_dam.store.lock(asset_id, "Ann"))
        served_dam.board.add(taken)
        otmm.set_fields(asset, [DOMAINED])
    assert served_dam.store.item(asset_id).locked_by == "Ann"
    assert seen(served_dam, "PUT", "/state", times=2)


@pytest.mark.fault(61)
def test_a_lock_that_was_never_answered_is_given_back_at_once(served_dam):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PUT", path="/state", drop_answer=True))
    served_dam.board.add(Fault(method="PUT", path="/state", status=503, times=QUICK.attempts - 1))
    hidden = Fault(method="GET", path=f"/folders/{id_}", status=503, times=QUICK.attempts * (QUICK.attempts - 1))
    served_dam.board.add(hidden)
    with client(served_dam, **LOCKED) as otmm, pytest.raises(SystemUnavailable):
        otmm.set_status(id_, "A2", expected="A1")
    assert (served_dam.store.status(id_), served_dam.store.item(id_).locked_by) == ("A1", None)


@pytest.mark.fault(61)
def test_our_lock_is_given_back_although_the_dam_shows_it_under_another_name_than_our_log_in(served_dam):
    id_ = campaign(served_dam)
    as_shown = Fault(method="GET", times=None, rewrite=lambda body: body.replace(b'"ferrero"', b'"Ferrero Service"'))
    served_dam.board.add(Fault(method="PUT", path="/state", skip=1, status=503))
    served_dam.board.add(as_shown)
    with client(served_dam, **LOCKED) as otmm:
        assert otmm.set_status(id_, "A2", expected="A1") is True
    assert served_dam.store.item(id_).locked_by is None


# --- new versions


def new_version(imports, asset_id, path, heard=None):
    heard = [] if heard is None else heard
    watch = ImportWatch(
        uploaded=lambda _: None, begins=lambda: heard.append("begins"), refused=lambda: heard.append("refused")
    )
    return imports.start_version(asset_id, path, "a.jpg", "image/jpeg", representation={}, watch=watch)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"new")
    return tmp_path / "a.jpg"


@pytest.mark.fault(61)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("again_refused", [True, False])
def test_a_check_out_that_was_not_answered_or_that_a_dead_run_left_is_used(served_dam, path, again_refused):
    served_dam.settings.relock_refused = again_refused
    for fault in (Fault(method="PUT", path="/state", drop_answer=True), Fault(method="POST", path="/renditions")):
        _, [asset_id] = masters(served_dam, "a.jpg")
        user = served_dam.login.username or served_dam.login.client_id
        if not fault.drop_answer:
            served_dam.store.lock(asset_id, user, check_out=True)
        served_dam.board.add(fault)
        with importing(served_dam) as imports:
            assert new_version(imports, asset_id, path).job_id
        assert served_dam.store.item(asset_id).latest is False


@pytest.mark.fault(61)
def test_what_a_person_checked_out_meanwhile_gets_no_new_version(served_dam, path):
    _, [asset_id] = masters(served_dam, "a.jpg")
    by_ann = Fault(method="PUT", path="/state", before=lambda: served_dam.store.lock(asset_id, "Ann", check_out=True))
    served_dam.board.add(by_ann)
    with importing(served_dam) as imports, pytest.raises(LockedInDam):
        new_version(imports, asset_id, path)
    item = served_dam.store.item(asset_id)
    assert (item.locked_by, item.checked_out, item.latest) == ("Ann", True, True)


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("fault", "is_left"),
    [
        ({"path": "/jobs/imports", "drop_answer": True}, False),
        ({"path": "/renditions", "status": 503}, False),
        ({"path": "/checkins", "status": 500, "body": REFUSAL, "headers": JSON}, False),
        ({"path": "/checkins", "status": 502}, True),
    ],
    ids=["job", "bytes", "check-in refused", "check-in in doubt"],
)
def test_a_check_out_is_undone_where_no_version_can_come_of_it(served_dam, path, fault, is_left):
    _, [asset_id] = masters(served_dam, "a.jpg")
    served_dam.board.add(Fault(**fault))
    heard: list[str] = []
    with importing(served_dam) as imports, pytest.raises(FerreroError):
        new_version(imports, asset_id, path, heard)
    item = served_dam.store.item(asset_id)
    assert (item.locked_by is not None, item.checked_out) == (is_left, is_left)
    assert ("begins" in heard and "refused" not in heard) == is_left


@pytest.mark.fault(61)
def test_each_step_of_a_new_version_is_sent_once(served_dam, path):
    for step in ("/jobs/imports", "/renditions", "/checkins"):
        _, [asset_id] = masters(served_dam, "a.jpg")
        served_dam.board.seen.clear()
        served_dam.board.add(Fault(path=step, drop_answer=True))
        with importing(served_dam) as imports, pytest.raises(SystemUnavailable):
            new_version(imports, asset_id, path)
        assert seen(served_dam, path=step, times=1)
