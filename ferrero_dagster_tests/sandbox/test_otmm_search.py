"""`/search/text` of the DAM stand-in (contract otmm.md 3)."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferrero_dagster.domain.otmm.metadata import field_value
from ferrero_dagster.sandbox.otmm.answers import Refusal
from ferrero_dagster.sandbox.otmm.search import combined, search

CONTAINS = "ARTESIA.OPERATOR.CHAR.CONTAINS"
STATUS = "CONTENT.SCALING.STATUS"
TYPE = "FERRERO.FIELD.CAMPAIGN_TYPE"
KEYS = [
    "metadata_field_id",
    "relational_operator_id",
    "relational_operator",
    "value",
    "tabular_field_list",
    "left_paren",
]


def condition(field_id, value, **more):
    return {
        "type": "com.artesia.search.SearchScalarCondition",
        "metadata_field_id": field_id,
        "relational_operator_id": CONTAINS,
        "value": value,
        "left_paren": "(",
        "right_paren": ")",
        **more,
    }


def test_campaigns_are_found_by_status_and_type(dam, campaign):
    dam.store.add_campaign(name="B", number="C2", status="B1", type="Global comm")
    wanted = condition(STATUS, "a1"), condition(TYPE, "Local", relational_operator="and")
    found = dam.search(*wanted, load_type="metadata", metadata_to_return=f"{STATUS},{TYPE}")
    (folder,) = found["asset_list"]
    assert (folder["asset_id"], folder["data_type"]) == (campaign, "CONTAINER")
    status, _ = folder["metadata"]["metadata_element_list"]
    assert status["value"]["value"]["field_value"]["value"] == "A1"
    assert status["value"]["value"]["display_value"] != "A1"
    assert not found["search_result"]["contains_invalid_conditions"]


def test_search_pages_and_can_answer_ids_only_and_takes_a_query(dam):
    ids = [dam.store.add_campaign(name=f"C{n}", number=f"{n}", status="A1", type="T", folders=()) for n in range(5)]
    found = dam.search(condition(STATUS, "A1"), after=3, limit=3, sort="desc_NAME", return_type="ids")
    result = found["search_result"]
    assert (result["asset_id_list"], result["hit_count"], result["total_hit_count"]) == (ids[1::-1], 2, 5)
    assert "asset_list" not in found
    assert dam.get("/search/text", keyword_query="*", limit=2)["search_result_resource"]["asset_list"]


def test_an_unknown_field_drops_the_condition_and_says_so(dam, campaign):
    found = dam.search(condition(STATUS, "A1"), condition("FERRERO.FIELD.NONE", "x", relational_operator="and"))
    assert found["search_result"]["contains_invalid_conditions"]
    assert found["search_result"]["asset_id_list"] == [campaign]


def test_tables_numbers_and_folders_narrow_a_search(dam, campaign, masters):
    asset = dam.store.add_asset(masters, "film.mp4")
    year = dam.store.value(asset, "FERRERO.FIELD.YEAR")
    table = {"metadata_table_id": "T", "tabular_field_list": [condition("FERRERO.FIELD.CHANNEL", "meta")]}
    assert dam.ids(table) == [asset]
    number = condition("FERRERO.FIELD.YEAR", f"{year}.0", relational_operator_id="ARTESIA.OPERATOR.NUMBER.IS")
    assert dam.ids(number) == [asset]
    assert dam.ids(folder_filter=campaign, folder_filter_type="all", sort="asc_NAME")[-1] == asset
    assert asset not in dam.ids(folder_filter=campaign, folder_filter_type="direct")


def shown_status(dam):
    [folder] = dam.search(condition(TYPE, "Local"), load_type="metadata", level_of_detail="slim")["asset_list"]
    return field_value(folder, STATUS)


def test_a_lagging_index_still_finds_and_shows_the_old_status(dam, campaign):
    dam.settings.index_lag_s = 3600
    dam.store.set_status(campaign, "A2")
    assert dam.ids(condition(STATUS, "A1")) == [campaign]
    assert shown_status(dam) == "A1"
    dam.settings.index_lag_s = 0
    assert shown_status(dam) == "A2"
    assert dam.ids(condition(STATUS, "A1")) == []
    assert dam.ids(condition(STATUS, "A2")) == [campaign]


@pytest.mark.parametrize("sent", ["{", "[]", '{"search_condition_list": {"search_condition": [1]}}'])
def test_unreadable_conditions_are_refused(dam, sent):
    assert dam.refusal("POST", "/search/text", data={"search_condition_list": sent}) == 400


@given(st.lists(st.tuples(st.sampled_from(["and", "or"]), st.booleans()), min_size=1))
def test_conditions_chain_as_in_sql(answers):
    first, *rest = answers
    expression = str(first[1]) + "".join(f" {joint} {answer}" for joint, answer in rest)
    ids = combined([(joint, {"id"} if answer else set()) for joint, answer in answers])
    assert bool(ids) == eval(expression)


def test_and_binds_closer_than_or_over_http(dam, campaign):
    other = dam.store.add_campaign(name="B", number="C2", status="B1", type="Global comm", folders=())
    chain = condition(STATUS, "B1"), condition(STATUS, "A1"), condition(TYPE, "Local")
    chain[1]["relational_operator"], chain[2]["relational_operator"] = "or", "and"
    assert dam.ids(*chain) == [campaign, other]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_JSON)
def test_whatever_is_sent_as_conditions_is_answered_or_refused(dam, sent):
    conditions = {"search_condition_list": {"search_condition": sent}}
    with suppress(Refusal):
        assert search(dam.store, {"search_condition_list": json.dumps(conditions)}).items is not None
