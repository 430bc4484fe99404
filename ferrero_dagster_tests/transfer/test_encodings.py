"""A database that is not in Unicode: what it holds goes both ways, what it does not stops its own campaign."""

import pytest

from ferrero_dagster.domain.errors import RefusedByDatabase
from ferrero_dagster.tracking import schema
from ferrero_dagster_tests.fix_postgres import database_in
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

MAILS = "SELECT fact->>'headline', fact->>'explanation' FROM notifications WHERE template = 'workflow_error'"


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoding(request):
    return request.param


@pytest.fixture
def database_url(postgres, encoding):
    with database_in(postgres, encoding) as url:
        run_sql(url, cron.USUAL)
        schema.upgrade(url, ROUTES.masters)
        yield url


@pytest.mark.fault(74)
def test_umlauts_go_both_ways_in_any_encoding(world):
    world.dam.settings.job_polls = 0
    agency, campaign_id = Agency(world), world.campaign({"Größe.png": b"film"}, name="Frühling")
    world.look()
    assert world.run(campaign_id).status == "A2"
    [tracking_id] = agency.sql("SELECT tracking_id FROM master_assets WHERE full_metadata::text LIKE '%Größe%'")
    agency.deliver(final_name(tracking_id))
    agency.deliver("🎬 nobody's – file.png")
    agency.go_on()
    assert [asset.name for asset in agency.assets(campaign_id)] != []
    assert agency.waiting() == ["🎬 nobody's – file.png"]
    assert agency.sql("SELECT count(*) FROM notifications WHERE template = 'a2_to_a3_upload_failed'") == [1]


@pytest.mark.fault(74)
@pytest.mark.parametrize("encoding", ["LATIN1"], indirect=True)
def test_an_emoji_in_a_latin1_database_stops_its_own_campaign_and_is_told_once(world):
    odd, plain = world.campaign({"Hero 🎬.png": b"odd"}), world.campaign({"Hero.png": b"plain"})
    odd_name = world.campaign({"Other.png": b"odd"}, name="Spring 🎬")
    look = world.look()
    assert {campaign.id for campaign in look.starts} == {odd, plain}
    for _ in range(2):
        with pytest.raises(RefusedByDatabase, match='has no equivalent in encoding "LATIN1"'):
            world.run(odd)
    assert world.run(plain).status == "A2"
    world.look()
    assert world.dam.store.status(odd_name) == "A1"
    told = world.sql(MAILS)
    assert sorted(headline for headline, _ in told) == [
        "The database refuses what a1_to_a2 has to write",
        "The database refuses what a1_to_a2 has to write",
    ]
    assert all("does not take a row of ours" in sentence for _, sentence in told)


@pytest.mark.fault(74)
@pytest.mark.parametrize("encoding", ["SQL_ASCII"], indirect=True)
def test_bytes_of_any_encoding_in_a_database_that_knows_none_hold_up_nobody(world, database_url):
    campaign_id = world.campaign({"Hero 🎬.png": b"odd"}, name="Spring 🎬")
    run_sql(
        database_url,
        r"INSERT INTO campaign_status (campaign_id, campaign_name, status) VALUES ('old', E'Fr\xfchling', 'A1')",
    )
    assert [campaign.name for campaign in world.look().starts] == ["Spring 🎬"]
    assert world.run(campaign_id).status == "A2"
    assert world.sql("SELECT count(*) FROM master_assets WHERE asset_name = 'Hero 🎬.png'") == [(1,)]
