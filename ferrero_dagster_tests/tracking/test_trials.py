"""Rows that the tables would not take are told before an upgrade changes anything, with table, value and remedy."""

import pytest

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.tracking import schema
from ferrero_dagster_tests.fix_world import ROUTES
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import contents, run_sql

TRIGGER = """
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'ask the owner'; END $$;
CREATE {} TRIGGER no AFTER INSERT ON {} {} FOR EACH ROW EXECUTE FUNCTION no();
"""


def upgrade(url):
    return schema.upgrade(url, ROUTES.masters, finals=ROUTES.finals)


@pytest.mark.fault(74)
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "ALTER TABLE campaign_status ADD CONSTRAINT stages CHECK (status IN ('A1', 'A2', 'gone'))",
            "campaign_status does not take the status A5, the status A6, .*stages.*; let the constraint take that",
        ),
        (
            "ALTER TABLE campaign_status ALTER status TYPE varchar(2)",
            r"campaign_status.status does not take the status gone: value too long .*\(2\); widen it",
        ),
        (
            "ALTER TABLE master_assets ALTER upload_directory TYPE varchar(36)",
            r"master_assets.upload_directory does not take a master: .*character varying\(36\); widen it",
        ),
        (
            "ALTER TABLE master_assets ADD CHECK (status <> 'active') NOT VALID",
            "master_assets does not take a master: .*; let the constraint take that",
        ),
        (
            "ALTER TABLE master_assets ADD CHECK (status = 'active') NOT VALID",
            "master_assets does not take a master that is withdrawn or inactive or archived",
        ),
        (
            "CREATE TYPE state AS ENUM ('done'); ALTER TABLE derivative_assets ALTER status DROP DEFAULT,"
            " ALTER status TYPE state USING 'done'",
            'derivative_assets does not take a final, .*"active"; let its type take that',
        ),
        (TRIGGER.format("", "derivative_assets", ""), "derivative_assets does not take a final, .*: ask the owner;"),
        (
            TRIGGER.format("CONSTRAINT", "master_assets", "DEFERRABLE INITIALLY DEFERRED"),
            "does not take a master: ask the owner;",
        ),
        (
            "ALTER TABLE campaign_status ADD UNIQUE (campaign_id) DEFERRABLE",
            "campaign_status does not take the status A1, .*make its key NOT DEFERRABLE",
        ),
    ],
    ids=[
        "CHECK",
        "narrow status",
        "narrow id",
        "no active",
        "active alone",
        "ENUM",
        "trigger",
        "deferred trigger",
        "late key",
    ],
)
def test_a_row_that_the_tables_would_not_take_is_refused_by_the_upgrade_with_the_remedy(
    empty_database_url, rule, words
):
    run_sql(empty_database_url, cron.USUAL, cron.ROWS, rule)
    before = contents(empty_database_url)
    with pytest.raises(ConfigurationError, match=words):
        upgrade(empty_database_url)
    assert contents(empty_database_url) == before


@pytest.mark.fault(74)
def test_the_tries_leave_nothing_behind(empty_database_url):
    run_sql(empty_database_url, cron.USUAL, cron.ROWS)
    columns, before = contents(empty_database_url)
    upgrade(empty_database_url)
    assert contents(empty_database_url, columns) == (columns, before)
    assert run_sql(empty_database_url, "SELECT count(*) FROM transfers") == [(0,)]
