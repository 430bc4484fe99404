"""A campaign's status: read, compared, sent once, read back; by ids and by texts (contract otmm.md 7)."""

from collections.abc import Iterator
from typing import Any

import pytest

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.domain.errors import IntegrityError, LockedInDam, StatusChanged, SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.clients.test_otmm import LOCAL, campaign
from ferrero_dagster_tests.fix_sandbox import DIALECTS, JSON, QUICK, REFUSAL, opened_dam, seen

LOCKED: dict[str, Any] = {"status_change": "locked"}
#: Status, type and status after as the other of id and text.
OTHER_FORM = {
    "seeds": ("A1 - Masters ready", LOCAL, "A2 - Masters with agency"),
    "customer": ("SCALING_1A", "LOCAL_ADAPTATION", "SCALING_2A"),
}


@pytest.fixture
def locking(served_dam) -> Iterator[Otmm]:
    """Our client at a site where a status is set under a lock."""
    with opened_dam(served_dam.url, **LOCKED) as client:
        yield client


def is_unlocked(served, id_):
    return served.store.item(id_).locked_by is None


@pytest.mark.parametrize("site", [{}, LOCKED, {**LOCKED, "lock_path": "folders"}, {"domained_patch": True}])
@pytest.mark.parametrize("domained", [True, False])
def test_a_status_is_set_and_read_back(served_dam, site, domained):
    id_ = campaign(served_dam, domained=domained)
    with opened_dam(served_dam.url, **site) as otmm:
        otmm.set_status(id_, "A2", expected="A1")
        assert otmm.campaign(id_).status == "A2"
    assert is_unlocked(served_dam, id_)


def test_an_optimistic_change_is_one_patch_and_no_lock_call(served_dam, otmm):
    id_ = campaign(served_dam)
    otmm.set_status(id_, "A2", expected="A1")
    assert [seen.query for seen in served_dam.board.requests("PATCH")] == ["lock_strategy=optimistic"]
    assert not served_dam.board.requests("PUT")


def test_a_status_that_is_set_already_is_not_set_again(served_dam, otmm):
    otmm.set_status(campaign(served_dam, "A2"), "A2", expected="A1")
    assert not served_dam.board.requests("PATCH")


def test_a_status_that_a_person_changed_stays(served_dam, otmm):
    id_ = campaign(served_dam, "A4")
    with pytest.raises(StatusChanged) as caught:
        otmm.set_status(id_, "A2", expected="A1")
    assert (caught.value.found, served_dam.store.status(id_), is_unlocked(served_dam, id_)) == ("A4", "A4", True)


def test_a_campaign_that_a_person_has_open_is_left_alone(served_dam, otmm):
    id_ = campaign(served_dam)
    served_dam.store.lock(id_, "someone")
    with pytest.raises(LockedInDam, match="locked"):
        otmm.set_status(id_, "A2", expected="A1")
    assert (served_dam.store.status(id_), served_dam.store.item(id_).locked_by) == ("A1", "someone")


@pytest.mark.fault(30)
@pytest.mark.parametrize("relock_refused", [True, False])
def test_a_lock_that_our_own_crash_left_behind_is_used(served_dam, locking, relock_refused):
    served_dam.settings.relock_refused = relock_refused
    id_ = campaign(served_dam)
    served_dam.store.lock(id_, "ferrero")
    locking.set_status(id_, "A2", expected="A1")
    assert (served_dam.store.status(id_), is_unlocked(served_dam, id_)) == ("A2", True)


@pytest.mark.parametrize(("lock_owner", "is_ours"), [("ferrero service", True), (None, False)])
def test_our_own_lock_is_known_by_the_name_that_the_site_configuration_gives(served_dam, lock_owner, is_ours):
    id_ = campaign(served_dam)
    served_dam.store.lock(id_, "Ferrero Service")
    with opened_dam(served_dam.url, lock_owner=lock_owner, **LOCKED) as otmm, pytest.raises(LockedInDam):
        otmm.set_status(id_, "A2", expected="A1")
    # The stand-in knows the user by another name and refuses, but we have tried.
    assert bool(served_dam.board.requests("PATCH")) == is_ours


@pytest.mark.parametrize("site", [{}, LOCKED])
def test_a_campaign_that_its_new_status_hides_from_us_counts_as_changed(served_dam, site):
    served_dam.settings.lock_required = False
    id_ = campaign(served_dam)
    hidden = Fault(path=id_, status=404, times=None, body=REFUSAL, headers=JSON)
    served_dam.board.add(Fault(method="PATCH", before=lambda: served_dam.board.add(hidden)))
    with opened_dam(served_dam.url, **site) as otmm:
        assert otmm.set_status(id_, "A2", expected="A1") is False
    assert served_dam.store.status(id_) == "A2"


def test_a_change_that_was_answered_with_404_but_can_be_read_back_is_judged_by_what_is_read(served_dam, otmm):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", status=404, body=REFUSAL, headers=JSON))
    with pytest.raises(IntegrityError, match="shows A1"):
        otmm.set_status(id_, "A2", expected="A1")


@pytest.mark.fault(40)
def test_a_status_that_was_accepted_but_not_applied_is_noticed(served_dam, otmm):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", status=200))
    with pytest.raises(IntegrityError, match="shows A1"):
        otmm.set_status(id_, "A2", expected="A1")
    assert is_unlocked(served_dam, id_)


