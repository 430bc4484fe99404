from dataclasses import replace

import pytest

from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.tracking import rounds
from ferrero_dagster.transfer.masters.mails import MastersMails
from ferrero_dagster_tests.fix_world import A1
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
    world, is_wanted, has_webhook, route_has, channels
):
    seen(world.database, campaign())
    patience = SITE.campaigns.model_copy(update={"webhook_on_permanent_failure": is_wanted})
    site = SITE.model_copy(update={"campaigns": patience})
    mails = MastersMails(
        route=replace(A1, webhook=route_has),
        campaign=campaign(),
        round=world.database.transact(rounds.open_round, "a1_to_a2", "a" * 40),
        systems=replace(world.systems, site=site, has_webhook=has_webhook),
        run_id="1",
    )
    for _ in range(3):
        mails.count_strike(CampaignError(NO_FOLDER))
    sent = rows(
        world.database, "SELECT channel, fact FROM notifications WHERE template = 'a1_to_a2_permanently_failed'"
    )
    assert {row["channel"] for row in sent} == channels
    assert sent[0]["fact"]["reset_command"] == f"ferrero-dagster reset-retries {'a' * 40} --yes"
