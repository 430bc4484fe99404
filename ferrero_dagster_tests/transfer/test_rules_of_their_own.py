"""A database whose owner has rules of its own for the tables that we share with it (contract customer.md 4)."""

import re
from dataclasses import replace

import pytest

from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster.tracking import campaigns, schema
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.fix_world import A5, ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

CHECKED = cron.USUAL.replace(
    "status VARCHAR(20) DEFAULT 'active'",
    "status VARCHAR(20) DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'archived'))",
)
ENUM = "CREATE TYPE asset_state AS ENUM ('active', 'archived');" + cron.USUAL.replace(
    "status VARCHAR(20) DEFAULT 'active'", "status asset_state NOT NULL DEFAULT 'active'"
)


@pytest.fixture(params=[(CHECKED, "inactive"), (ENUM, "archived")], ids=["CHECK", "ENUM"])
def rules(request):
    """The tables as they were made, and what their status takes for what counts no more."""
    return request.param


@pytest.fixture
def database_url(empty_database_url, rules):
    run_sql(empty_database_url, rules[0])
    schema.upgrade(empty_database_url, ROUTES.masters)
    return empty_database_url


@pytest.mark.fault(74)
def test_status_columns_that_take_few_words_hold_up_neither_way(world, rules):
    world.dam.settings.job_polls = 0
    agency, campaign_id = Agency(world), world.campaign({"Film.png": b"film", "Other.png": b"other"})
    assert world.run(campaign_id).status == "A2"
    one, other = agency.sql("SELECT tracking_id FROM master_assets WHERE status = 'active' ORDER BY asset_name")
    for content in (b"first", b"second"):
        agency.deliver(final_name(one), content)
        agency.go_on()
    assert agency.sql("SELECT status::text FROM derivative_assets ORDER BY id") == [rules[1], "active"]
    withdraw_masters(world.database, [other], Request(done_by="me", dry_run=False))
    assert agency.sql("SELECT status::text FROM master_assets ORDER BY asset_name") == ["active", rules[1]]
    assert agency.sql("SELECT count(*) FROM pending_masters") == [0]


NARROW = (cron.USUAL, "")
MAILS = "SELECT fact->>'headline', fact->>'explanation' FROM notifications WHERE template = 'workflow_error'"
FROZEN = """
CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.campaign_id = 'YOUR_CAMPAIGN_ID' THEN {} END IF; RETURN NEW; END $$;
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION frozen();
"""
RAISED = "RAISE 'budget of % is used up', NEW.campaign_id;"


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
def test_a_status_that_is_too_long_for_its_column_stops_its_own_campaign_and_is_told_once(world):
    ids = [world.campaign({"Film.png": b"film"}) for _ in range(8)]
    world.look()
    for campaign_id in ids[1:]:
        world.dam.store.set_status(campaign_id, "CANCELLED BY CLIENT")
    for _ in range(4):
        look = world.look()
    assert [campaign.id for campaign in look.starts] == ids[:1]
    assert world.sql(MAILS) == [
        (
            "The database refuses what reading campaigns again has to write",
            "The tracking database does not take a row of ours in campaign_status: value too long for type character "
            "varying(10).",
        )
    ]
    about = "SELECT count(DISTINCT about) FROM unforeseen_errors"
    assert world.sql(about) == [(7,)], "each has its turn"


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
@pytest.mark.parametrize("table", ["campaign_status", "master_assets"])
@pytest.mark.parametrize(
    ("refuses", "words"),
    [
        (RAISED, "budget of [0-9a-f]{40} is used up"),
        (RAISED.replace(";", " USING ERRCODE = 'insufficient_privilege';"), "budget of [0-9a-f]{40} is used up"),
        ("INSERT INTO audit_trail VALUES (1);", 'relation "audit_trail" does not exist'),
        ("NEW.status := NULL; NEW.tracking_id := NULL;", 'record "new" has no field "tracking_id"|tracking_id'),
    ],
    ids=["raises", "with a code", "writes elsewhere", "spoils the row"],
)
def test_a_trigger_that_refuses_one_campaign_stops_no_other(world, table, refuses, words):
    frozen, other = world.campaign({"Film.png": b"film"}), world.campaign({"Other.png": b"other"})
    world.sql(FROZEN.format(refuses, table), of=frozen)
    starts = {campaign.id for campaign in world.look().starts}
    assert other in starts
    assert world.run(other).status == "A2"
    if frozen in starts:
        for _ in range(2):
            assert re.search(words, world.run(frozen).failed[0].reason)
        assert world.templates().count("a1_to_a2_partial") == 1
    else:
        world.look()
        [(headline, sentence)] = world.sql(MAILS)
        assert headline == "The database refuses what a1_to_a2 has to write"
        assert re.search(words, sentence)


