"""A database whose owner has rules of its own for the tables that we share with it (contract customer.md 4)."""

import pytest

from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster.tracking import schema
from ferrero_dagster_tests.fix_world import ROUTES
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
