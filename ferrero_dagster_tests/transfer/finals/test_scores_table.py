"""A final's score is asked for in the scores table first, then in Box; neither ever blocks it (SPEC 12)."""

from contextlib import closing

import psycopg2
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.neighbours import add_neighbour_tables, add_score
from ferrero_dagster.tracking.final_scores import unscored_of_day
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, ONE, clean_name

NAME = clean_name("AAA001")
LINK = "FERRERO.FIELD.CREATIVEX LINK"
MEGABYTE = "x" * 1_000_000


def told(agency, place=0):
    return agency.sql("SELECT fact FROM notifications WHERE template LIKE '%uploaded' ORDER BY id")[place]


def moved(agency, creativex=None):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, creativex=creativex)
    [file] = agency.settle_and_move(campaign_id).moved
    [asset] = agency.assets(campaign_id)
    return file, agency.world.dam.store.value(asset.id, LINK)


@pytest.fixture
def scored(agency):
    add_neighbour_tables(agency.world.database_url)
    return agency


def test_the_newest_active_row_of_the_table_wins_over_box_and_is_mailed_shown_and_sent(scored):
    add_score(scored.world.database_url, NAME, "61", "https://x.example/former")
    add_score(scored.world.database_url, NAME, " 87.5 ", "https://x.example/newest")
    scored.sql("UPDATE creativex_scores SET extracted_at = '2001-01-01' WHERE status = 'replaced'")
    file, link = moved(scored, CREATIVEX)
    fact = told(scored)
    assert (fact["creativex_score"], fact["creativex_url"], link) == ("87.5", *["https://x.example/newest"] * 2)
    assert (file.creativex_score, file.creativex_url) == ("87.5", "https://x.example/newest")
    assert (fact["creativex_is_old"], fact["is_unscored"]) == (False, False)


def test_where_the_table_has_no_score_of_the_final_box_is_asked(scored):
    add_score(scored.world.database_url, clean_name("AAA002"), "61", "https://x.example/others")
    moved(scored, CREATIVEX)
    assert (told(scored)["creativex_score"], told(scored)["is_unscored"]) == ("90", False)


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        ("DROP TABLE creativex_scores", None),
        ("ALTER TABLE creativex_scores DROP COLUMN filename", None),
        ("UPDATE creativex_scores SET quality_score = 'good', creativex_url = 'here'", "a number, found 'good'"),
        (
            "ALTER TABLE creativex_scores ALTER COLUMN quality_score TYPE TEXT; "
            f"UPDATE creativex_scores SET quality_score = '{MEGABYTE}'",
            "expected a number, found 'xxxxx",
        ),
        (f"UPDATE creativex_scores SET creativex_url = 'https://{MEGABYTE}', quality_score = NULL", "expected an http"),
        (
            "ALTER TABLE creativex_scores RENAME TO old; "
            "CREATE VIEW creativex_scores AS SELECT *, 1 / (id - id) AS broken FROM old WHERE 1 / (id - id) = 1",
            "could not be used: division by zero.",
        ),
    ],
    ids=["no table", "no column", "no number, no link", "a huge text", "a huge link", "an error of its own"],
)
def test_a_table_that_says_nothing_of_use_is_at_most_a_sentence_and_box_is_asked(scored, spoil, note):
    add_score(scored.world.database_url, NAME, "61", "https://x.example/1")
    scored.sql(spoil)
    moved(scored, CREATIVEX)
    fact = told(scored)
    assert (fact["creativex_score"], fact["creativex_url"]) == ("90", "https://www.bbc.com")
    mentioned = [text for text in fact["notes"] if note and note in text]
    assert len(mentioned) == (1 if note else 0)
    assert all(len(text) < 600 for text in fact["notes"])


def test_a_table_that_others_lock_holds_a_final_up_for_seconds_only(scored):
    with closing(psycopg2.connect(scored.world.database_url)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE creativex_scores")
        moved(scored, CREATIVEX)
    assert any("canceling statement due to lock timeout" in note for note in told(scored)["notes"])


@pytest.mark.parametrize("table", ["Creativex Scores", "reports.scores", "o'brien; DROP TABLE transfers; --"])
def test_a_table_of_any_name_is_read_under_that_name(scored, table):
    add_score(scored.world.database_url, NAME, "61", "https://x.example/1")
    schema, _, name = table.rpartition(".")
    scored.sql(
        f'CREATE SCHEMA IF NOT EXISTS "{schema or "public"}"',
        f'ALTER TABLE creativex_scores RENAME TO "{name}"',
        f'ALTER TABLE "{name}" SET SCHEMA "{schema or "public"}"',
    )
    moved(scored.with_site(creativex={"scores_table": table}))
    assert told(scored)["creativex_score"] == "61"


def test_a_final_without_a_score_is_told_as_unscored(scored):
    moved(scored)
    assert (told(scored)["creativex_score"], told(scored)["is_unscored"]) == (None, True)
    [day] = scored.sql("SELECT now() - interval '1 hour', now() + interval '1 hour'")
    assert scored.world.database.transact(unscored_of_day, *day) == 1


def test_a_site_that_has_no_scores_asks_nobody_and_misses_none(scored):
    add_score(scored.world.database_url, NAME, "61", "https://x.example/1")
    site = scored.with_site(creativex={"sources": ()})
    moved(site, CREATIVEX)
    assert (told(site)["creativex_score"], told(site)["is_unscored"]) == (None, False)


@pytest.mark.parametrize("again", [True, False], ids=["scored again", "not scored again"])
def test_the_score_of_an_earlier_version_is_named_as_old(scored, again):
    campaign_id = scored.campaign("AAA001")
    add_score(scored.world.database_url, NAME, "61", "https://x.example/1")
    scored.deliver(ONE, b"first")
    scored.settle_and_move(campaign_id)
    if again:
        add_score(scored.world.database_url, NAME, "87", "https://x.example/2")
    scored.deliver(ONE, b"reworked")
    scored.settle_and_move(campaign_id)
    fact = told(scored, 1)
    assert (fact["creativex_score"], fact["creativex_is_old"]) == (("87", False) if again else ("61", True))


def test_what_is_delivered_once_more_keeps_its_score(scored):
    campaign_id = scored.campaign("AAA001")
    add_score(scored.world.database_url, NAME, "61", "https://x.example/1")
    for _ in range(2):
        scored.deliver(ONE, b"the same")
        scored.settle_and_move(campaign_id)
    assert told(scored, 1)["creativex_is_old"] is False


@pytest.mark.parametrize("status", [403, 500])
def test_a_box_that_does_not_tell_is_a_sentence(scored, status):
    scored.world.box.board.add(Fault(path="/metadata/", status=status, times=50))
    moved(scored)
    assert any("CreativeX could not be read" in note for note in told(scored)["notes"])
    assert told(scored)["is_unscored"]
