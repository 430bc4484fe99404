"""A database that other programs use is upgraded, used both ways and given back as they left it (customer.md 4)."""

import pytest

from ferrero_dagster.sandbox.neighbours import add_edit, add_neighbour_tables, add_score
from ferrero_dagster.tracking import schema
from ferrero_dagster_tests.fix_world import B1, ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import contents, run_sql
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, clean_name, final_name

ALL = (*cron.TABLES, *cron.NEIGHBOURS)
MASTERS = "SELECT quality_score, status FROM creativex_scores WHERE filename = 'Hero film.mp4'"
SCORE_FIELD, LINK_FIELD = "FERRERO.TAB.FIELD.CREATIVEX", "FERRERO.FIELD.CREATIVEX LINK"


@pytest.fixture
def database_url(empty_database_url):
    """As the cron scripts, the naming tool and the CreativeX service left it, upgraded."""
    run_sql(empty_database_url, cron.CUSTOMER)
    add_neighbour_tables(empty_database_url)
    run_sql(empty_database_url, cron.CUSTOMER_ROWS)
    before = contents(empty_database_url, tables=ALL)
    schema.upgrade(empty_database_url, ROUTES.masters)
    assert contents(empty_database_url, before[0]) == before
    return empty_database_url


def test_both_ways_leave_what_other_programs_wrote_as_it_was(world, database_url):
    world.dam.settings.job_polls = 0
    columns, rows = contents(database_url, tables=ALL)
    agency, campaign_id = Agency(world), world.campaign({"A master with a long name.png": b"master"})
    world.run(campaign_id)
    [tracking_id] = agency.sql(f"SELECT tracking_id FROM master_assets WHERE campaign_id = '{campaign_id}'")
    add_score(database_url, clean_name(tracking_id), "87", "https://x.example/ours")
    add_edit(database_url, clean_name(tracking_id), starts="2026-03-01")
    agency.deliver(final_name(tracking_id))
    agency.go_on()
    assert world.dam.store.status(campaign_id) in {"A2", "A3"}
    assert agency.sql("SELECT applied_to_upload::text FROM override_metadata ORDER BY id") == ["true", "false", "true"]
    _, now = contents(database_url, columns)
    assert {table: set(rows[table]) - set(now[table]) for table in ALL} == {table: set() for table in ALL}
    assert agency.sql("SELECT status FROM creativex_scores ORDER BY id") == ["replaced", "active", "active"]
    run_sql(database_url, cron.RESET_SINGLE, of=campaign_id)
    for statement in (cron.RESET_ALL, cron.VIEW_FAILED, cron.ALERT, cron.GET_MASTER, cron.STATUS_CHECK, cron.IS_FREE):
        run_sql(database_url, statement)
    assert run_sql(database_url, cron.COUNT_MASTERS, cron.COUNT_DERIVATIVES) == [(1,)]


@pytest.mark.parametrize("tracking_id", ["aBcDe1", "ABCDE1"])
def test_finals_of_ids_that_differ_in_case_only_find_each_its_own_master(world, database_url, tracking_id):
    run_sql(
        database_url, "ALTER TABLE master_assets ALTER original_filename DROP NOT NULL, ALTER created_at DROP NOT NULL"
    )
    world.dam.settings.job_polls = 0
    agency = Agency(world)
    campaign_id = agency.campaign("aBcDe1", "ABCDE1")
    agency.deliver(final_name(tracking_id))
    agency.go_on()
    assert agency.sql("SELECT tracking_id FROM derivative_assets WHERE transfer_id IS NOT NULL") == [tracking_id]
    assert len(agency.assets(campaign_id)) == 1


def test_columns_that_have_values_of_ours_are_filled_and_those_of_others_left(world, database_url):
    run_sql(database_url, "ALTER TABLE derivative_assets ALTER COLUMN status SET DEFAULT 'theirs'")
    agency, campaign_id = Agency(world), world.campaign({"A master with a long name.png": b"master"})
    world.dam.settings.job_polls = 0
    world.run(campaign_id)
    [(tracking_id, name, has_time)] = agency.sql(
        "SELECT tracking_id, original_filename, created_at IS NOT NULL FROM master_assets "
        f"WHERE campaign_id = '{campaign_id}'"
    )
    assert (name, has_time) == ("A master with a long", True)
    agency.deliver(final_name(tracking_id))
    agency.go_on()
    assert agency.sql(
        "SELECT original_filename, opentext_id = dam_asset_id FROM derivative_assets WHERE transfer_id IS NOT NULL"
    ) == [(final_name(tracking_id), True)]


def test_a_column_called_as_a_field_takes_what_the_field_holds(world, database_url):
    campaign_id = world.campaign({"Master.png": b"master"})
    run_sql(database_url, "ALTER TABLE master_assets ADD CHECK (brand <> 'RAF')")
    world.run(campaign_id)
    query = "SELECT brand, extracted_fields->>'FERRERO.FIELD.BRAND' FROM master_assets WHERE campaign_id = "
    [(brand, extracted)] = world.sql(f"{query}'{campaign_id}'")
    assert brand == (None if extracted[:3] == "RAF" else extracted[:3])


@pytest.mark.parametrize("route", [ROUTES.masters[0], B1], ids=["local", "global"])
def test_a_masters_own_score_is_kept_once(world, database_url, route):
    for content in (b"film", b"another version of the film"):
        campaign_id = world.campaign({}, route=route)
        asset_id = world.add_asset(campaign_id, "Hero film.mp4", content, route=route)
        set_score(world, asset_id, "TikTok^87")
        world.run(campaign_id, route)
    assert world.sql(MASTERS) == [("87", "master-cx-score")]


def test_where_the_scores_table_does_not_take_it_the_master_is_moved_all_the_same(world, database_url):
    run_sql(database_url, "ALTER TABLE creativex_scores ADD COLUMN vendor TEXT NOT NULL DEFAULT 'x'")
    run_sql(database_url, "ALTER TABLE creativex_scores ALTER COLUMN vendor DROP DEFAULT")
    campaign_id = world.campaign({})
    set_score(world, world.add_asset(campaign_id, "Hero film.mp4", b"film"), "87")
    assert world.run(campaign_id).status == "A2"
    assert world.sql(MASTERS) == []


def set_score(world, asset_id, score):
    store = world.dam.store
    element = {
        "id": SCORE_FIELD,
        "table_id": "FERRERO.TABULAR.FIELD.PLATFORMRATING",
        "type": "com.artesia.metadata.MetadataTableField",
        "values": [{"value": {"type": "string", "value": score}}],
    }
    store.change(asset_id, metadata={**store.item(asset_id).metadata, SCORE_FIELD: element})
