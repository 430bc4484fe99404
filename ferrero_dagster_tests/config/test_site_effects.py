"""Settings of the site configuration change what site.yaml says that they change."""

import json
from datetime import date

import psycopg2
import pytest
import yaml
from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.creativex import MasterScore
from ferrero_dagster.domain.filenames import AgencyName, NameProblems, parse_name
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.otmm.field_rows import FinalInputs
from ferrero_dagster.domain.otmm.representation import build_representation
from ferrero_dagster.sandbox.neighbours import add_edit, add_neighbour_tables, add_score
from ferrero_dagster.tracking.scores import keep_master_score
from ferrero_dagster_tests.domain.otmm.test_representation import MASTER_ID
from ferrero_dagster_tests.domain.otmm.test_representation import master as metadata_of_master
from ferrero_dagster_tests.operations.stuck import master, rows

NAME = "1234567_RAF_TEST-JOB_OLV_001_6S_16x9_DE_de_ABC123.mp4"
CLEAN = "RAF_TEST-JOB_OLV_001_6S_16x9_DE_de.mp4"
START = "FERRERO.FIELD.ASSET VALIDITY START PERIOD"


@pytest.fixture
def site_file(tmp_path):
    def write(**sections):
        path = tmp_path / "site.yaml"
        path.write_text(yaml.safe_dump(sections))
        return path

    return write


def test_listed_ratios_and_unfinished_endings_are_those_that_count(site_file):
    naming = {"aspect_ratios": ["16x9", "9x16"], "unfinished_extensions": ["wip"]}
    rules = load_site(site_file(naming=naming)).naming.rules
    assert isinstance(parse_name(NAME, rules), AgencyName)
    told = parse_name(NAME.replace("16x9", "4x5"), rules)
    assert isinstance(told, NameProblems)
    assert "one of 16x9, 9x16" in str(told)
    assert (rules.extensions.is_unfinished("a.wip"), rules.extensions.is_unfinished("a.part")) == (True, False)


def test_a_final_has_the_policies_and_the_model_of_the_site(site_file):
    site = load_site(site_file(representation={"security_policy_ids": [7, 8], "metadata_model_id": "VIDEO"}))
    name = parse_name(NAME, site.naming.rules)
    assert isinstance(name, AgencyName)
    final = FinalInputs(
        name=name, master_metadata=metadata_of_master(), master_dam_id=DamId(MASTER_ID), today=date(2026, 3, 1)
    )
    asset = build_representation(final, site.representation_rules).body["asset_resource"]["asset"]
    assert (asset["security_policy_list"], asset["metadata_model_id"]) == ([{"id": 7}, {"id": 8}], "VIDEO")


@pytest.fixture
def sent(database, database_url, site_file):
    """The final's fields as `representation` shows them under a site configuration: value and source by id."""
    master(database, "ABC123", name="film.mp4")
    statement = "UPDATE master_assets SET opentext_id = %s, full_metadata = %s RETURNING 1"
    rows(database, statement, MASTER_ID, json.dumps(metadata_of_master()))
    add_neighbour_tables(database_url)

    def call(**sections):
        environment = {"FERRERO_DATABASE_URL": database_url, "FERRERO_SITE_CONFIG": str(site_file(**sections))}
        answer = CliRunner().invoke(main, ["representation", NAME, "--json"], env=environment, catch_exceptions=False)
        return {row["field"]: (row["value"], row["from"]) for row in json.loads(answer.stdout)["fields"]}

    return call


def changed(database_url, statement):
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_scores_and_edits_are_found_under_the_names_that_the_site_has_for_them(sent, database_url):
    add_score(database_url, CLEAN, "87", "https://cx.example/1")
    add_edit(database_url, CLEAN, starts="2026-05-01")
    changed(database_url, "UPDATE creativex_scores SET status = 'current'")
    changed(database_url, "ALTER TABLE override_metadata RENAME filename TO asset")
    score, link = "FERRERO.TAB.FIELD.CREATIVEX", "FERRERO.FIELD.CREATIVEX LINK"
    missing = {"missing_score": "0", "missing_link": "https://cx.example/"}
    unscored = sent(creativex=missing)
    assert (unscored[score][0], unscored[link][0]) == (["0"], ["https://cx.example/"])
    assert unscored[START][1] == "master"
    found = sent(creativex={**missing, "active_status": "current"}, overrides={"key_column": "asset"})
    assert (found[score][0], found[link][0]) == (["87"], ["https://cx.example/1"])
    assert found[START] == (["05/01/2026"], "a person's override")


def test_a_masters_own_score_has_the_status_of_the_site(sent, database, site_file):
    site = load_site(site_file(creativex={"master_status": "of-master"}))
    score = MasterScore(name="film.mp4", score="90", url=None)
    assert database.transact(keep_master_score, site.creativex, score, BoxId("1")) is None
    assert rows(database, "SELECT status FROM creativex_scores") == [{"status": "of-master"}]
