"""Scores and edits of other programs, as the demo plants them."""

from ferrero_dagster.sandbox.neighbours import add_edit, add_neighbour_tables, add_score
from ferrero_dagster_tests.tracking.cron_database import run_sql

NAME = "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"


def test_of_a_finals_scores_the_newest_alone_is_active(database_url):
    add_neighbour_tables(database_url)
    add_neighbour_tables(database_url)
    add_score(database_url, NAME, "61", "https://x.example/1")
    add_score(database_url, NAME, "87", "https://x.example/2")
    rows = run_sql(database_url, "SELECT quality_score, status FROM creativex_scores ORDER BY id")
    assert rows == [("61", "replaced"), ("87", "active")]


def test_an_edit_waits_until_the_final_is_there(database_url):
    add_neighbour_tables(database_url)
    add_edit(database_url, NAME, starts="2026-03-01")
    query = "SELECT asset_validity_start_period::text, asset_validity_end_period, applied_to_upload"
    assert run_sql(database_url, f"{query} FROM override_metadata") == [("2026-03-01", None, False)]
