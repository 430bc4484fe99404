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
    new_field,
    with_value,
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
    (new_field("F", "plain"), ["plain"]),
    (table("F", column("CODE", GERMAN, ITALIAN)), ["DE", "IT"]),
    (table("F", column("CODE", GERMAN), column("REGION", TEXT)), ["DE", "it"]),
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
    assert extracted_values(tree, ["T"]) == {"T": ["DE"]}


def test_a_table_that_is_written_holds_the_value_in_its_first_column_and_its_rows_stay_parallel():
    node = table("F", column("CODE", GERMAN, ITALIAN), column("REGION", TEXT, TEXT))
    code, region = with_value(node, "FR")["metadata_element_list"]
    assert (field_values(code, "CODE"), field_values(region, "REGION")) == (["FR"], [])
    assert len(code["values"]) == len(region["values"]) == 1


@pytest.mark.parametrize(
    ("flag", "kind"), [("domain_value", "DomainValue"), ("cascading_domain_value", "CascadingDomainValue")]
)
def test_an_empty_pick_list_gets_a_domain_value(flag, kind):
    node = empty("F")
    node["value"][flag] = True
    assert with_value(node, "DE")["value"]["value"] == {
        "type": f"com.artesia.metadata.{kind}",
        "field_value": {"type": "string", "value": "DE"},
        "display_value": "DE",
    }


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


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (NUMBER, scalar("F", "2025")),
        (NUMBER, scalar("F", 2025.0, type_name="number")),
        (scalar("F", "2026-01-01T00:00:00Z"), scalar("F", "2026-01-01T01:00:00.000+01:00")),
        (scalar("F", "RAF"), domained("F", "RAF", "Raffaello")),
        (column("F", GERMAN, ITALIAN), table("T", column("F", ITALIAN, GERMAN))),
        (scalar("F", True), scalar("F", "true")),  # noqa: FBT003
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
        (scalar("F", "RAF"), domained("F", "NUT", "RAF")),
        (scalar("F", "007"), scalar("F", "7")),
        (NUMBER, scalar("F", "2025 or so")),
        (scalar("F", "de"), scalar("F", "DE")),
        (column("F", GERMAN, GERMAN), column("F", GERMAN)),
        (column("F", GERMAN), column("F", GERMAN, ITALIAN)),
    ],
)
def test_other_content_differs(wanted, shown):
    assert differing_fields(asset(category("A", wanted)), asset(category("A", shown))) == [wanted]


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
        assert field_value(with_value(node, "new"), node["id"]) == "new"
    extracted_values(tree, ["F"])
    for node in fields_by_id(tree).values():
        assert field_value(with_value(node, "new", rows=2), node["id"]) == "new"
    differing_fields(tree, tree)