SILENT = ("RETURN NULL;", "NEW.status := 'Active'; RETURN NEW;")
ALTERS = """
CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;
CREATE TRIGGER theirs BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION theirs();
"""


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
@pytest.mark.parametrize("does", SILENT, ids=["drops", "alters"])
def test_a_master_whose_row_is_not_kept_has_not_arrived_though_the_database_says_nothing(world, does):
    campaign_id = world.campaign({"Film.png": b"film"})
    world.sql(ALTERS.format(does, "master_assets"))
    [file] = world.run(campaign_id).failed
    assert file.reason.startswith("The tracking database does not keep a row of ours in master_assets as it is written")
    assert world.dam.store.status(campaign_id) == "A1"
    world.sql("DROP TRIGGER theirs ON master_assets")
    assert world.run(campaign_id).status == "A2"
    assert world.sql("SELECT asset_name, status FROM master_assets") == [("Film.png", "active")]


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
@pytest.mark.parametrize("does", SILENT, ids=["drops", "alters"])
def test_a_final_whose_row_is_not_kept_is_set_aside_in_the_end_and_told(world, does):
    world.dam.settings.job_polls = 0
    agency = Agency(world)
    campaign_id = agency.campaign("AAA001")
    agency.sql(ALTERS.format(does, "derivative_assets"))
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    assert agency.sql("SELECT state FROM transfers") == ["set_aside"]
    assert "does not keep a row of ours in derivative_assets" in agency.sql("SELECT last_error FROM transfers")[0]
    assert len(agency.assets(campaign_id)) == 1, "it is in the DAM once, however often it was tried"
    assert agency.waiting() == [final_name("AAA001")]


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
def test_statuses_in_a_column_of_another_type_than_text_are_read_and_compared(world):
    world.sql("CREATE TYPE stage AS ENUM ('A1', 'A2')", "ALTER TABLE campaign_status ALTER status TYPE char(10)")
    padded, other = world.campaign({"Film.png": b"film"}), world.campaign({"Film.png": b"film"})
    assert world.run(padded).status == "A2"
    assert [campaign.status for campaign in world.database.transact(campaigns.known, [padded])] == ["A2"]
    world.sql("ALTER TABLE campaign_status ALTER status TYPE stage USING status::text::stage")
    assert [campaign.id for campaign in world.look().starts] == [other]
    assert world.run(other).status == "A2"
    world.look(A5)
    assert world.sql("SELECT count(*) FROM unforeseen_errors") == [(0,)]


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
def test_a_policy_that_refuses_one_campaigns_rows_stops_no_other(world, database_url):
    frozen, other = world.campaign({"Film.png": b"film"}), world.campaign({"Other.png": b"other"})
    run_sql(
        database_url,
        "CREATE ROLE ruled LOGIN",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO ruled; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ruled",
        "ALTER TABLE campaign_status ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY ours ON campaign_status USING (true) WITH CHECK (campaign_id <> 'YOUR_CAMPAIGN_ID')",
        of=frozen,
    )
    ruled = replace(world, database=Database(database_url.replace("postgres@", "ruled@")))
    ruled = replace(ruled, systems=replace(world.systems, database=ruled.database))
    try:
        assert [campaign.id for campaign in ruled.look().starts] == [other]
        assert ruled.run(other).status == "A2"
    finally:
        ruled.database.close()
        run_sql(database_url, "DROP OWNED BY ruled; DROP ROLE ruled")
    [(_, sentence)] = world.sql(MAILS)
    assert "new row violates row-level security policy" in sentence


@pytest.mark.fault(74)
@pytest.mark.parametrize("rules", [NARROW], indirect=True)
def test_a_final_whose_row_is_refused_is_set_aside_in_the_end_and_the_others_arrive(world):
    world.dam.settings.job_polls = 0
    agency = Agency(world)
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.sql("ALTER TABLE derivative_assets ADD CHECK (tracking_id <> 'AAA001')")
    agency.deliver(final_name("AAA001"))
    agency.deliver(final_name("AAA002"))
    agency.go_on()
    assert agency.sql("SELECT tracking_id, state FROM transfers ORDER BY 1") == [
        ("AAA001", "set_aside"),
        ("AAA002", "moved"),
    ]
    assert len(agency.assets(campaign_id)) == 2, "it is in the DAM once, however often it was tried"
    told = [name for template, name in agency.mails() if template == "a2_to_a3_upload_failed"]
    assert told == [final_name("AAA001")]
