"""A partition key is what people read, and such that Dagster and PostgreSQL take it, whatever a campaign is called."""

import unicodedata
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.partition_keys import partition_keys_for

IDS = st.text("0123456789abcdef", min_size=40, max_size=40)


def campaign(number="", name="", id_="ea0dbf" + "0" * 28 + "123abc"):
    return Campaign(id=id_, number=number, name=name, status="A1", type="Local Adaptation")


def first(**values):
    return next(partition_keys_for(campaign(**values)))


def test_it_is_number_and_name_as_people_read_them():
    assert first(number="C000000078", name="Local adaptation test 2") == "C000000078 Local adaptation test 2"
    assert first(name="Ostern 🐣, Überraschung") == "Ostern 🐣, Überraschung"
    assert first(number="C000000078") == "C000000078"


def test_a_campaign_without_number_and_name_has_its_id():
    assert first() == campaign().id
    assert first(number=" ", name="\n") == campaign().id


def test_control_characters_and_the_sign_of_a_range_are_replaced():
    assert first(name="a\x00b\tc\u202ed") == "a\ufffdb c\ufffdd"
    assert first(name="A1...A3 and 5.....6") == "A1…A3 and 5…..6"


def test_where_another_campaign_has_it_the_end_of_the_id_tells_them_apart():
    keys = list(islice(partition_keys_for(campaign(number="C1", name="Spring")), 3))
    assert keys == ["C1 Spring", "C1 Spring #123abc", "C1 Spring #000000123abc"]
    long = list(islice(partition_keys_for(campaign(name="x" * 300)), 2))
    assert long == ["x" * 80, "x" * 72 + " #123abc"]


@given(number=st.text(), name=st.text(), id_=IDS)
def test_any_text_from_outside_makes_keys_that_can_be_stored_and_chosen(number, name, id_):
    keys = list(partition_keys_for(campaign(number, name, id_)))
    assert keys[-1].endswith(id_)
    for key in keys:
        assert 0 < len(key) <= 80
        assert key == key.strip()
        assert "..." not in key
        assert not any(unicodedata.category(character) == "Cc" for character in key)
        key.encode()


@given(name=st.text(), one=IDS, other=IDS)
def test_two_campaigns_of_one_name_can_always_be_told_apart(name, one, other):
    mine, theirs = (set(partition_keys_for(campaign(name=name, id_=id_))) for id_ in (one, other))
    assert one == other or mine - theirs
