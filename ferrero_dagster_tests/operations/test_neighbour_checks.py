"""check-connections says in a sentence what of other programs' tables cannot be used."""

from functools import partial

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.operations.neighbour_checks import edits_table, scores_table
from ferrero_dagster.sandbox.neighbours import add_neighbour_tables
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.tracking.cron_database import run_sql

SITE = load_site()


@pytest.fixture
def look(database_url, database):
    def look(*spoil, role=None, keeps_score=True):
        add_neighbour_tables(database_url)
        run_sql(database_url, *spoil, "SELECT 1")
        user = Database(database_url.replace("postgres@", f"{role}@")) if role else database
        found = []
        checks = (
            (partial(scores_table, keeps_score=keeps_score), (SITE.creativex,)),
            (edits_table, (SITE.overrides, ())),
        )
        for check, rest in checks:
            try:
                found.append(user.transact(check, *rest))
            except ConfigurationError as error:
                found.append(str(error))
        user.close()
        return found

    return look


def test_tables_as_the_customer_has_them_are_used(look):
    assert look() == [
        ("creativex_scores can be read", True),
        (
            "override_metadata: asset_validity_start_period, asset_validity_end_period are read; "
            "of no concern: id, overrides, created_by, created_at, updated_at",
            True,
        ),
    ]


def test_tables_that_are_not_there_are_no_fault(look):
    assert look("DROP TABLE creativex_scores, override_metadata") == [
        ("there is no table creativex_scores (creativex.scores_table)", False),
        ("there is no table override_metadata (overrides.table): nobody's edits are read", False),
    ]


def test_columns_that_are_called_otherwise_are_named_with_those_that_are_there(look):
    scores, edits = look(
        "ALTER TABLE creativex_scores RENAME quality_score TO score",
        "ALTER TABLE override_metadata DROP COLUMN applied_to_upload",
    )
    assert scores == (
        "The table creativex_scores has no column quality_score, which creativex.columns names; it has id, filename, "
        "creativex_id, creativex_url, score, box_file_id, full_extraction_data, extracted_at, status."
    )
    assert edits.startswith("The table override_metadata has no column applied_to_upload, which overrides names; it")


def test_a_column_that_a_masters_score_could_not_fill_is_told(look):
    scores, _ = look("ALTER TABLE creativex_scores ADD COLUMN vendor TEXT NOT NULL")
    assert scores == (
        "Scores of creativex_scores are read, but a master's own score cannot be kept there: every row must fill "
        "vendor; give that a default, or set keeps_score of the routes to false."
    )


def test_a_table_that_we_may_not_read_is_told(look, database_url):
    scores, _ = look("CREATE ROLE stranger LOGIN", role="stranger")
    run_sql(database_url, "DROP OWNED BY stranger", "DROP ROLE stranger")
    assert scores == (
        "The table creativex_scores could not be used: permission denied for table creativex_scores. "
        "Give our role the right to use it, or name another."
    )


def test_a_table_that_we_may_only_read_is_told_where_something_is_written_there(look, database_url):
    reads = "CREATE ROLE reader LOGIN; GRANT SELECT ON creativex_scores, override_metadata TO reader"
    scores, edits = look(reads, role="reader")
    assert scores == (
        "Scores of creativex_scores are read, but a master's own score cannot be kept there: The table "
        "creativex_scores could not be used: permission denied for table creativex_scores; let our role write there, "
        "or set keeps_score of the routes to false."
    )
    assert edits == (
        "Edits in override_metadata are read, but not marked as used: The table override_metadata could not be used: "
        "permission denied for table override_metadata; let our role write applied_to_upload."
    )
    (scores, _) = look(role="reader", keeps_score=False)[0]
    run_sql(database_url, "DROP OWNED BY reader", "DROP ROLE reader")
    assert scores == "creativex_scores can be read"


def test_a_trial_score_leaves_no_row_behind(look, database_url):
    look("DELETE FROM creativex_scores")
    assert run_sql(database_url, "SELECT count(*) FROM creativex_scores") == [(0,)]
