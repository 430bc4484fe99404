"""People advance campaigns: shown first, each on its own, recorded with their name, never over another's choice."""

from dataclasses import replace

import pytest

from ferrero_dagster.domain.errors import FerreroError, OperationRefused
from ferrero_dagster.operations.advances import Advancing
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

LOOK = Request(done_by="Maria Rossi")
DO_IT = Request(done_by=" Maria Rossi ", dry_run=False, run_id="run 7")


@pytest.fixture
def people(world):
    """The agency of a site where people set the status."""
    world.dam.settings.job_polls = 0
    return Agency(world).with_site(agency={"advance_when_complete": False})


def advancing(agency, request=DO_IT, **more):
    systems = agency.world.systems
    return Advancing(
        database=systems.database, dam=systems.dam, site=systems.site, has_webhook=True, request=request, **more
    )


def delivered(agency, *tracking_ids, missing=()):
    """The id of a campaign whose masters have their finals, but for some."""
    campaign_id = agency.campaign(*tracking_ids, *missing)
    for tracking_id in tracking_ids:
        agency.deliver(final_name(tracking_id))
    agency.go_on()
    return campaign_id


def status(agency, campaign_id):
    return agency.world.dam.store.status(campaign_id)


def test_a_dry_run_shows_what_has_arrived_and_changes_nothing(people):
    campaign_id = delivered(people, "AAA001")
    before = people.sql("SELECT row_to_json(c)::text FROM campaign_status c")
    outcome = advancing(people, LOOK).advance([campaign_id])
    [shown] = outcome.campaigns
    assert (shown.status, shown.next_status, shown.missing) == ("A2", "A3", ())
    assert shown.arrived[0].endswith("(AAA001): DE de")
    assert shown.result == "To be advanced from A2 to A3."
    assert str(outcome) == "1 campaign would be advanced; this was a dry run."
    assert status(people, campaign_id) == "A2"
    assert people.sql("SELECT row_to_json(c)::text FROM campaign_status c") == before
    assert people.sql("SELECT count(*) FROM operations") == [0]


def test_a_person_s_choice_is_set_proven_told_and_recorded_with_the_name(people):
    campaign_id = delivered(people, "AAA001")
    outcome = advancing(people).advance(["C000000001"])
    assert outcome.campaigns[0].result == "Advanced from A2 to A3."
    assert status(people, campaign_id) == "A3"
    assert people.sql("SELECT status FROM campaign_status") == ["A3"]
    recorded = "operation, done_by, before->>'status', after->>'status', run_id"
    assert people.sql(f"SELECT {recorded} FROM operations") == [
        ("advance_campaigns", "Maria Rossi", "A2", "A3", "run 7")
    ]
    facts = people.sql("SELECT fact FROM notifications WHERE template = 'a2_to_a3_complete' ORDER BY id")
    assert [(fact["is_advanced"], fact["advanced_by"]) for fact in facts] == [(False, None), (True, "Maria Rossi")]
    assert people.starts() == {}
    again = advancing(people).advance([campaign_id])
    assert "only campaigns with the agency, in A2 or A6, are advanced here" in again.campaigns[0].result


def test_a_campaign_that_is_not_complete_is_shown_with_what_is_missing_and_needs_the_flag(people):
    campaign_id = delivered(people, "AAA001", missing=["AAA002"])
    [left] = advancing(people).advance([campaign_id]).refused
    assert left.missing[0].endswith("(AAA002)")
    assert left.result == (
        "It stays in A2, 1 of 2 masters without a final; to advance it nevertheless, say incomplete."
    )
    assert status(people, campaign_id) == "A2"
    assert advancing(people, incomplete=True).advance([campaign_id]).refused == ()
    assert status(people, campaign_id) == "A3"
    [missing] = people.sql("SELECT after->>'masters without a final' FROM operations")
    assert missing == "AAA002"


