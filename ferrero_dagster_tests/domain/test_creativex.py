"""CreativeX values are taken from any Box metadata instance, and never stop a file."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.creativex import CreativeX, MasterScore, creativex_in, creativex_of, preferred


def test_score_and_link_are_read_beside_boxs_own_keys():
    instance = {"$id": "1", "$type": "t", "creativexScore": 90.0, "creativexUrl": " https://www.bbc.com "}
    assert creativex_of(instance) == CreativeX(score=90, url="https://www.bbc.com")


@pytest.mark.parametrize("instance", [None, {}, {"creativexScore": None, "creativexUrl": ""}])
def test_a_file_without_values_needs_no_note(instance):
    assert creativex_of(instance) == CreativeX()


@pytest.mark.parametrize("score", ["good", "nan", True, [90], {"value": 90}])
def test_a_malformed_score_is_ignored_with_a_note(score):
    result = creativex_of({"creativexScore": score, "creativexUrl": "http://a.example/x"})
    assert (result.score, result.url) == (None, "http://a.example/x")
    assert result.notes == (f"creativexScore ignored: expected a number, found {score!r}",)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "www.bbc.com",
        "https://",
        "http://[bad",
        "https://a b",
        "https://a\nb",
        7,
        "https://a.b:99999/",
        "https://creativex.com@evil.example/",
        "https://u:secret@a.b/",
        'https://a.b/?q="><script>',
        "https://a.b/<b>",
    ],
)
def test_a_link_that_is_no_web_address_is_ignored_with_a_note(url):
    result = creativex_of({"creativexScore": "90", "creativexUrl": url})
    assert (result.score, result.url) == (90, None)
    assert result.notes == (f"creativexUrl ignored: expected an http(s) address, found {url!r}",)


anything = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["creativexScore", "creativexUrl", "$version"]), anything))
def test_no_instance_crashes_the_reader(instance):
    creativex_of(instance)


@pytest.mark.parametrize(("text", "score"), [(" 87 ", 87), ("87.5", 87.5), ("87,5", 87.5), ("87 %", 87), ("0", 0)])
def test_a_score_as_text_is_read_as_people_write_numbers(text, score):
    assert creativex_in({"s": text}, {"u": None}).score == score


def test_the_first_place_with_a_score_gives_both_values_and_all_notes_are_told():
    table, box = CreativeX(url="https://a.example", notes=("one",)), CreativeX(score=9, place="box", notes=("two",))
    assert preferred([table, box]) == CreativeX(score=9, place="box", notes=("one", "two"))
    assert preferred([table, CreativeX()]) == table
    assert preferred([]) == CreativeX()


@given(anything, anything)
def test_what_is_read_of_any_values_is_a_number_and_a_short_link_or_a_short_note(score, url):
    found = creativex_in({"score": score}, {"url": url})
    assert found.score is None or math.isfinite(found.score)
    assert found.url is None or len(found.url) <= 2000
    assert all(len(note) < 200 for note in found.notes)


@pytest.mark.parametrize(
    ("values", "score"), [(["TikTok^87", "YouTube^61"], "87, 61"), (["87", "87"], "87"), (["^"], None), ([], None)]
)
def test_a_masters_own_score_is_the_number_of_each_platform(values, score):
    found = MasterScore.of("Hero.mp4", values, None)
    assert (found.score if found else None) == score
