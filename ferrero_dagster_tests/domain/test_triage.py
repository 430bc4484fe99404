"""How one file of the agency's folder is judged."""

from dataclasses import replace

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import NameProblems, parse_name
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.triage import (
    KnownFile,
    KnownMaster,
    KnownMasters,
    ListedFile,
    count_looks,
    is_ignored,
    is_news,
    judge,
    named,
)

RULES = load_site().naming.rules
NAME = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"


def judged(name=NAME, *, looks=2, **master):
    file = ListedFile(id=BoxId("1"), etag="0", name=name, size_bytes=5, sha1_hex="")
    known = {"tracking_id": "ABC123", "campaign_id": "c", "status": "active"} | master
    masters = KnownMasters({known["tracking_id"]: KnownMaster(**known)})
    return judge(file, named([file], {}, RULES)[file.id], masters, looks=looks, settle_looks=2)


def test_a_settled_file_of_an_active_master_is_ready_for_its_campaign():
    judgement = judged()
    assert (judgement.state, judgement.campaign_id, judgement.reason) == ("ready", "c", None)
    assert judgement.name is not None
    assert judgement.name.clean_name == "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"


def test_a_file_that_may_still_change_is_not_judged_whatever_its_name():
    assert judged(looks=1).state == judged("wrong", looks=1).state == "settling"


def test_a_wrong_name_is_refused_with_every_problem():
    judgement = judged("1234567_RAF_DE_de_TEST_OLV_001_6S_16x9.mp4")
    assert (judgement.state, [problem.component for problem in judgement.problems]) == ("refused", ["tracking ID"])


@pytest.mark.parametrize(
    ("master", "reason"),
    [
        ({"tracking_id": "XYZ999"}, "The tracking ID ABC123 is unknown"),
        ({"status": "withdrawn"}, "ABC123 is withdrawn"),
        ({"status": "pending"}, "ABC123 is pending"),
        ({"campaign_id": None}, "has no campaign_id in master_assets; the operator must set it"),
    ],
)
def test_a_final_whose_master_cannot_take_it_is_refused_with_the_reason(master, reason):
    judgement = judged(**master)
    assert judgement.state == "refused"
    assert reason in judgement.reason


NEARLY = NAME.replace("OLV", "olv")


def test_a_wrong_name_with_a_known_tracking_id_has_its_campaign_and_the_right_name():
    judgement = judged(NEARLY)
    assert (judgement.state, judgement.campaign_id, judgement.tracking_id) == ("refused", "c", "ABC123")
    assert judgement.corrected_name == NAME
    assert judgement.reason == "The name is wrong: asset type “olv” → “OLV”."


@pytest.mark.parametrize("master", [{"tracking_id": "XYZ999"}, {"status": "withdrawn"}])
def test_no_name_is_suggested_that_would_be_refused_for_its_tracking_id(master):
    judgement = judged(NEARLY, **master)
    assert judgement.corrected_name is None
    assert judgement.reason.startswith("The name is wrong: asset type “olv” → “OLV”. The ")
    assert "tracking ID ABC123 is " in judgement.reason


def test_the_id_that_a_master_has_is_suggested_for_one_in_other_letters():
    judgement = judged(NAME.replace("ABC123", "POIJ9S"), tracking_id="pOiJ9s")
    assert (judgement.state, judgement.campaign_id) == ("refused", "c")
    assert judgement.corrected_name == NAME.replace("ABC123", "pOiJ9s")
    assert judgement.reason == ("The tracking ID POIJ9S is unknown; a master has pOiJ9s, letter by letter.")
    assert judged(NEARLY.replace("ABC123", "POIJ9S"), tracking_id="pOiJ9s").corrected_name == judgement.corrected_name


def test_two_ids_that_differ_in_case_only_are_two_and_none_is_suggested_for_a_third():
    ids = [TrackingId("pOiJ9s"), TrackingId("POIJ9S")]
    masters = {i: KnownMaster(tracking_id=i, campaign_id=DamId(i), status="active") for i in ids}
    found = {}
    for tracking_id in (*masters, "poij9s"):
        name = NAME.replace("ABC123", tracking_id)
        file = ListedFile(id=BoxId("1"), etag="0", name=name, size_bytes=5, sha1_hex="")
        parsed = named([file], {}, RULES)[file.id]
        found[tracking_id] = judge(file, parsed, KnownMasters(masters), looks=2, settle_looks=2)
    assert [found[i].campaign_id for i in ids] == ["pOiJ9s", "POIJ9S"]
    assert (found["poij9s"].state, found["poij9s"].corrected_name) == ("refused", None)


def test_a_suggestion_with_an_id_in_other_letters_needs_a_master_that_takes_finals():
    judgement = judged(NAME.replace("ABC123", "POIJ9S"), tracking_id="pOiJ9s", status="withdrawn")
    assert (judgement.state, judgement.corrected_name) == ("refused", None)


@pytest.mark.parametrize("name", [".DS_Store", "._a.mp4", "~$plan.xlsx", "Thumbs.db", "DESKTOP.INI"])
def test_what_programs_leave_behind_is_ignored(name):
    assert is_ignored(name)
    assert not is_ignored("a" + name)


def known(*, size_bytes=5, state="ready", **values):
    return KnownFile(file_id=BoxId("1"), etag="0", size_bytes=size_bytes, state=state, looks=2, **values)


@pytest.mark.parametrize(("before", "looks"), [(None, 1), (known(), 3), (known(size_bytes=4), 1)])
def test_a_file_that_grows_is_looked_at_from_the_beginning(before, looks):
    assert count_looks(judged().file, before) == looks


@pytest.mark.parametrize(
    ("name", "before", "is_told"),
    [
        (NAME, None, True),
        (NAME, known(), False),
        (NAME, known(template={"creativexScore": 1}), True),
        (NAME, known(template={"creativexScore": 1}, transfer_state="pending"), False),
        (NAME, known(transfer_state="pending", size_bytes=4), True),
        ("wrong", known(), True),
        ("wrong", known(state="refused"), False),
    ],
)
def test_only_what_changed_and_what_may_soon_be_moved_is_written_down(name, before, is_told):
    judgement = judged(name)
    assert is_news(judgement, {judgement.file.version: before} if before else {}) == is_told


def test_a_name_that_was_wrong_is_parsed_again_only_where_todays_rules_may_accept_it():
    file = ListedFile(id=BoxId("1"), etag="0", name=NEARLY, size_bytes=5, sha1_hex="")
    wrong = NameProblems(name=NEARLY, problems=judged("wrong").problems)
    before = {file.version: known(problems=wrong.problems)}
    assert named([file], before, RULES)[file.id] == wrong
    assert named([replace(file, name=NAME)], before, RULES)[file.id] == parse_name(NAME, RULES)
