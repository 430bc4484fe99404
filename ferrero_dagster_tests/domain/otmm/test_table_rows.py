"""Parallel columns are compared as the rows that the DAM shows, and as columns only where it shows no table."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.otmm.metadata import differing_fields
from ferrero_dagster_tests.domain.otmm.otmm_fields import Node, asset, category, column, domain_value, table

Row = tuple[str | None, ...]
IDS = ("COUNTRY", "LANGUAGE", "CHANNEL")

rows = st.lists(st.tuples(*[st.sampled_from(["DE", "IT", "x", None])] * len(IDS)), max_size=5).filter(
    # Every column holds something: what holds nothing is not sent.
    lambda rows: all(any(row[place] is not None for row in rows) for place in range(len(IDS)))
)


def columns(rows: list[Row], ids: tuple[str, ...] = IDS) -> list[Node]:
    cells = [[{} if row[place] is None else domain_value(str(row[place]), "-") for row in rows] for place in range(3)]
    return [column(id_, *held) for id_, held in zip(IDS, cells, strict=True) if id_ in ids]


def in_a_table(rows: list[Row]) -> Node:
    return asset(category("MKTG", table("T", *columns(rows))))


def without_table(rows: list[Row]) -> Node:
    return asset(category("MKTG", *columns(rows)))


def naming_their_table(rows: list[Row]) -> Node:
    return asset(category("MKTG", *({**node, "parent_table_id": "T"} for node in columns(rows))))


def ids(differing: list[Node]) -> list[str]:
    return [node["id"] for node in differing]


def filled(rows: list[Row]) -> Counter[Row]:
    return Counter(row for row in rows if any(cell is not None for cell in row))


def column_contents(rows: list[Row]) -> list[Counter[str]]:
    return [Counter(cell for cell in held if cell is not None) for held in zip(*rows, strict=True)]


@st.composite
def with_one_column_moved(draw: Any) -> tuple[list[Row], list[Row]]:
    """Rows, and the same with the cells of one column in another order."""
    held = draw(rows)
    place = draw(st.sampled_from(range(len(IDS))))
    moved = draw(st.permutations([row[place] for row in held]))
    return held, [(*row[:place], cell, *row[place + 1 :]) for row, cell in zip(held, moved, strict=True)]


@given(rows, st.randoms(use_true_random=False))
def test_rows_in_another_order_are_the_same(held, random):
    shown = random.sample(held, len(held))
    assert differing_fields(naming_their_table(held), in_a_table(shown)) == []


@given(with_one_column_moved(), st.sampled_from([in_a_table, naming_their_table]), st.booleans())
def test_columns_paired_the_wrong_way_differ_however_the_table_is_told(pair, show, names_table):
    held, shown = pair
    sent = naming_their_table(held) if names_table else without_table(held)
    assert (differing_fields(sent, show(shown)) == []) is (filled(held) == filled(shown))


@given(rows, rows)
def test_columns_that_the_dam_shows_in_no_table_are_compared_each_by_itself(held, shown):
    differing = ids(differing_fields(naming_their_table(held), without_table(shown)))
    contents = zip(IDS, column_contents(held), column_contents(shown), strict=True)
    assert differing == [id_ for id_, one, other in contents if one != other]


@given(rows, rows)
def test_writing_what_differs_over_what_is_shown_makes_the_rows_right(held, shown):
    differing = ids(differing_fields(naming_their_table(held), in_a_table(shown)))
    written = columns(held, tuple(differing)) + [node for node in columns(shown) if node["id"] not in differing]
    assert differing_fields(naming_their_table(held), asset(table("T", *written))) == []


def test_a_column_with_the_right_values_in_other_rows_is_written_again_with_the_one_whose_values_are_wrong():
    sent = naming_their_table([("CH", "fr", "x"), ("AT", "de", "x")])
    shown = in_a_table([("AT", "it", "x"), ("CH", "fr", "x")])
    assert ids(differing_fields(sent, shown)) == ["COUNTRY", "LANGUAGE"]


def test_a_column_that_the_dam_lacks_is_of_the_table_that_it_was_sent_for():
    sent = naming_their_table([("CH", "fr", "x"), ("AT", "de", "x")])
    shown = asset(table("T", *columns([("AT", "", "x"), ("CH", "", "x")], ("COUNTRY", "CHANNEL"))))
    assert ids(differing_fields(sent, shown)) == ["COUNTRY", "LANGUAGE"]


@pytest.mark.parametrize("shown", [[("CH", "de", "x"), ("AT", "fr", "x")], [("CH", "fr", "x"), ("AT", "fr", "x")]])
def test_other_pairs_and_other_values_are_told(shown):
    sent = naming_their_table([("CH", "fr", "x"), ("AT", "de", "x")])
    assert "LANGUAGE" in ids(differing_fields(sent, in_a_table(shown)))