@pytest.mark.parametrize("chosen", ["A4", "A1"])
def test_a_campaign_whose_status_people_changed_is_refused(people, chosen):
    campaign_id = delivered(people, "AAA001")
    people.world.dam.store.set_status(campaign_id, chosen)
    [left] = advancing(people, incomplete=True).advance([campaign_id]).refused
    assert f"in {chosen} in the DAM" in left.result
    assert status(people, campaign_id) == chosen


def test_a_status_that_people_change_at_the_last_moment_stays(people):
    campaign_id = delivered(people, "AAA001")
    store, board = people.world.dam.store, people.world.dam.board
    # The last reading before it is set.
    board.add(Fault(method="GET", path="/folders/0+1$", skip=1, before=lambda: store.set_status(campaign_id, "A4")))
    [left] = advancing(people).advance([campaign_id]).refused
    assert left.result == "Somebody changed its status to A4 meanwhile; it stays so."
    assert status(people, campaign_id) == "A4"
    assert people.sql("SELECT count(*) FROM operations") == [0]


def test_one_that_cannot_be_advanced_does_not_stop_the_others(people):
    one, other, third = (delivered(people, name) for name in ("AAA001", "AAA002", "AAA003"))
    people.world.dam.store.lock(one)
    people.world.dam.board.add(Fault(method="PATCH", path=f"{other}$", status=400, times=None))
    outcome = advancing(people).advance([one, "no such name", other, third, f" {third} "])
    assert [campaign.is_refused for campaign in outcome.campaigns] == [status(people, one) == "A2", True, True, False]
    assert (status(people, other), status(people, third)) == ("A2", "A3")
    assert "No campaign is known by" in outcome.campaigns[1].result


def test_what_a_person_began_before_everything_died_is_finished_under_the_same_name(people):
    campaign_id = delivered(people, "AAA001")
    board = people.world.dam.board
    # The status is set; from then on the DAM does not answer.
    out = Fault(method="GET", path="/folders/0+1", status=503, times=None)
    board.add(Fault(method="PATCH", path="/folders/0+1", before=lambda: board.add(out), times=1))
    [left] = advancing(people).advance([campaign_id]).refused
    assert people.sql("SELECT count(*) FROM operations") == [0]
    board.clear()
    assert status(people, campaign_id) == "A3"
    assert people.starts() == {campaign_id: 0}
    people.move(campaign_id)
    assert people.sql("SELECT done_by, after->>'status' FROM operations") == [("Maria Rossi", "A3")]
    assert people.starts() == {}
    assert left.campaign


def test_what_a_person_began_in_vain_is_not_done_without_them(people):
    campaign_id = delivered(people, "AAA001")
    board = people.world.dam.board
    board.add(Fault(method="PATCH", path="/folders/0+1", status=503, times=None))
    advancing(people).advance([campaign_id])
    board.clear()
    people.go_on()
    assert status(people, campaign_id) == "A2"
    assert people.sql("SELECT count(*) FROM campaign_rounds WHERE closed_at IS NULL") == [0]


def test_make_com_is_told_where_the_row_says_so(people):
    routes = people.world.systems.site.routes
    rows = tuple(replace(row, webhook=True) for row in routes.rows)
    told = people.with_site(routes={"rows": rows})
    advancing(told).advance([delivered(told, "AAA001")])
    assert people.sql("SELECT template FROM notifications WHERE channel = 'webhook'") == ["a2_to_a3_complete"]


def test_nobody_and_nothing_are_refused(people):
    with pytest.raises(OperationRefused, match="Name campaigns"):
        advancing(people).advance([" "])
    with pytest.raises(OperationRefused, match="done_by is empty"):
        advancing(people, Request(done_by=" ")).advance(["C1"])


def test_after_an_outage_the_rest_is_not_tried(people):
    one, other = (delivered(people, name) for name in ("AAA001", "AAA002"))
    people.world.dam.board.add(Fault(path="/folders/", status=503, times=None))
    outcome = advancing(people).advance([one, other])
    assert len(outcome.refused) == 2
    assert outcome.campaigns[1].result.startswith("It was not tried, since the one before met this: ")
    assert issubclass(FerreroError, Exception)
