"""What people set for a final goes into the DAM with it, and is flagged once that is proven (customer.md 2, 4)."""

import pytest

from ferrero_dagster.sandbox.neighbours import add_edit, add_neighbour_tables
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, clean_name

NAME = clean_name("AAA001")
START = "FERRERO.FIELD.ASSET VALIDITY START PERIOD"
LINK = "FERRERO.FIELD.CREATIVEX LINK"
FLAGS = "SELECT applied_to_upload::text FROM override_metadata ORDER BY id"
CREATIVEX = {"creativexScore": 90, "creativexUrl": "https://www.bbc.com"}


@pytest.fixture
def edited(agency):
    add_neighbour_tables(agency.world.database_url)
    return agency


def notes(agency):
    return agency.sql("SELECT fact->'notes' FROM notifications WHERE template LIKE '%uploaded' ORDER BY id")[-1]


def moved(agency, **site):
    agency = agency.with_site(**site) if site else agency
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, creativex=CREATIVEX)
    assert len(agency.settle_and_move(campaign_id).moved) == 1
    [asset] = agency.assets(campaign_id)
    return lambda field_id: agency.world.dam.store.value(asset.id, field_id)


def test_an_edit_is_sent_and_flagged_and_an_empty_one_changes_nothing(edited):
    add_edit(edited.world.database_url, NAME, starts="2026-03-01")
    add_edit(edited.world.database_url, clean_name("AAA002"), starts="2027-03-01")
    value = moved(edited)
    assert value(START) == "03/01/2026"
    assert edited.sql(FLAGS) == ["true", "false"]


def test_a_key_of_the_json_column_may_be_mapped_or_a_field_id_and_wins_over_creativex(edited):
    edited.sql(
        "INSERT INTO override_metadata (filename, overrides) VALUES "
        f"""('{ONE}', '{{"begin": "2026-03-01", "{LINK}": "https://person.example", "who": "me", "deep": {{}}}}')"""
    )
    value = moved(edited, overrides={"json_column": "overrides", "fields": {"begin": START}})
    assert (value(START), value(LINK)) == ("03/01/2026", "https://person.example")
    assert edited.sql(FLAGS) == ["true"]


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        ("DROP TABLE override_metadata", None),
        ("ALTER TABLE override_metadata DROP COLUMN filename", None),
        ("ALTER TABLE override_metadata DROP COLUMN asset_validity_start_period", None),
        (
            "ALTER TABLE override_metadata ALTER COLUMN asset_validity_start_period TYPE TEXT; "
            "UPDATE override_metadata SET asset_validity_start_period = repeat('x', 1000000)",
            "longer than 4,000 characters",
        ),
    ],
    ids=["no table", "no key", "no such column", "a huge value"],
)
def test_edits_that_cannot_be_used_are_at_most_a_sentence(edited, spoil, note):
    add_edit(edited.world.database_url, NAME, starts="2026-03-01")
    edited.sql(spoil)
    moved(edited)
    assert sum(note in text for text in notes(edited) if note) == (1 if note else 0)
    if note:
        assert edited.sql(FLAGS) == ["false"]


def test_an_edit_that_changed_while_the_final_was_on_its_way_is_not_flagged_but_told(edited):
    add_edit(edited.world.database_url, NAME, starts="2026-03-01")
    edited.sql(
        "CREATE FUNCTION person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE override_metadata SET asset_validity_start_period = '2030-01-01'; RETURN NULL; END $$",
        "CREATE TRIGGER meanwhile AFTER UPDATE OF job_id ON transfers EXECUTE FUNCTION person()",
    )
    moved(edited)
    assert edited.sql(FLAGS) == ["false"]
    assert any("changed while the final was on its way" in note for note in notes(edited))


def test_a_row_that_others_hold_is_told_and_holds_up_nothing(edited):
    add_edit(edited.world.database_url, NAME, starts="2026-03-01")
    edited.sql("ALTER TABLE override_metadata ADD CHECK (NOT applied_to_upload)")
    moved(edited)
    assert any("override_metadata could not be used" in note for note in notes(edited))


def test_a_rework_keeps_what_a_person_set_for_the_version_before(edited):
    campaign_id = edited.campaign("AAA001")
    add_edit(edited.world.database_url, NAME, starts="2026-03-01")
    for content in (b"first", b"reworked"):
        edited.deliver(ONE, content)
        edited.settle_and_move(campaign_id)
    [asset] = edited.assets(campaign_id)
    assert edited.world.dam.store.value(asset.id, START) == "03/01/2026"
