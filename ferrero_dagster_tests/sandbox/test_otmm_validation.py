"""The customer's dialect takes the form of contract customer.md 2 and refuses every other, in OTMM's error body."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.otmm.field_rows import FinalInputs
from ferrero_dagster.domain.otmm.representation import build_representation
from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.domains import from_customer
from ferrero_dagster.sandbox.otmm.validation import refuse_malformed
from ferrero_dagster_tests.domain.otmm.test_representation import MASTER_ID, NAME, RULES, SCORED, build, master
from ferrero_dagster_tests.sandbox.otmm_dam import Dam


def elements() -> dict[str, Any]:
    """A sound representation, by field id."""
    body = build(master(), **SCORED).body
    return {node["id"]: deepcopy(node) for node in body["asset_resource"]["asset"]["metadata"]["metadata_element_list"]}


STATE, NAME_FIELD, LANGUAGES = "FERRERO.FIELD.STATE", "ARTESIA.FIELD.ASSET NAME", "MAIN_LANGUAGES"
START = "FERRERO.FIELD.ASSET VALIDITY START PERIOD"
PLAIN = {"type": "string", "value": "x"}
_ROW = {"type": "com.artesia.metadata.MetadataTableFieldRow"}


@pytest.fixture
def customer(dam: Dam) -> Dam:
    dam.settings.dialect = "customer"
    return dam


def import_of(dam: Dam, folder: str, sent: dict[str, Any]) -> int:
    return int(dam.import_file(folder, "final.mp4", b"film", *sent.values()).status_code)


def test_a_sound_representation_is_taken_and_shown_in_its_tables(customer, masters):
    assert import_of(customer, masters, elements()) == 202
    [asset] = customer.store.assets(masters)
    assert customer.store.value(asset.id, STATE) == "Local"
    assert asset.metadata[LANGUAGES]["table_id"] == "FERRERO.TABULAR.FIELD.MAIN LANGUAGES"


@pytest.mark.parametrize(
    ("field_id", "spoil"),
    [
        (NAME_FIELD, lambda node: node.pop("type")),
        (NAME_FIELD, lambda node: node.update(name="Asset name")),
        (NAME_FIELD, lambda node: node["value"]["value"].pop("type")),
        (NAME_FIELD, lambda node: node.update(value=PLAIN)),
        (STATE, lambda node: node.update(value={"value": PLAIN})),
        (STATE, lambda node: node["value"].pop("domain_value")),
        (STATE, lambda node: node["value"]["value"].pop("type")),
        (STATE, lambda node: node["value"]["value"]["field_value"].update(value="Local")),
        (LANGUAGES, lambda node: node.pop("parent_table_id")),
        (LANGUAGES, lambda node: node.update(parent_table_id="ANOTHER.TABLE")),
        (LANGUAGES, lambda node: node.update(values=[{**_ROW, "value": node["values"][0]}])),
        (LANGUAGES, lambda node: node.update(values=[])),
        (LANGUAGES, lambda node: node["values"][0].update(value=PLAIN)),
        (LANGUAGES, lambda node: node["values"][0].update(cascading_domain_value=True)),
        (START, lambda node: node["value"].update(value={"type": "string", "value": "2026-03-01"})),
        (START, lambda node: node["value"].update(value={"type": "string", "value": "13/13/2026"})),
        (START, lambda node: node["value"].update(value={"type": "int", "value": 1772323200000})),
        (START, lambda node: node["value"].update(value={"type": "datetime", "value": "03/01/2026"})),
    ],
)
def test_one_wrong_place_is_a_validation_error_and_nothing_is_imported(customer, masters, field_id, spoil):
    sent = elements()
    spoil(sent[field_id])
    answer = customer.import_file(masters, "final.mp4", b"film", *sent.values())
    assert answer.status_code == 400
    assert answer.json()["exception_body"]["http_response_code"] == 400
    assert customer.store.assets(masters) == []


def test_a_table_around_columns_and_a_field_that_stands_twice_are_refused(customer, masters):
    sent = elements()
    table = {"type": "com.artesia.metadata.MetadataTable", "id": "T", "metadata_element_list": [sent[LANGUAGES]]}
    assert import_of(customer, masters, sent | {LANGUAGES: table}) == 400
    assert import_of(customer, masters, sent | {"again": sent[NAME_FIELD]}) == 400
    customer.settings.dialect = "seeds"
    assert import_of(customer, masters, sent | {LANGUAGES: table}) == 202


# --- any master

field_ids = st.sampled_from([row.id for row in RULES.fields] + ["T", "FERRERO.TABULAR.FIELD.MAIN LANGUAGES"])
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["GLOBAL", "2026-03-01T00:00:00Z", "03/01/2026", 1772323200000, " ", 10**400])
)  # fmt: skip
type_names = st.sampled_from(
    ["string", "datetime", "int"]
    + [f"com.artesia.metadata.{name}" for name in ("DomainValue", "CascadingDomainValue", "MetadataTableFieldRow")]
)
element_types = st.sampled_from(
    [f"com.artesia.metadata.{name}" for name in ("MetadataField", "MetadataTableField", "MetadataTable")]
)
inners = st.recursive(
    scalars,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": type_names, "value": inner, "field_value": inner, "domain_value": scalars,
            "cascading_domain_value": scalars, "display_value": st.text(max_size=3),
        },
    ),
    max_leaves=6,
)  # fmt: skip
trees = st.recursive(
    st.fixed_dictionaries(
        {"id": field_ids},
        optional={
            "type": element_types, "value": inners, "values": st.lists(inners, max_size=3) | inners,
            "data_type": st.sampled_from(["CHAR", "DATE", "NUMBER"]), "parent_table_id": field_ids | scalars,
        },
    ),
    lambda node: st.fixed_dictionaries(
        {"id": field_ids, "metadata_element_list": st.lists(node, max_size=4) | node}, optional={"type": element_types}
    ),
    max_leaves=25,
)  # fmt: skip


@pytest.mark.fault(57)
@given(st.lists(trees, max_size=8) | inners, st.dictionaries(field_ids, st.text(max_size=12), max_size=3))
def test_of_any_master_the_final_is_sound_or_refused_by_us(tree, edits):
    final = FinalInputs(
        name=NAME, master_metadata=tree, master_dam_id=MASTER_ID, today=date(2026, 3, 1), edits=edits, **SCORED
    )
    try:
        body = build_representation(final, RULES).body
    except PermanentError:
        body = build(tree, edits=edits, **SCORED).body
    sent = body["asset_resource"]["asset"]["metadata"]["metadata_element_list"]
    refuse_malformed(sent)
    if STATE not in edits:
        from_customer(node for node in sent if node["id"] == STATE)


@pytest.mark.parametrize("sent", [None, "text", [1], [{"id": 7}], [{"id": "F", "type": "MetadataField"}]])
def test_what_is_no_list_of_fields_is_refused(sent):
    with pytest.raises(Refusal, match="Validation error"):
        refuse_malformed(sent)
