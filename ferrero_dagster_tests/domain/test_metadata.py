"""OTMM's metadata tree is read and written in every shape that the contract knows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.metadata import (
    extracted_values,
    field_value,
    field_values,
    fields,
    new_field,
    with_value,
)
from ferrero_dagster_tests.domain.otmm_fields import (
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
    (new_field("F", "plain"), ["plain"]),
]


@pytest.mark.parametrize(("node", "values"), SHAPES)
def test_every_shape_is_read(node, values):
    assert field_values(node, "F") == values
    assert field_value(node, "F") == (values[0] if values else None)


@pytest.mark.parametrize(("node", "values"), SHAPES)
@pytest.mark.parametrize("value", ["new", 12])
def test_a_value_is_written_into_every_shape_and_the_node_stays(node, values, value):
    changed = with_value(node, value)
    assert [str(v) for v in field_values(changed, "F")] == [str(value)]
    assert field_values(node, "F") == values
    assert {key: changed.get(key) for key in ("id", "type", "name")} == {k: node.get(k) for k in ("id", "type", "name")}


def test_a_written_domain_value_forgets_what_described_the_former_one():
    assert with_value(domained("F", "EN", "English"), "DE")["value"] == {
        "cascading_domain_value": False,
        "domain_value": True,
        "is_locked": False,
        "value": {
            "type": "com.artesia.metadata.DomainValue",
            "field_value": {"type": "string", "value": "DE"},
            "display_value": "DE",
        },
    }


def test_writing_the_same_value_changes_nothing():
    node = domained("F", "DE", "German")
    assert with_value(node, "DE") == node


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


def test_values_are_extracted_by_id_and_empty_fields_are_left_out():
    row = {"type": "string", "value": "de"}
    tree = asset(
        category("A", scalar("S", "1"), empty("E"), table("T", column("C", row))), category("B", scalar("S", "2"))
    )
    assert extracted_values(tree, ["S", "E", "C", "unknown"]) == {"S": "1", "C": ["de"]}


keys = st.sampled_from(
    ["id", "type", "value", "values", "field_value", "display_value", "metadata", "metadata_element_list", "asset"]
)
json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "F", "string"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=5),
    max_leaves=30,
)


@given(json_trees)
def test_a_malformed_tree_has_fewer_fields_but_crashes_nothing(tree):
    for node in fields(tree):
        field_values(node, node["id"])
        assert field_value(with_value(node, "new"), node["id"]) == "new"
    extracted_values(tree, ["F"])
