"""A 200 KB master in, the whole representation of its final out, compared with what SPEC 6 says by hand."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.filenames import V2Name
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.domain.otmm.metadata import field_value, field_values
from ferrero_dagster.domain.otmm.representation import (
    FinalInputs,
    MediaFacts,
    Representation,
    build_representation,
)
from ferrero_dagster_tests.domain.otmm.otmm_fields import (
    Node,
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

RULES = load_site().representation_rules
NAME = V2Name(
    job_number="1234567",
    brand="RAF",
    country="DE",
    language="de",
    subject="TEST-JOB",
    asset_type="OLV",
    sequence="001",
    duration="6S",
    aspect_ratio="16x9",
    tracking_id=TrackingId("ABC123"),
    extension="mp4",
)
FIELD = "com.artesia.metadata.MetadataField"

# What the final has exactly as its master has it.
KEPT = [
    domained("FERRERO.FIELD.BRAND", "RAF", "Raffaello"),
    cascading("FERRERO.FIELD.SUBBRAND", "RAF^CLASSIC", "Classic"),
    domained("FERRERO.FIELD.PRODUCT", "T15", "Raffaello T15"),
    scalar("FERRERO.FIELD.PRODUCT LINE", "Praline"),
    table(
        "T.COUNTRY", column("FERRERO.FIELD.MAIN_COUNTRY", domain_value("IT", "Italy"), domain_value("DE", "Germany"))
    ),
    domained("FERRERO.FIELD.ASSET TYPE", "OLV", "Online video"),
    scalar("FERRERO.FIELD.CAMPAIGN_NAME", "Local adaptation test 2"),
    scalar("FERRERO.FIELD.CAMPAIGN_NUMBER", "C000000078"),
    scalar("FERRERO.FIELD.SEASON", "Christmas"),
    scalar("FERRERO.FIELD.YEAR", 2025, data_type="NUMBER", type_name="int"),
    table("T.CHANNEL", column("FERRERO.FIELD.CHANNEL", {"type": "string", "value": "YouTube"})),
    empty("FERRERO.FIELD.TOUCHPOINT"),
    scalar("FERRERO.FIELD.AGENCY", "OLIVER"),
    scalar("FERRERO.FIELD.COPYRIGHT", "© Ferrero"),
    scalar("FERRERO.FIELD.RIGHTS START DATE", "2025-01-01T00:00:00Z", data_type="DATE", type_name="datetime"),
    without_value("FERRERO.FIELD.RIGHTS END DATE"),
    scalar("FERRERO.FIELD.MUSIC", "Jingle 7"),
    domained("FERRERO.FIELD.ASPECT RATIO", "16x9", "16:9"),
    scalar("FERRERO.FIELD.DURATION", 30.5, data_type="NUMBER", type_name="number"),
    domained("FERRERO.FIELD.CONFIDENTIALITY", "INT", "Internal"),
]
CHANGED = [
    scalar("ARTESIA.FIELD.ASSET NAME", "06_RAFFAELLO_MAESTRO_SD.mp4"),
    scalar("ARTESIA.FIELD.ASSET DESCRIPTION", "Maestro, master film"),
    domained("FERRERO.FIELD.STATE", "Global", "Global asset"),
    scalar("FERRERO.FIELD.CREATIVEX LINK", "https://creativex.example/master"),
]
# What the final has instead, in the structure of the master, and what no master of this kind has.
EXPECTED_CHANGED = [
    scalar("ARTESIA.FIELD.ASSET NAME", "RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4"),
    scalar("ARTESIA.FIELD.ASSET DESCRIPTION", "TEST-JOB"),
    {
        "id": "FERRERO.FIELD.STATE",
        "type": FIELD,
        "name": "State",
        "data_type": "CHAR",
        "value": {
            "cascading_domain_value": False,
            "domain_value": True,
            "is_locked": False,
            "value": {
                "type": "com.artesia.metadata.DomainValue",
                "field_value": {"type": "string", "value": "Local"},
                "display_value": "Local",
            },
        },
    },
    scalar("FERRERO.FIELD.CREATIVEX LINK", "https://www.bbc.com"),
    {"id": "MAIN_LANGUAGES", "type": FIELD, "value": {"value": {"type": "string", "value": "DE"}}},
    {"id": "FERRERO.FIELD.ASSETCOMPLIANCE", "type": FIELD, "value": {"value": {"type": "string", "value": "-"}}},
    {"id": "MARKETING_TAG", "type": FIELD, "value": {"value": {"type": "string", "value": "Tag"}}},
]


def master(*more: Node) -> Any:
    """The fields above among 15 categories of others, as it comes back from the database."""
    wanted = [*KEPT, *CHANGED, *more]
    categories = [
        category(
            f"C{i}",
            *(domained(f"FERRERO.FIELD.OTHER {i} {j}", f"V{j}", "What nobody needs") for j in range(25)),
            category("inner", *wanted[i::15]),
        )
        for i in range(15)
    ]
    text = json.dumps({"asset_resource": {"asset": asset(*categories)}})
    assert len(text) > 200_000
    return json.loads(text)


def build(metadata: object, name: V2Name = NAME, **changes: Any) -> Representation:
    rules = changes.pop("rules", RULES)
    inputs = FinalInputs(
        name=name, master_metadata=metadata, master_dam_id=DamId("d" * 40), today=date(2026, 3, 1), **changes
    )
    return build_representation(inputs, rules)


def by_id(representation: Representation) -> dict[str, Node]:
    nodes = representation.body["asset_resource"]["asset"]["metadata"]["metadata_element_list"]
    assert len({node["id"] for node in nodes}) == len(nodes)
    return {node["id"]: node for node in nodes}


def test_the_whole_representation_of_a_film():
    metadata = master()
    representation = build(metadata, creativex_link="https://www.bbc.com")
    columns = [node["metadata_element_list"][0] if node["id"].startswith("T.") else node for node in KEPT]
    expected = {node["id"]: node for node in [*columns, *EXPECTED_CHANGED]}
    found = by_id(representation)
    assert found.keys() == expected.keys()
    for field_id, node in expected.items():
        assert found[field_id] == node, field_id
    asset_part = representation.body["asset_resource"]["asset"]
    assert asset_part.keys() == {"metadata_model_id", "security_policy_list", "metadata"}
    assert asset_part["metadata_model_id"] == "ECOMMERCE"
    assert asset_part["security_policy_list"] == [{"id": 1594}]
    assert metadata == master()


def test_what_became_of_the_28_fields_is_told():
    representation = build(master())
    assert len(RULES.field_ids) == len(set(RULES.field_ids)) == 28
    assert str(representation) == (
        "24 MVP fields from the master; added: MAIN_LANGUAGES, FERRERO.FIELD.ASSETCOMPLIANCE, MARKETING_TAG; "
        "missing: FERRERO.FIELD.TALENT"
    )


def test_without_creativex_the_masters_link_stays():
    assert field_value(build(master()).body, "FERRERO.FIELD.CREATIVEX LINK") == "https://creativex.example/master"


def test_a_language_table_gets_the_files_language_as_its_only_row():
    languages = column("MAIN_LANGUAGES", domain_value("EN", "English"), domain_value("FR", "French"))
    body = build(master(table("T.LANGUAGES", languages))).body
    assert field_values(body, "MAIN_LANGUAGES") == ["DE"]


def test_a_language_column_keeps_as_many_rows_as_the_columns_beside_it_that_the_final_has():
    countries = column("FERRERO.FIELD.MAIN_COUNTRY", domain_value("IT", "Italy"), domain_value("FR", "France"))
    languages = column("MAIN_LANGUAGES", domain_value("IT", "Italian"), domain_value("FR", "French"))
    body = build(asset(table("T.MARKET", countries, languages))).body
    assert field_values(body, "FERRERO.FIELD.MAIN_COUNTRY") == ["IT", "FR"]
    assert field_values(body, "MAIN_LANGUAGES") == ["DE", "DE"]
    body = build(asset(table("T.MARKET", countries | {"id": "NO.MVP.FIELD"}, languages))).body
    assert field_values(body, "MAIN_LANGUAGES") == ["DE"]


def test_a_table_whose_own_id_is_an_mvp_field_is_taken_over_whole():
    channels = table("FERRERO.FIELD.CHANNEL", column("CHANNEL_ID", {"type": "string", "value": "YouTube"}))
    tags = table("MARKETING_TAG", column("TAG", *({"type": "string", "value": text} for text in ("Xmas", "Easter"))))
    languages = table("MAIN_LANGUAGES", column("LANGUAGE_CODE", domain_value("EN", "English")))
    nodes = by_id(build(asset(channels, tags, languages)))
    assert (nodes["FERRERO.FIELD.CHANNEL"], nodes["MARKETING_TAG"]) == (channels, tags)
    assert field_values(nodes["MAIN_LANGUAGES"], "LANGUAGE_CODE") == ["DE"]


def test_compliance_and_tag_stay_where_the_master_has_them_and_are_filled_where_they_are_empty():
    body = build(master(scalar("FERRERO.FIELD.ASSETCOMPLIANCE", "OK"), empty("MARKETING_TAG"))).body
    assert field_value(body, "FERRERO.FIELD.ASSETCOMPLIANCE") == "OK"
    assert field_value(body, "MARKETING_TAG") == "Tag"


def test_an_override_removes_replaces_and_appends():
    overrides = {"OLV": {"FERRERO.FIELD.MUSIC": "", "FERRERO.FIELD.BRAND": "ANY", "SITE.FIELD": "yes"}}
    representation = build(master(), rules=replace(RULES, asset_type_overrides=overrides))
    nodes = by_id(representation)
    assert representation.removed == ("FERRERO.FIELD.MUSIC",)
    assert "FERRERO.FIELD.MUSIC" not in nodes
    assert field_value(nodes["FERRERO.FIELD.BRAND"], "FERRERO.FIELD.BRAND") == "ANY"
    assert nodes["SITE.FIELD"] == {
        "id": "SITE.FIELD",
        "type": FIELD,
        "value": {"value": {"type": "string", "value": "yes"}},
    }
    assert by_id(build(master())).keys() - nodes.keys() == {"FERRERO.FIELD.MUSIC"}


def test_a_persons_edit_wins_over_all_but_the_asset_types_override_and_an_empty_one_changes_nothing():
    edits = {"FERRERO.FIELD.CREATIVEX LINK": "https://person.example", "FERRERO.FIELD.SEASON": " ", "BRAND": "NUT"}
    rules = replace(RULES, asset_type_overrides={"OLV": {"BRAND": "ANY"}})
    body = build(master(), creativex_link="https://cx.example", edits=edits, rules=rules).body
    found = {field_id: field_value(body, field_id) for field_id in edits}
    assert found == {
        "FERRERO.FIELD.CREATIVEX LINK": "https://person.example",
        "FERRERO.FIELD.SEASON": "Christmas",
        "BRAND": "ANY",
    }


@pytest.mark.parametrize("code", ["EOL", "LTD"])
def test_shipped_overrides_take_what_only_films_and_pictures_have_from_eol_and_ltd(code):
    nodes = by_id(build(master(), replace(NAME, asset_type=code)))
    assert by_id(build(master())).keys() - nodes.keys() == {
        "FERRERO.FIELD.ASPECT RATIO",
        "FERRERO.FIELD.DURATION",
        "FERRERO.FIELD.MUSIC",
    }


def test_media_facts_go_into_the_configured_fields():
    rules = replace(
        RULES, media_fields={"width": "SITE.WIDTH", "height": "SITE.HEIGHT", "duration": "FERRERO.FIELD.DURATION"}
    )
    body = build(master(), rules=rules, media=MediaFacts(width_px=1920, duration_s=6.0)).body
    assert field_value(body, "SITE.WIDTH") == 1920
    assert field_value(body, "FERRERO.FIELD.DURATION") == 6.0
    assert field_value(body, "SITE.HEIGHT") is None


def test_a_field_that_the_site_does_not_list_is_not_sent():
    rules = replace(RULES, field_ids=("ARTESIA.FIELD.ASSET NAME", "FERRERO.FIELD.BRAND"))
    assert by_id(build(master(), rules=rules)).keys() == set(rules.field_ids)


@pytest.mark.parametrize("metadata", [None, {}, [], "text", {"metadata": None}, asset(category("A", scalar("X", "1")))])
def test_a_master_without_any_of_the_fields_is_refused(metadata):
    with pytest.raises(PermanentError, match="master ABC123 hold none of the 28 fields"):
        build(metadata)
