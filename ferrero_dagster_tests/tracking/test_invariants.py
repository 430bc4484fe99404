"""Whatever happens in whatever order: nothing is lost, nothing is doubled, one message per fact (FAULTS, I1 I2 I4)."""

from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import campaigns, outbox, rounds, steps, transfers
from ferrero_dagster.tracking.database import Database
from ferrero_dagster_tests.tracking import cron_database as cron
from ferrero_dagster_tests.tracking.cron_database import run_sql
from ferrero_dagster_tests.tracking.test_transfers import asset, box_file, claim_in, recorded

ROUTE, ID = "a1_to_a2", DamId("c1")
CAMPAIGN = Campaign(id=ID, number="C1", name="Local", status="A1", type="Local Adaptation")
NUMBERS = st.integers(1, 3)


class Fact:
    template = "t"

    def model_dump_json(self):
        return "{}"


class CampaignLife(RuleBasedStateMachine):
    """The life of one campaign; steps are done twice, as after a commit whose outcome was unknown."""

    database: ClassVar[Database]
    url: ClassVar[str]

    def __init__(self):
        super().__init__()
        self.states: dict[int, str] = {}
        self.polls = self.strikes = self.completed = 0

    def twice(self, work, *args, **named):
        first, second = (self.database.transact(work, *args, **named) for _ in range(2))
        assert first == second
        return second

    def claim(self, cursor, number):
        return claim_in(cursor, asset(number), ROUTE, ID)

    @initialize()
    def begin(self):
        tables = (
            "transfers, final_scores, master_assets, pending_masters, campaign_status, campaign_rounds, notifications"
        )
        run_sql(self.url, f"TRUNCATE {tables}")
        self.database.transact(campaigns.note_seen, CAMPAIGN)

    @rule(number=NUMBERS)
    def claimed(self, number):
        found = self.twice(self.claim, number)
        assert found.state == ("moved" if self.states.get(number) == "moved" else "pending")
        self.states[number] = found.state

    @rule(number=NUMBERS)
    def moved(self, number):
        self.claimed(number)
        transfer = self.database.transact(self.claim, number)
        self.twice(steps.record_masters, [recorded(transfer, box_file(f"box-{number}"))])
        self.states[number] = "moved"

    @rule(number=NUMBERS)
    def failed(self, number):
        self.claimed(number)
        transfer = self.database.transact(self.claim, number)
        self.database.transact(transfers.record_failure, transfer.id, message="m", code="c")

    @rule(number=NUMBERS)
    def vanished(self, number):
        known = self.database.transact(transfers.of_campaign, ROUTE, ID)
        gone = [transfer for key, transfer in known.items() if key[0] == asset(number).id]
        self.twice(steps.withdraw, gone)
        if self.states.get(number) == "pending":
            self.states[number] = "withdrawn"

    @rule(error=st.sampled_from([None, "no folder"]))
    def polled_in_vain(self, error):
        assert self.database.transact(campaigns.count_poll, "a1", ID, error=error)
        self.polls, self.strikes = self.polls + 1, self.strikes + (error is not None)
        if self.strikes >= 3:
            self.twice(campaigns.mark_permanently_failed, "a1", ID)

    @rule(statement=st.sampled_from([cron.RESET_SINGLE, cron.RESET_ALL]))
    def reset_by_sql(self, statement):
        run_sql(self.url, statement, of=ID)
        if statement == cron.RESET_SINGLE or self.strikes >= 3:
            self.polls = self.strikes = 0

    @precondition(lambda self: self.states and set(self.states.values()) <= {"moved", "withdrawn"})
    @rule()
    def completed_and_opened_again(self):
        opened = self.twice(rounds.open_round, ROUTE, ID)
        assert opened.round == self.completed + 1

        def work(cursor):
            campaigns.reset(cursor, "a1", [ID])
            rounds.close(cursor, opened.id, "advanced")
            outbox.add(cursor, Fact(), f"mail:t:{opened.key}")

        self.twice(work)
        self.completed, self.polls, self.strikes = opened.round, 0, 0

    @invariant()
    def nothing_is_lost(self):
        known = self.database.transact(transfers.of_campaign, ROUTE, ID)
        assert {key[0]: t.state for key, t in known.items()} == {
            asset(number).id: state for number, state in self.states.items()
        }

    @invariant()
    def nothing_is_doubled(self):
        masters = run_sql(
            self.url,
            "SELECT opentext_id, tracking_id, status, box_file_id FROM master_assets "
            "UNION ALL SELECT opentext_id, tracking_id, 'pending', NULL FROM pending_masters ORDER BY 1",
        )
        assert masters == run_sql(
            self.url,
            "SELECT source_id, tracking_id, CASE state WHEN 'moved' THEN 'active' ELSE state END, target_id "
            "FROM transfers WHERE state <> 'withdrawn' ORDER BY 1",
        )
        assert len({tracking_id for _, tracking_id, _, _ in masters}) == len(masters)

    @invariant()
    def each_fact_has_one_message(self):
        assert run_sql(self.url, "SELECT count(*) FROM notifications") == [(self.completed,)]
        assert run_sql(self.url, "SELECT count(*) FROM campaign_rounds WHERE closed_at IS NULL") == [(0,)]

    @invariant()
    def the_counters_say_what_happened(self):
        now = self.database.transact(campaigns.patience, "a1", [ID]).get(ID, campaigns.Patience())
        assert (now.retry_count, now.error_count) == (self.polls, self.strikes)
        assert now.permanently_failed == (self.strikes >= 3)


def test_no_order_of_events_loses_doubles_or_misreports_anything(database, database_url):
    run_state_machine_as_test(
        type("Life", (CampaignLife,), {"database": database, "url": database_url}),
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
