"""The representation of a final as sent, beside the table of contract customer.md 2, written out by hand."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.domain.otmm.field_rows import FieldRow, FinalInputs, MediaFacts
from ferrero_dagster.domain.otmm.metadata import field_value, field_values
from ferrero_dagster.domain.otmm.representation import Representation, build_representation
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
MASTER_ID = DamId("d" * 40)
NAME = AgencyName(
    scheme="v2",
    pattern="{job}_{brand}_{country}_{language}_{subject}_{type}_{version}_{duration}_{ratio}_{tracking}",
    job_number="1234567",
    brand="RAF",
    country="DE",
    language="de",
    subject="TEST-JOB",
    asset_type="OLV",
    version="001",
    duration="6S",
    aspect_ratio="16x9",
    tracking_id=TrackingId("ABC123"),
    extension="mp4",
)
FLAGS = {"cascading_domain_value": False, "domain_value": True, "is_locked": False}


def text(field_id: str, value: str) -> Node:
    inner = {"type": "string", "value": value}
    return {"id": field_id, "type": "com.artesia.metadata.MetadataField", "value": {"value": inner}}


def pick_value(value: str, kind: str = "DomainValue") -> Node:
    return {"type": f"com.artesia.metadata.{kind}", "field_value": {"type": "string", "value": value}}


def pick(field_id: str, value: str) -> Node:
    holder = {**FLAGS, "value": pick_value(value)}
    return {"id": field_id, "type": "com.artesia.metadata.MetadataField", "value": holder}


def in_table(parent: str | None, field_id: str, *values: str) -> Node:
    rows = [{**FLAGS, "value": pick_value(value)} for value in values]
    around = {"parent_table_id": parent} if parent else {}
    return {"id": field_id, **around, "type": "com.artesia.metadata.MetadataTableField", "values": rows}


# What a final has of a master of the customer, as customer.md 2 has it; the five that the master lacks are made.
THE_FIVE = [
    in_table("FERRERO.TABULAR.FIELD.MAIN LANGUAGES", "MAIN_LANGUAGES", "DE"),
    in_table("FERRERO.TABULAR.FIELD.ASSETCOMPLIANCE", "FERRERO.FIELD.ASSETCOMPLIANCE", "-"),
    in_table(None, "MARKETING_TAG", "Tag"),
    in_table("FERRERO.TABULAR.FIELD.PLATFORMRATING", "FERRERO.TAB.FIELD.CREATIVEX", "90"),
    text("FERRERO.FIELD.CREATIVEX LINK", "https://www.bbc.com"),
]
OTHERS = [
    text("ARTESIA.FIELD.ASSET NAME", "RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4"),
    text("ARTESIA.FIELD.ASSET DESCRIPTION", "TEST-JOB"),
    pick("FERRERO.FIELD.STATE", "LOCAL"),
    in_table(None, "FERRERO.MASTERASSETIDS", MASTER_ID),
    pick("FERRERO.FIELD.MKTG.ASSET TYPE", "OLV"),
    pick("FERRERO.FIELD.FISCAL YEAR", "FY2526"),
    pick("FERRERO.MARKETING.FIELD.AGENCY NAME", "OLV01"),
    text("FERRERO.FIELD.ASSET VALIDITY START PERIOD", "02/01/2026"),
    text("FERRERO.FIELD.ASSET VALIDITY END PERIOD", "03/01/2027"),
]
# What else the master has, and how it is sent.
AS_MASTER: list[tuple[Node, Node]] = [
    (domained("FERRERO.FIELD.BRAND", "RAF", "Raffaello"), pick("FERRERO.FIELD.BRAND", "RAF")),
    (
        cascading("FERRERO.FIELD.SUBBRAND", "RAF^CLASSIC", "Classic"),
        {
            "id": "FERRERO.FIELD.SUBBRAND",
            "type": "com.artesia.metadata.MetadataField",
            "value": {
                **FLAGS,
                "cascading_domain_value": True,
                "value": pick_value("RAF^CLASSIC", "CascadingDomainValue"),
            },
        },
    ),
    (
        table(
            "T.COUNTRY",
            column("FERRERO.FIELD.MAIN_COUNTRY", domain_value("IT", "Italy"), domain_value("DE", "Germany")),
        ),
        in_table("T.COUNTRY", "FERRERO.FIELD.MAIN_COUNTRY", "IT", "DE"),
    ),
    (
        scalar("FERRERO.FIELD.YEAR", 2025, data_type="NUMBER", type_name="int"),
        text("FERRERO.FIELD.YEAR", "") | {"value": {"value": {"type": "int", "value": 2025}}},
    ),
    (
        table("T.CHANNEL", column("FERRERO.FIELD.CHANNEL", {"type": "string", "value": "YouTube"})),
        {
            "id": "FERRERO.FIELD.CHANNEL",
            "parent_table_id": "T.CHANNEL",
            "type": "com.artesia.metadata.MetadataTableField",
            "values": [{**FLAGS, "domain_value": False, "value": {"type": "string", "value": "YouTube"}}],
        },
    ),
    (scalar("FERRERO.FIELD.COPYRIGHT", "© Ferrero"), text("FERRERO.FIELD.COPYRIGHT", "© Ferrero")),
    (
        scalar("FERRERO.FIELD.RIGHTS START DATE", "2025-01-01T00:00:00Z", data_type="DATE", type_name="datetime"),
        text("FERRERO.FIELD.RIGHTS START DATE", "01/01/2025"),
    ),
]
MASTER = [
    *(node for node, _ in AS_MASTER),
    empty("FERRERO.FIELD.TOUCHPOINT"),
    without_value("FERRERO.FIELD.MUSIC"),
    scalar("ARTESIA.FIELD.ASSET NAME", "06_RAFFAELLO_MAESTRO_SD.mp4"),
    scalar("ARTESIA.FIELD.ASSET DESCRIPTION", "Maestro, master film"),
    domained("FERRERO.FIELD.STATE", "GLOBAL", "Global"),
    domained("FERRERO.FIELD.MKTG.ASSET TYPE", "MST", "Master"),
    domained("FERRERO.FIELD.FISCAL YEAR", "FY2526", "2025/2026"),
    domained("FERRERO.MARKETING.FIELD.AGENCY NAME", "OLV01", "OLIVER"),
    scalar(
        "FERRERO.FIELD.ASSET VALIDITY START PERIOD", 1769904000000, data_type="DATE", type_name="datetime"
    ),  # 2026-02-01 in UTC
]


def master(*more: Node, without: str = "") -> Any:
    """The fields above among 15 categories of others, as it comes back from the database."""
    wanted = [*(node for node in MASTER if node["id"] != without), *more]
    categories = [
        category(
            f"C{i}",
            *(domained(f"FERRERO.FIELD.OTHER {i} {j}", f"V{j}", "What nobody needs") for j in range(26)),
            category("inner", *wanted[i::15]),
        )
        for i in range(15)
    ]
    text = json.dumps({"asset_resource": {"asset": asset(*categories)}})
    assert len(text) > 200_000
    return json.loads(text)


def build(metadata: object, name: AgencyName = NAME, **changes: Any) -> Representation:
    rules = changes.pop("rules", replace(RULES, min_fields=0))
    arguments: dict[str, Any] = {"master_dam_id": MASTER_ID, "today": date(2026, 3, 1), **changes}
    return build_representation(FinalInputs(name=name, master_metadata=metadata, **arguments), rules)


def by_id(representation: Representation) -> dict[str, Node]:
    nodes = representation.body["asset_resource"]["asset"]["metadata"]["metadata_element_list"]
    assert len({node["id"] for node in nodes}) == len(nodes)
    return {node["id"]: node for node in nodes}


SCORED: dict[str, Any] = {"creativex_scores": ("90",), "creativex_link": "https://www.bbc.com"}


def test_the_whole_representation_from_a_master_that_lacks_all_five():
    metadata = master()
    representation = build(metadata, rules=RULES, **SCORED)
    expected = [*THE_FIVE, *OTHERS, *(node for _, node in AS_MASTER)]
    assert by_id(representation) == {node["id"]: node for node in expected}
    asset_part = representation.body["asset_resource"]["asset"]
    assert asset_part.keys() == {"metadata_model_id", "security_policy_list", "metadata"}
    assert asset_part["metadata_model_id"] == "ECOMMERCE"
    assert asset_part["security_policy_list"] == [{"id": 1594}]
    assert metadata == master()


def test_the_whole_representation_from_a_master_that_has_the_five():
    own = [
        table("FERRERO.TABULAR.FIELD.MAIN LANGUAGES", column("MAIN_LANGUAGES", *2 * [domain_value("EN", "English")])),
        table(
            "FERRERO.TABULAR.FIELD.ASSETCOMPLIANCE",
            column("FERRERO.FIELD.ASSETCOMPLIANCE", domain_value("OK", "Compliant"), domain_value("EU", "In the EU")),
        ),
        table("THE.TAGS", column("MARKETING_TAG", domain_value("XMAS", "Christmas"))),
        table("FERRERO.TABULAR.FIELD.PLATFORMRATING", column("FERRERO.TAB.FIELD.CREATIVEX", domain_value("7", "7"))),
        scalar("FERRERO.FIELD.CREATIVEX LINK", "https://creativex.example/master"),
    ]
    changed = [
        THE_FIVE[0],
        in_table("FERRERO.TABULAR.FIELD.ASSETCOMPLIANCE", "FERRERO.FIELD.ASSETCOMPLIANCE", "OK", "EU"),
        in_table("THE.TAGS", "MARKETING_TAG", "XMAS"),
        *THE_FIVE[3:],
    ]
    expected = [*changed, *OTHERS, *(node for _, node in AS_MASTER)]
    assert by_id(build(master(*own), **SCORED)) == {node["id"]: node for node in expected}


def test_a_final_without_a_score_has_no_score_and_the_masters_link():
    own = [
        scalar("FERRERO.FIELD.CREATIVEX LINK", "https://creativex.example/master"),
        table("FERRERO.TABULAR.FIELD.PLATFORMRATING", column("FERRERO.TAB.FIELD.CREATIVEX", domain_value("7", "7"))),
    ]
    nodes = by_id(build(master(*own)))
    assert "FERRERO.TAB.FIELD.CREATIVEX" not in nodes
    assert nodes["FERRERO.FIELD.CREATIVEX LINK"] == text(
        "FERRERO.FIELD.CREATIVEX LINK", "https://creativex.example/master"
    )


def test_scores_by_platform_are_rows_of_a_cascading_column():
    score = FieldRow(id="SCORE", kind="cascading", table="RATINGS", sources=("creativex_score",))
    rules = replace(RULES, fields=(score,), min_fields=0)
    [node] = by_id(build({}, rules=rules, creativex_scores=("FB^90", "YT^7"))).values()
    assert node["parent_table_id"] == "RATINGS"
    assert node["values"] == [
        {**FLAGS, "cascading_domain_value": True, "value": pick_value(value, "CascadingDomainValue")}
        for value in ("FB^90", "YT^7")
    ]


def test_what_became_of_the_fields_is_told():
    representation = build(master(), creativex_scores=("90",))
    assert str(representation).startswith(
        "16 fields found in the master; made: MAIN_LANGUAGES, FERRERO.FIELD.ASSETCOMPLIANCE, MARKETING_TAG, "
        "FERRERO.TAB.FIELD.CREATIVEX, FERRERO.MASTERASSETIDS, FERRERO.FIELD.ASSET VALIDITY END PERIOD; "
        "without a value: FERRERO.FIELD.CREATIVEX LINK, "
    )
    origins = {field.id: field.origin for field in representation.fields}
    assert origins["ARTESIA.FIELD.ASSET NAME"] == "file name: clean name"
    assert origins["FERRERO.FIELD.ASSET VALIDITY END PERIOD"] == "day of upload + 365 days"
    assert origins["FERRERO.FIELD.ASSETCOMPLIANCE"] == "fixed text"
    assert origins["FERRERO.FIELD.BRAND"] == "master"
    assert origins["FERRERO.FIELD.TOUCHPOINT"] == "no value in the master that can be used"
    assert origins["FERRERO.FIELD.CREATIVEX LINK"] == origins["FERRERO.FIELD.TALENT"] == "not in the master"


@pytest.mark.parametrize(
    ("edits", "start", "end"),
    [
        ({}, "02/01/2026", "03/01/2027"),
        ({"START": "2026-05-01", "END": "05/31/2026"}, "05/01/2026", "05/31/2026"),
        ({"START": "soon", "END": " "}, "02/01/2026", "03/01/2027"),
    ],
)
def test_the_validity_is_a_persons_else_the_masters_else_a_year_from_the_upload(edits, start, end):
    periods = {which: f"FERRERO.FIELD.ASSET VALIDITY {which} PERIOD" for which in ("START", "END")}
    representation = build(master(), edits={periods[which]: value for which, value in edits.items()})
    assert [field_value(representation.body, field_id) for field_id in periods.values()] == [start, end]
    assert bool(representation.notes) == ("soon" in edits.values())


@pytest.mark.parametrize("field_id", ["FERRERO.FIELD.ASSET VALIDITY START PERIOD", "FERRERO.FIELD.RIGHTS END DATE"])
def test_a_date_of_the_master_that_nobody_can_read_is_told_unless_a_person_set_another(field_id):
    spoiled = master(scalar(field_id, "31/12/2026", data_type="DATE"), without=field_id)
    [note] = build(spoiled).notes
    assert note.startswith(f"{field_id}: '31/12/2026' of the master is no date, so")
    assert build(spoiled, edits={field_id: "31.12.2026"}).notes == ()


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        (domained("FERRERO.FIELD.STATE", "GLOBAL", "Global"), "LOCAL"),
        (domained("FERRERO.FIELD.STATE", "Global", "Global asset"), "Local"),
        (scalar("FERRERO.FIELD.STATE", "Global"), "LOCAL"),
        (empty("FERRERO.FIELD.STATE"), "LOCAL"),
    ],
)
def test_the_state_is_the_id_that_the_master_shows_ids_to_be(state, sent):
    body = build(master(state, without="FERRERO.FIELD.STATE")).body
    assert field_value(body, "FERRERO.FIELD.STATE") == sent


def test_precedence_from_the_master_to_the_override_of_the_asset_type():
    rows = {
        "master": ("master",),
        "name": ("language", "master"),
        "fixed": ("fixed", "language", "master"),
        "creativex": ("creativex_link", "fixed", "language", "master"),
    }

    def value(which: str, **changes: Any) -> object:
        row = FieldRow(id="F", kind="text", sources=rows[which], fixed="forced")  # type: ignore[arg-type]
        overrides = changes.pop("overrides", {})
        rules = replace(RULES, fields=(row,), min_fields=0, asset_type_overrides=overrides)
        return field_value(build([scalar("F", "of the master")], rules=rules, **changes).body, "F")

    edits = {"F": "of a person"}
    assert value("master") == "of the master"
    assert value("name") == "de"
    assert value("fixed") == "forced"
    assert value("creativex") == "forced"
    assert value("creativex", creativex_link="https://cx") == "https://cx"
    assert value("creativex", creativex_link="https://cx", edits={"F": " "}) == "https://cx"
    assert value("creativex", creativex_link="https://cx", edits=edits) == "of a person"
    assert value("creativex", edits=edits, overrides={"OLV": {"F": "of the type"}}) == "of the type"


def test_an_override_removes_replaces_and_appends():
    overrides = {"OLV": {"FERRERO.FIELD.COPYRIGHT": "", "FERRERO.FIELD.BRAND": "ANY", "SITE.FIELD": "yes"}}
    representation = build(master(), rules=replace(RULES, asset_type_overrides=overrides))
    nodes = by_id(representation)
    assert representation.removed == ("FERRERO.FIELD.COPYRIGHT",)
    assert nodes["FERRERO.FIELD.BRAND"] == pick("FERRERO.FIELD.BRAND", "ANY")
    assert nodes["SITE.FIELD"] == text("SITE.FIELD", "yes")
    assert by_id(build(master())).keys() ^ nodes.keys() == {"FERRERO.FIELD.COPYRIGHT", "SITE.FIELD"}


@pytest.mark.parametrize("code", ["EOL", "LTD"])
def test_eol_and_ltd_have_no_creativex_and_nothing_else_is_different(code):
    film, document = by_id(build(master(), **SCORED)), by_id(build(master(), replace(NAME, asset_type=code), **SCORED))
    assert film.keys() - document.keys() == {"FERRERO.TAB.FIELD.CREATIVEX", "FERRERO.FIELD.CREATIVEX LINK"}
    assert document["FERRERO.FIELD.MKTG.ASSET TYPE"] == pick("FERRERO.FIELD.MKTG.ASSET TYPE", code)


def test_media_facts_go_into_the_fields_whose_rows_say_so():
    rows = tuple(
        FieldRow(id=f"SITE.{what}", kind="text", sources=(f"media_{what}",))  # type: ignore[arg-type]
        for what in ("width", "height", "duration")
    )
    rules = replace(RULES, fields=(*RULES.fields, *rows))
    body = build(master(), rules=rules, media=MediaFacts(width_px=1920, duration_s=6.0)).body
    assert [field_value(body, row.id) for row in rows] == ["1920", None, "6"]


def test_a_field_that_is_not_to_be_made_is_sent_where_the_master_has_it():
    row = FieldRow(id="FERRERO.FIELD.TALENT", kind="text", sources=("fixed",), fixed="none", make=False)
    rules = replace(RULES, fields=(row,), min_fields=0)
    assert by_id(build(master(), rules=rules)) == {}
    assert by_id(build([empty("FERRERO.FIELD.TALENT")], rules=rules)) == {row.id: text(row.id, "none")}


def test_columns_of_one_table_stay_parallel():
    tree = [
        table(
            "T.MARKET",
            column("FERRERO.FIELD.MAIN_COUNTRY", domain_value("IT", "Italy"), domain_value("FR", "France")),
            column("FERRERO.FIELD.CHANNEL", {"type": "string", "value": "TV"}, {"type": "string"}),
            column("MAIN_LANGUAGES", domain_value("IT", "Italian"), domain_value("FR", "French")),
        )
    ]
    languages = FieldRow(id="MAIN_LANGUAGES", kind="column", table="T.MARKET", sources=("language",), case="upper")
    others = tuple(row for row in RULES.fields if row.id in {"FERRERO.FIELD.MAIN_COUNTRY", "FERRERO.FIELD.CHANNEL"})
    nodes = by_id(build(tree, rules=replace(RULES, fields=(languages, *others), min_fields=0)))
    assert field_values([nodes["MAIN_LANGUAGES"]], "MAIN_LANGUAGES") == ["DE", "DE"]
    assert [len(node["values"]) for node in nodes.values()] == [2, 2, 2]
    alone = by_id(build(tree, rules=replace(RULES, fields=(languages, others[1]), min_fields=0)))
    assert len(alone["MAIN_LANGUAGES"]["values"]) == 2


def test_a_table_that_is_named_itself_is_sent_as_its_columns():
    channels = table("FERRERO.FIELD.CHANNEL", column("CHANNEL_ID", {"type": "string", "value": "YouTube"}))
    [sent] = (node for node in by_id(build([channels])).values() if node["id"].startswith("CHANNEL"))
    assert (sent["id"], sent["parent_table_id"]) == ("CHANNEL_ID", "FERRERO.FIELD.CHANNEL")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (None, "0 of the fields that 1234567_RAF_DE_de_TEST-JOB_OLV_001_6S_16x9_ABC123.mp4 needs (none)"),
        ([], "(none)"),
        ("text", "(none)"),
        ({"metadata": None}, "(none)"),
        (asset(category("A", scalar("X", "1"))), "(none)"),
        (asset(category("A", domained("FERRERO.FIELD.BRAND", "RAF", "R"), empty("FERRERO.FIELD.YEAR"))), "BRAND, FERR"),
    ],
)
def test_a_master_with_too_few_of_the_fields_is_refused_and_what_it_has_is_named(metadata, found):
    with pytest.raises(PermanentError, match="expected are at least 10") as refusal:
        build(metadata, rules=RULES)
    assert found in str(refusal.value)


@pytest.mark.fault(57)
def test_stored_metadata_nested_deeper_than_python_recurses_are_read_all_the_same():
    deep = master()
    for _ in range(2000):
        deep = {"asset": deep}
    assert build(deep).found == build(master()).found
