"""Values of an answer: what is harmless is read, anything else is our own error."""

import pytest

from ferrero_dagster.clients.answers import Item, items_in, object_in
from ferrero_dagster.domain.errors import SpoiledItem, UnexpectedAnswer

MISSING = object()


def item(value=MISSING):
    return Item("DAM", "Listing", {"name": "Hero.mp4"} if value is MISSING else {"name": "Hero.mp4", "key": value})


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    ("value", "size"),
    [
        (MISSING, None),
        (None, None),
        (0, 0),
        (7, 7),
        ("7", 7),
        (" 007 ", 7),
        (7.0, 7),
        ("7.0", 7),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_size_is_read_from_whole_numbers_and_text_of_digits(value, size):
    assert item(value).size("key") == size


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    "value",
    ["", "1,234", "6.5", 5261334937.6, -1, "-1", True, [6], {"a": 6}, "NaN", float("nan"), float("inf"), 2**63,
     "9" * 30, "٣", "1e3", "0x10"],
)  # fmt: skip
def test_any_other_size_is_an_error_that_says_what_was_found_of_what(value):
    with pytest.raises(
        SpoiledItem, match=r"^Listing: Hero\.mp4 comes with .* as key, expected a number of bytes; look"
    ):
        item(value).size("key")


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    "value",
    [MISSING, None, "", "a b", "../x", ".", "..", "a/b", "a?b", "a#b", "%2e", 1.5, True, [], {}, "x" * 201, "a\n"],
)
def test_an_id_can_stand_in_an_address(value):
    with pytest.raises(SpoiledItem, match="expected an id"):
        item(value).identifier("key")
    assert item(7).identifier("key") == "7"
    assert item("ARTESIA.PUBLIC.TREEN").identifier("key") == "ARTESIA.PUBLIC.TREEN"


@pytest.mark.parametrize(("value", "text"), [(MISSING, ""), (None, ""), ("a", "a"), (7, "7"), (7.0, "7"), (7.5, "7.5")])
def test_text_is_read_from_text_and_numbers(value, text):
    assert item(value).text("key") == text


@pytest.mark.parametrize("value", [True, [], {}, ["a"]])
def test_anything_else_is_no_text(value):
    with pytest.raises(SpoiledItem, match="expected text"):
        item(value).text("key")


@pytest.mark.parametrize(
    ("value", "flag"),
    [(MISSING, False), (None, False), (True, True), ("false", False), ("True", True), (0, False), (1, True)],
)
def test_a_flag_is_read_from_text_and_numbers_too(value, flag):
    assert item(value).flag("key") is flag


@pytest.mark.parametrize("value", [[], {}, 2, "maybe", 1.5])
def test_anything_else_is_no_flag(value):
    with pytest.raises(SpoiledItem, match="expected true or false"):
        item(value).flag("key")


@pytest.mark.fault(57)
def test_a_list_of_one_may_be_the_bare_object_and_nothing_else():
    holder = object_in("Box", "Listing", {"a": {"one": {"id": 1}, "two": [{}, {}], "text": "x", "mixed": [{}, 1]}}, "a")
    assert [len(items_in(holder, key)) for key in ("one", "two", "none")] == [1, 2, 0]
    for key in ("text", "mixed"):
        with pytest.raises(SpoiledItem, match=r"Box lists .* expected an object"):
            items_in(holder, key)


@pytest.mark.fault(57)
@pytest.mark.parametrize("body", [None, [], "x", {}, {"a": None}, {"a": []}, {"a": {"b": 1}}])
def test_an_answer_without_its_root_is_an_error(body):
    with pytest.raises(UnexpectedAnswer, match=r"^Listing: the answer of the DAM has no a\.b\.$"):
        object_in("DAM", "Listing", body, "a", "b")


def test_a_name_of_any_length_and_depth_is_shown_in_one_line():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(SpoiledItem) as caught:
        Item("DAM", "Listing", {"name": "a\nb" * 1000, "key": deep}).text("key")
    assert len(str(caught.value)) < 800
    assert "\n" not in str(caught.value)
