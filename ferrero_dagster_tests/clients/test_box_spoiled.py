"""One thing in an answer of Box that is not as it must be: whose matter it is, and whose it is not."""

import json
from io import BytesIO

import pytest

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.domain.creativex import creativex_of
from ferrero_dagster.domain.errors import FerreroError, SystemUnavailable, UnexpectedAnswer
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, QUICK, opened_box

pytestmark = pytest.mark.fault(57)

DEEP = '{"a": ' * 3000 + "1" + "}" * 3000
GOOD = {"type": "file", "id": "1", "etag": "0", "name": "good.mp4", "size": 1, "sha1": "0"}


@pytest.fixture
def agency(box_client):
    return BoxAgency(box_client, template="ferrerodammetadata", limits=QUICK)


def listed(served_box, agency, *entries, **more):
    body = json.dumps({"entries": list(entries), **more}).replace('"DEEP"', DEEP)
    served_box.board.add(Fault(path="/items", status=200, body=body, headers=JSON))
    return agency.list_files("0", subfolders=True)


SPOILED = {
    "a size that is a list": {"size": [1]},
    "a size below zero": {"size": -1},
    "no size": {"size": None},
    "a name that is an object": {"name": {}},
    "a hash that is a list": {"sha1": ["0"]},
    "an etag that is an object": {"etag": {"a": 1}},
    "an id that is a list": {"id": []},
    "a size nested too deep for Python": {"size": "DEEP"},
    "no type that we know": {"type": [], "size": "much"},
    "a folder without an id": {"type": "folder", "id": None},
    "a folder whose name is a list": {"type": "folder", "id": "5", "name": []},
}


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=list(SPOILED))
def test_a_spoiled_entry_is_a_file_with_a_problem_and_the_others_are_listed(served_box, agency, spoiled):
    files = listed(served_box, agency, GOOD | {"id": "7", "name": "bad.mp4"} | spoiled, GOOD)
    assert [(file.name, file.problem) for file in files if file.id == "1"] == [("good.mp4", None)]
    [problem] = [file.problem for file in files if file.id != "1"]
    assert problem
    assert problem.startswith("Listing Box folder 0: ")


@pytest.mark.parametrize("entry", [None, [], "x", 1, {}])
def test_an_entry_that_is_no_object_has_the_same_id_at_every_look(served_box, agency, entry):
    first, again = (listed(served_box, agency, entry, GOOD) for _ in range(2))
    assert first == again
    assert [file.problem is None for file in first] == [False, True]


@pytest.mark.parametrize("size", [7, "7", 7.0])
def test_harmless_differences_are_read(served_box, agency, size):
    [file] = listed(served_box, agency, GOOD | {"id": 12, "etag": 3, "size": size})
    assert (file.id, file.etag, file.size_bytes, file.problem) == ("12", "3", 7, None)


@pytest.mark.parametrize(
    "body", [[], {}, None, {"entries": None}, {"entries": "x"}, {"entries": [], "next_marker": []}]
)
def test_an_answer_that_is_no_listing_is_never_an_empty_folder(served_box, agency, body):
    served_box.board.add(Fault(path="/items", status=200, body=json.dumps(body), headers=JSON))
    with pytest.raises(UnexpectedAnswer):
        agency.list_files("0", subfolders=False)


def test_a_listing_whose_marker_comes_again_ends(served_box, agency):
    for _ in range(2):
        body = json.dumps({"entries": [GOOD], "next_marker": "again"})
        served_box.board.add(Fault(path="/items", status=200, body=body, headers=JSON))
    assert len(agency.list_files("0", subfolders=False)) == 1


@pytest.mark.fault(59)
def test_odd_values_of_a_template_become_text_that_can_be_kept_and_told(served_box, agency):
    values = {"creativexScore": float("nan"), "creativexUrl": "DEEP", "a": [1, "x"], "b": {"c": 1}, "d": "a\0\ud83d"}
    [file] = listed(served_box, agency, GOOD | {"metadata": {"enterprise_1": {"ferrerodammetadata": values}}})
    assert file.template
    json.dumps(file.template, allow_nan=False)
    assert file.template | {"creativexUrl": ""} == {
        "creativexScore": "NaN", "creativexUrl": "", "a": ["1", "x"], "b": "{'c': 1}", "d": "a\ufffd\ufffd",
    }  # fmt: skip
    assert len(creativex_of(file.template).notes) == 2


@pytest.mark.parametrize(
    "body", ["[]", "null", "NaN", DEEP, '{"code": [], "request_id": {}}', '{"code": {"a": 1}}', "x"]
)
@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_an_error_answer_of_any_form_is_our_own_error(served_box, agency, body, status):
    served_box.board.add(Fault(path="/files/1", status=status, body=body, headers=JSON, times=None))
    with pytest.raises(FerreroError) as caught:
        agency.now("1")
    assert isinstance(caught.value, SystemUnavailable) == (status == 500)


ANSWERS = [{}, {"id": []}, {"id": None}, {"entries": [None]}, {"entries": [{"id": {}}]}, {"entries": 7}, []]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_upload_or_folder_whose_answer_names_nothing_is_our_own_error(served_box, answer):
    body = json.dumps(answer)
    served_box.board.add(Fault(path="/files/content|/folders", status=201, body=body, headers=JSON, times=None))
    with opened_box(served_box) as box:
        for call in (
            lambda: box.upload(BoxId("0"), "a", BytesIO(b"x"), Digest(size_bytes=1, sha1_hex="0", md5_hex="0")),
            lambda: box.ensure_folder(BoxId("0"), "a"),
        ):
            with pytest.raises(UnexpectedAnswer):
                call()


@pytest.mark.parametrize(
    "context", [None, [], "x", {}, {"conflicts": []}, {"conflicts": "x"}, {"conflicts": {"type": "folder"}}]
)
def test_a_name_in_use_by_nothing_that_can_be_read_is_our_own_error(served_box, context):
    body = json.dumps({"code": "item_name_in_use", "context_info": context})
    served_box.board.add(Fault(path="/folders", status=409, body=body, headers=JSON))
    with opened_box(served_box) as box, pytest.raises(UnexpectedAnswer):
        box.ensure_folder(BoxId("0"), "a")


@pytest.mark.parametrize("token", [None, "", [], {"a": 1}, 7, "a b", "töken", "a\nb"])
def test_a_token_that_can_stand_in_no_header_is_no_token(served_box, token):
    body = json.dumps({"access_token": token, "expires_in": 60, "token_type": "bearer"})
    served_box.board.add(Fault(path="oauth2/token", status=200, body=body, headers=JSON, times=None))
    with pytest.raises(SystemUnavailable, match="holds no token"), opened_box(served_box):
        pass
