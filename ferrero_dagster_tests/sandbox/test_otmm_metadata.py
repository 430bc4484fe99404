"""The metadata shapes of the DAM stand-in (contract otmm.md 5.2, 7.2)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.metadata import (
    assigned,
    cascading,
    column,
    domain_value,
    field,
    in_tables,
    scalar_value,
    sent_elements,
    texts,
)

SHAPES = [
    None,
    field("F"),
    field("F", scalar_value("old")),
    field("F", scalar_value(7), data_type="NUMBER"),
    field("F", domain_value("OLD", "Old ")),
    cascading("F", ("A", "B"), ("Group", "Member")),
    {"type": "com.artesia.metadata.MetadataField", "id": "F", "name": "no value at all"},
]
KEYS = ["id", "type", "value", "values", "field_value", "metadata_element_list"]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
)


@given(st.sampled_from(SHAPES), st.text())
def test_a_plain_value_can_be_written_over_every_shape(known, value):
    element = assigned(known, {"id": "F", "value": {"value": {"type": "string", "value": value}}})
    assert texts(element) == (value,)
    inner = element["value"]["value"]
    assert element["value"].get("domain_value", False) == ("field_value" in inner)


def test_a_pick_list_stays_one():
    known = field("F", domain_value("OLD", "Old"))
    element = assigned(known, {"id": "F", "value": {"value": {"type": "string", "value": "NEW"}}})
    assert element["value"]["value"]["type"] == "com.artesia.metadata.DomainValue"


def test_a_value_can_be_taken_away():
    assert texts(assigned(field("F", scalar_value("old")), {"id": "F", "value": {}})) == ()


@given(st.lists(st.text(min_size=1)))
def test_columns_are_shown_in_their_table_and_read_back_from_it(rows):
    columns = [column(key, map(scalar_value, rows), table_id="T") for key in "AB"]
    (table,) = in_tables(columns)
    assert [column["id"] for column in table["metadata_element_list"]] == ["A", "B"]
    assert [texts(element) for element in sent_elements([{"id": "C", "metadata_element_list": table}])] == [
        tuple(rows),
        tuple(rows),
    ]


def test_a_table_column_takes_rows_only():
    with pytest.raises(Refusal):
        assigned(column("F", [scalar_value("old")]), {"id": "F", "value": {"value": {"value": "new"}}})


@given(JSON, JSON, st.sampled_from(SHAPES))
def test_whatever_is_sent_is_written_or_refused(first, second, known):
    with suppress(Refusal):
        for element in [*sent_elements(first), *sent_elements(second)]:
            known = assigned(known, {**element, "id": "F"})
            assert in_tables([known])
            texts(known)
