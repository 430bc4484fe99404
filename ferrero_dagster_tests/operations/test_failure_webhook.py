from dataclasses import replace

import pytest

from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.routes import ROUTES
from ferrero_dagster.settings import load_settings
from ferrero_dagster.site import load_site
from ferrero_dagster.tracking import rounds
from ferrero_dagster.transfer.master_reports import Reporter, count_strike
from ferrero_dagster_tests.operations.stuck import NO_FOLDER, campaign, rows, seen

SITE = load_site()


@pytest.mark.parametrize(
    ("is_wanted", "has_webhook", "route_has", "channels"),
    [
        (False, True, True, {"mail"}),
        (True, False, True, {"mail"}),
        (True, True, False, {"mail"}),
        (True, True, True, {"mail", "webhook"}),
    ],
)
def test_make_is_told_of_a_given_up_campaign_where_site_settings_and_route_want_it(
    database, is_wanted, has_webhook, route_has, channels
):
    seen(database, campaign())
    patience = SITE.campaigns.model_copy(update={"webhook_on_permanent_failure": is_wanted})
    site = SITE.model_copy(update={"campaigns": patience})
    reporter = Reporter(
        route=replace(ROUTES[0], webhook=route_has), campaign=campaign(), database=database, site=site,
        links=Connections(load_settings(database_url="x"), site).links,
        round=database.transact(lambda cursor: rounds.open_round(cursor, "a1_to_a2", "a" * 40)),
        run_id="1", has_webhook=has_webhook,
    )  # fmt: skip
    for _ in range(3):
        count_strike(reporter, CampaignError(NO_FOLDER))
    told = rows(database, "SELECT channel, fact FROM notifications WHERE template = 'a1_to_a2_permanently_failed'")
    assert {row["channel"] for row in told} == channels
    assert told[0]["fact"]["reset_command"] == f"ferrero-dagster reset-retries {'a' * 40} --yes"
