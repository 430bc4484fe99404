"""CreativeX values are taken from any Box metadata instance, and never stop a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.creativex import CreativeX, creativex_of


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
    "url", ["javascript:alert(1)", "www.bbc.com", "https://", "http://[bad", "https://a b", "https://a\nb", 7]
)
def test_a_link_that_is_no_web_address_is_ignored_with_a_note(url):
    result = creativex_of({"creativexScore": "90", "creativexUrl": url})
    assert (result.score, result.url) == (90, None)
    assert result.notes == (f"creativexUrl ignored: expected an http(s) address, found {url!r}",)


anything = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["creativexScore", "creativexUrl", "$version"]), anything))
def test_no_instance_crashes_the_reader(instance):
    creativex_of(instance)
