"""Other programs' tables are asked about several finals at once; what one row spoils, it spoils for itself alone."""

from contextlib import closing

import psycopg2
import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.sandbox.neighbours import add_edit, add_neighbour_tables, add_score
from ferrero_dagster.sandbox.site import SANDBOX_SITE
from ferrero_dagster.tracking.overrides import edits_for
from ferrero_dagster.tracking.scores import FinalToScore, newest_scores
from ferrero_dagster_tests.tracking.cron_database import run_sql

SITE = load_site(SANDBOX_SITE)
OVERRIDES = SITE.overrides.model_copy(update={"json_column": "overrides"})
NAMES = [f"RAF_DE_de_SPRING_KV_408_00S_16x{number}.png" for number in range(3)]


@pytest.fixture
def database(database, database_url):
    add_neighbour_tables(database_url)
    return database


def edits(database):
    wanted = [{name} for name in [*NAMES, "nobody's.png"]]
    return database.transact(edits_for, OVERRIDES, wanted, SITE.representation_rules.field_ids)


def scores(database):
    wanted = [FinalToScore(name=name, tracking_id=TrackingId("ABC123")) for name in [*NAMES, "nobody's.png"]]
    return database.transact(newest_scores, SITE.creativex, wanted)


def test_each_final_has_its_own_edits_and_score(database, database_url):
    for number, name in enumerate(NAMES):
        add_edit(database_url, name, starts=f"2026-03-0{number + 1}")
        add_score(database_url, name, str(80 + number), "https://x.example/score")
    found = edits(database)
    assert [[*one.values.values()] for one in found] == [["2026-03-01"], ["2026-03-02"], ["2026-03-03"], []]
    assert [bool(one.row) for one in found] == [True, True, True, False]
    assert [(row and row.score, problem) for row, problem in scores(database)] == [
        ("80", None),
        ("81", None),
        ("82", None),
        (None, None),
    ]


def test_edits_that_are_no_json_are_a_note_of_their_own_final_alone(database, database_url):
    run_sql(database_url, "ALTER TABLE override_metadata ALTER overrides TYPE TEXT")
    for number, name in enumerate(NAMES):
        add_edit(database_url, name, starts=f"2026-03-0{number + 1}")
    run_sql(database_url, f"UPDATE override_metadata SET overrides = 'by phone' WHERE filename = '{NAMES[1]}'")
    found = edits(database)
    assert [[*one.values.values()] for one in found] == [["2026-03-01"], [], ["2026-03-03"], []]
    assert ["could not be used" in " ".join(one.notes) for one in found] == [False, True, False, False]


def test_a_table_that_somebody_holds_locked_is_waited_for_once_for_all(database, database_url):
    with closing(psycopg2.connect(database_url)) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE override_metadata")
        found = edits(database)
    assert {one.notes for one in found} == {found[0].notes}
    assert "could not be used" in found[0].notes[0]
