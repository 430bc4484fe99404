"""OTMM's metadata tree is read and written in every shape that the contract knows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.otmm.metadata import (
    differing_fields,
    extracted_values,
    field_value,
    field_values,
    fields,
    fields_by_id,
    in_plain_form,
    table_ids,
)
from ferrero_dagster_tests.domain.otmm.otmm_fields import (
    asset,
    cascading,
    category,
    column,
    domain_value,
    domained,
    empty,
    scalar,
    table,
    without_value,
)

GERMAN, ITALIAN, TEXT = domain_value("DE", "German"), domain_value("IT", "Italian"), {"type": "string", "value": "it"}
SHAPES: list[tuple[dict[str, Any], list[object]]] = [
    (scalar("F", "A1"), ["A1"]),
    (scalar("F", 7, data_type="NUMBER", type_name="int"), [7]),
    (scalar("F", ""), []),
    (domained("F", "LOC", "Local Adaptation"), ["LOC"]),
    (cascading("F", "RAF^CLASSIC", "Classic"), ["RAF^CLASSIC"]),
    (empty("F"), []),
    (without_value("F"), []),
    (column("F", domain_value("DE", "German"), {"type": "string", "value": "it"}), ["DE", "it"]),
    (column("F"), []),
    (scalar("F", float("nan")), []),
    (column("F") | {"values": None}, []),
    ({"id": "F", "type": "com.artesia.metadata.MetadataTableField", "value": GERMAN}, ["DE"]),
    (table("F", column("CODE", GERMAN, ITALIAN)), ["DE", "IT"]),
    (table("F", column("CODE", GERMAN), column("REGION", TEXT)), ["DE", "it"]),
]


@pytest.mark.parametrize(("node", "values"), SHAPES)
def test_every_shape_is_read(node, values):
    assert field_values(node, "F") == values
    assert field_value(node, "F") == (values[0] if values else None)


@pytest.mark.parametrize(
    "tree",
    [
        asset(category("A", scalar("X", "1")), category("B", table("T", column("Y")), scalar("F", "yes"))),
        {"asset_resource": {"asset": asset(category("A", category("deeper", scalar("F", "yes"))))}},
        {"folder_resource": {"folder": asset(scalar("F", "yes"))}},
        asset(category("A"))["metadata"] | {"metadata_element_list": category("one", scalar("F", "yes"))},
        asset(table("T", column("F") | {"values": {"value": {"type": "string", "value": "yes"}}})),
        [scalar("X", "1"), scalar("F", "yes")],
    ],
    ids=["categories", "response", "folder", "lists of one", "row of one", "flat"],
)
def test_a_field_is_found_wherever_it_sits(tree):
    assert field_value(tree, "F") == "yes"


def test_rows_are_read_through_what_is_wrapped_around_them():
    row = {"type": "com.artesia.metadata.MetadataTableFieldRow", "value": {"domain_value": True, "value": GERMAN}}
    assert field_values(column("F") | {"values": [row, {"value": {}}, {}]}, "F") == ["DE"]


def test_the_table_of_a_column_is_the_one_around_it_or_the_one_that_it_names():
    flat = column("B", TEXT) | {"parent_table_id": "T2"}
    tree = asset(category("A", table("T1", column("A", TEXT)), flat, column("C", TEXT), scalar("D", "x")))
    assert table_ids(tree) == {"A": "T1", "B": "T2"}


def test_values_are_extracted_by_id_and_empty_fields_are_left_out():
    row = {"type": "string", "value": "de"}
    tree = asset(
        category("A", scalar("S", "1"), empty("E"), table("T", column("C", row))), category("B", scalar("S", "2"))
    )
    assert extracted_values(fields_by_id(tree), ["S", "E", "C", "unknown"]) == {"S": "1", "C": ["de"]}


@pytest.mark.parametrize("first", [empty("F"), column("F"), table("F", column("C"))])
@pytest.mark.parametrize("filled", [scalar("F", "yes"), column("F", TEXT), table("F", column("C", TEXT))])
def test_of_two_fields_with_one_id_the_filled_one_counts(first, filled):
    tree = asset(category("A", first), category("B", filled))
    assert fields_by_id(tree)["F"] == filled
    assert field_values(tree, "F") == field_values(filled, "F")


def test_a_table_is_found_under_its_own_id_unless_a_column_bears_it():
    both = column("F", TEXT)
    tree = asset(table("T", column("C", GERMAN)), table("F", both, column("D", GERMAN)))
    assert fields_by_id(tree).keys() == {"C", "T", "F", "D"}
    assert fields_by_id(tree)["F"] == both
    assert extracted_values(fields_by_id(tree), ["T"]) == {"T": ["DE"]}


def test_a_field_in_plain_form_has_its_values_and_nothing_around_them():
    bare = {"id": "F", "type": "com.artesia.metadata.MetadataField"}
    assert in_plain_form(domained("F", "DE", "German")) == {
        **bare,
        "value": {"value": {"type": "string", "value": "DE"}},
    }
    dated = scalar("F", "2026-01-01T00:00:00Z", data_type="DATE", type_name="datetime")
    assert in_plain_form(dated)["value"]["value"]["type"] == "datetime"
    rows = in_plain_form(column("F", GERMAN, {"type": "string"}, TEXT))
    assert rows["type"] == "com.artesia.metadata.MetadataTableField"
    assert rows["values"] == [{"value": {"type": "string", "value": "DE"}}, {}, {"value": TEXT}]


@pytest.mark.parametrize(("node", "values"), SHAPES)
def test_a_field_in_plain_form_holds_the_same(node, values):
    plain = [in_plain_form(one) for one in fields(node)]
    assert [value for one in plain for value in field_values(one, one["id"])] == values
    assert differing_fields(node, plain) == []


NUMBER = scalar("F", 2025, data_type="NUMBER", type_name="int")


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (NUMBER, scalar("F", "2025")),
        (NUMBER, scalar("F", 2025.0, type_name="number")),
        (scalar("F", "2026-01-01T00:00:00Z"), scalar("F", "2026-01-01T01:00:00.000+01:00")),
        (scalar("F", "RAF"), domained("F", "RAF", "Raffaello")),
        (column("F", GERMAN, ITALIAN), table("T", column("F", ITALIAN, GERMAN))),
        (scalar("F", True), scalar("F", "true")),  # noqa: FBT003
        (scalar("F", "03/01/2026"), scalar("F", "2026-03-01T00:00:00Z")),
        (scalar("F", "03/01/2026"), scalar("F", "2026-02-28T23:00:00Z")),
        (scalar("F", "03/01/2026"), scalar("F", "2026-03-01")),
        (scalar("F", "03/01/2026"), scalar("F", 1772323200000, type_name="datetime")),
        (scalar("F", "2026-03-01T08:00:00Z"), scalar("F", "2026-03-01")),
        (scalar("F", "one\r\ntwo\rthree"), scalar("F", "one\ntwo\nthree")),
        (scalar("F", "Caf\u00e9 "), scalar("F", "Cafe\u0301")),
        (scalar("F", "Local"), domained("F", "LOCAL", "Local")),
        (domained("F", "Italy", "-"), domained("F", "IT", "Italy ")),
        (empty("F"), scalar("F", "of the DAM's own")),
        (empty("F"), scalar("G", "x")),
    ],
)
def test_what_is_only_written_otherwise_does_not_differ(wanted, shown):
    assert differing_fields(wanted, asset(category("A", shown))) == []


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (scalar("F", "new"), scalar("F", "old")),
        (scalar("F", "new"), empty("F")),
        (scalar("F", "new"), scalar("G", "new")),
        (scalar("F", "RAF"), domained("F", "NUT", "Nutella")),
        (scalar("F", "03/01/2026"), scalar("F", "01/03/2026")),
        (scalar("F", "03/01/2026"), scalar("F", "2026-03-02T00:00:00Z")),
        (scalar("F", "007"), scalar("F", "7")),
        (NUMBER, scalar("F", "2025 or so")),
        (scalar("F", "de"), scalar("F", "DE")),
        (column("F", GERMAN, GERMAN), column("F", GERMAN)),
        (column("F", GERMAN), column("F", GERMAN, ITALIAN)),
    ],
)
def test_other_content_differs(wanted, shown):
    assert differing_fields(asset(category("A", wanted)), asset(category("A", shown))) == [wanted]


def test_rows_of_parallel_columns_are_compared_as_rows():
    def market(*rows):
        countries = column("COUNTRY", *(domain_value(country, "") for country, _ in rows))
        return asset(table("T", countries, column("LANGUAGE", *({"value": language} for _, language in rows))))

    wanted = market(("CH", "de"), ("CH", "fr"), ("AT", "de"))
    assert differing_fields(wanted, market(("AT", "de"), ("CH", "fr"), ("CH", "de"))) == []
    differing = differing_fields(wanted, market(("CH", "de"), ("AT", "fr"), ("CH", "de")))
    assert [node["id"] for node in differing] == ["COUNTRY", "LANGUAGE"]
    differing = differing_fields(wanted, market(("CH", "de"), ("CH", "it"), ("AT", "de")))
    assert [node["id"] for node in differing] == ["LANGUAGE"]


keys = st.sampled_from(
    ["id", "type", "value", "values", "field_value", "display_value", "metadata", "metadata_element_list", "asset"]
)
json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "F", "string"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=5),
    max_leaves=30,
)


@pytest.mark.fault(52)
@given(json_trees)
def test_a_malformed_tree_has_fewer_fields_but_crashes_nothing(tree):
    for node in fields(tree):
        field_values(node, node["id"])
        in_plain_form(node)
    extracted_values(fields_by_id(tree), ["F"])
    table_ids(tree)
    differing_fields(tree, tree)
