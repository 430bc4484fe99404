"""What a final would be sent with is shown without DAM and Box, as a table and as JSON to compare."""

import json

import pytest
from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster.sandbox.neighbours import add_neighbour_tables, add_score
from ferrero_dagster_tests.domain.otmm.test_representation import MASTER_ID
from ferrero_dagster_tests.domain.otmm.test_representation import master as metadata_of_master
from ferrero_dagster_tests.operations.stuck import master, rows

NAME = "1234567_RAF_DE_de_TEST-JOB_OLV_001_6S_16x9_ABC123.mp4"
SCORE = "FERRERO.TAB.FIELD.CREATIVEX"


@pytest.fixture
def shown(database, database_url):
    master(database, "ABC123", name="film.mp4")
    rows(
        database,
        "UPDATE master_assets SET opentext_id = %s, upload_directory = 'finals', full_metadata = %s RETURNING 1",
        MASTER_ID,
        json.dumps(metadata_of_master()),
    )

    def call(*arguments: str):
        environment = {
            "FERRERO_DATABASE_URL": database_url,
            "COLUMNS": "250",
            "FERRERO_DAM_URL": "",
            "FERRERO_SITE_CONFIG": "",
        }
        return CliRunner().invoke(main, ["representation", *arguments], env=environment, catch_exceptions=False)

    return call


def test_every_field_is_told_with_its_value_and_where_that_comes_from(shown):
    answer = shown(NAME)
    assert answer.exit_code == 0
    assert f"RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4, of the master {MASTER_ID}" in answer.output
    lines = {line.split("  ")[1].strip(): " ".join(line.split()) for line in answer.output.splitlines() if "  " in line}
    assert lines["MAIN_LANGUAGES"].endswith("DE file name: language made")
    assert lines["FERRERO.FIELD.BRAND"].endswith("pick RAF master")
    assert lines[SCORE].endswith("not in the master")
    assert "Box is not asked here" in answer.output


def test_json_holds_the_whole_representation_with_scores_and_edits_of_the_database(shown, database, database_url):
    add_neighbour_tables(database_url)
    clean = "RAF_DE_de_TEST-JOB_OLV_001_6S_16x9.mp4"
    add_score(database_url, clean, "90", "https://cx.example")
    told = json.loads(shown(NAME, "--json").output)
    assert (told["clean_name"], told["master_dam_id"], told["upload_directory"]) == (clean, MASTER_ID, "finals")
    elements = told["asset_representation"]["asset_resource"]["asset"]["metadata"]["metadata_element_list"]
    sent = {element["id"]: element for element in elements}
    assert sent[SCORE]["values"][0]["value"]["field_value"]["value"] == "90"
    assert {row["field"]: row["from"] for row in told["fields"]}["FERRERO.FIELD.CREATIVEX LINK"] == "CreativeX"
    assert told["notes"] == ["The score 90 is from the table creativex_scores."]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x.mp4", ""),
        (NAME.replace("ABC123", "ZZZ999"), "No active master has the tracking ID ZZZ999."),
    ],
)
def test_a_name_that_is_wrong_or_of_no_master_is_one_sentence(shown, name, sentence):
    answer = shown(name)
    assert answer.exit_code == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.output + answer.stderr


def test_a_master_with_too_few_fields_is_one_sentence(shown, database):
    rows(database, "UPDATE master_assets SET full_metadata = '{}' RETURNING 1")
    answer = shown(NAME)
    assert (answer.exit_code, "hold 0 of the fields" in answer.stderr) == (1, True)