@pytest.mark.fault(41, 61)
@pytest.mark.parametrize("site", [{}, LOCKED])
@pytest.mark.parametrize("fault", [{"drop_answer": True}, {"cut_after_bytes": 0}])
def test_a_status_is_sent_once_although_the_answer_was_lost(served_dam, site, fault):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", times=None, **fault))
    with opened_dam(served_dam.url, **site) as otmm:
        assert otmm.set_status(id_, "A2", expected="A1") is True
    assert (served_dam.store.status(id_), is_unlocked(served_dam, id_)) == ("A2", True)
    assert seen(served_dam, "PATCH", times=1)


@pytest.mark.fault(61)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_change_that_the_dam_did_not_make_is_read_back_and_left_to_the_next_run(served_dam, otmm, status):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", status=status, times=None))
    with pytest.raises(SystemUnavailable, match=f"Setting status A2: the DAM is unavailable .{status}"):
        otmm.set_status(id_, "A2", expected="A1")
    assert seen(served_dam, "PATCH", times=1)
    served_dam.board.clear()
    assert otmm.set_status(id_, "A2", expected="A1") is True


@pytest.mark.fault(61)
def test_a_person_who_chose_another_status_after_the_answer_was_lost_wins(served_dam, otmm):
    id_ = campaign(served_dam)
    by_hand = Fault(method="GET", path=id_, skip=1, before=lambda: served_dam.store.set_status(id_, "A4"))
    served_dam.board.add(by_hand)
    served_dam.board.add(Fault(method="PATCH", drop_answer=True))
    with pytest.raises(StatusChanged):
        otmm.set_status(id_, "A2", expected="A1")
    assert served_dam.store.status(id_) == "A4"


@pytest.mark.fault(41)
def test_a_lock_whose_answer_was_lost_is_used_and_given_back(served_dam, locking):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PUT", drop_answer=True))
    locking.set_status(id_, "A2", expected="A1")
    assert (served_dam.store.status(id_), is_unlocked(served_dam, id_)) == ("A2", True)


def test_our_own_lock_is_known_without_a_user_name(served_dam):
    served_dam.settings.dialect = "customer"
    login = served_dam.login
    id_ = campaign(served_dam)
    served_dam.store.lock(id_, login.client_id)
    refused = Fault(method="PUT", path="/state$", status=409, body=REFUSAL, headers=JSON, times=QUICK.attempts)
    served_dam.board.add(refused)
    served_dam.board.add(Fault(method="PUT", path="/state$", status=200))
    served_dam.settings.lock_required = False
    with opened_dam(served_dam.url, login=login, **LOCKED) as otmm:
        otmm.set_status(id_, "A2", expected="A1")
    assert served_dam.store.status(id_) == "A2"
    assert seen(served_dam, "GET", "/sessions$", times=1)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("site", [{}, {"domained_patch": True}])
def test_a_campaign_is_found_and_advanced_by_ids_or_by_texts(served_dam, site):
    for status, kind, after in (("A1", LOCAL, "A2"), OTHER_FORM[served_dam.settings.dialect]):
        id_ = campaign(served_dam)
        with opened_dam(served_dam.url, login=served_dam.login, **site) as otmm:
            (found,) = otmm.search_campaigns(status=status, campaign_type=kind)
            assert (found.id, found.status, found.type) == (id_, status, kind)
            assert otmm.set_status(id_, after, expected=status) is True
        assert served_dam.store.status(id_) == "A2"


def test_a_status_that_was_added_to_the_pick_list_since_it_was_looked_up_is_set_by_its_id(served_dam):
    served_dam.settings.dialect = "customer"
    id_ = campaign(served_dam)
    with opened_dam(served_dam.url, login=served_dam.login) as otmm:
        assert len(otmm.search_campaigns(status="A1", campaign_type=LOCAL)) == 1
        served_dam.settings.statuses = ("C2",)
        assert otmm.set_status(id_, "C2", expected="A1") is True
    assert served_dam.store.status(id_) == "C2"


def test_without_the_dams_pick_lists_a_text_is_not_found_but_an_id_is(served_dam):
    served_dam.settings.dialect = "customer"
    campaign(served_dam)
    served_dam.board.add(Fault(path="/lookupdomains", status=404, times=None))
    with opened_dam(served_dam.url, login=served_dam.login) as otmm:
        assert otmm.search_campaigns(status="A1", campaign_type=LOCAL) == []
        assert len(otmm.search_campaigns(status="SCALING_1A", campaign_type="LOCAL_ADAPTATION")) == 1


def test_the_body_of_the_answer_to_a_status_change_does_not_matter(served_dam, locking):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PUT", times=2, status=200, body="done", headers={"Content-Type": "text/plain"}))
    served_dam.settings.lock_required = False
    locking.set_status(id_, "A2", expected="A1")
    assert served_dam.store.status(id_) == "A2"


def test_the_lock_is_taken_back_when_the_change_fails(served_dam, locking):
    id_ = campaign(served_dam)
    served_dam.board.add(Fault(method="PATCH", status=503, times=None))
    with pytest.raises(SystemUnavailable):
        locking.set_status(id_, "A2", expected="A1")
    assert (served_dam.store.status(id_), is_unlocked(served_dam, id_)) == ("A1", True)
