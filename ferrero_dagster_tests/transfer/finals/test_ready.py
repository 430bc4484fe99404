"""Where people set the status: who hears that all masters have finals, in which languages, how often (SPEC 4.7, 12)."""

import pytest

from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.operations.withdrawals import withdraw_masters
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import A5
from ferrero_dagster_tests.transfer.finals.agency_world import final_name

DO_IT = Request(done_by="Maria Rossi", dry_run=False)
UPLOADED, COMPLETE = "a2_to_a3_file_uploaded", "a2_to_a3_complete"


@pytest.fixture
def people(agency):
    """The agency of a site where people set the status."""
    return agency.with_site(agency={"advance_when_complete": False})


def translated(tracking_id, market, *, job="1234567"):
    return final_name(tracking_id).replace("1234567_RAF_DE_de", f"{job}_RAF_{market}")


def ready(agency):
    status = read_status(agency.world.database, agency.world.systems.site)
    return [(row["status"], row["next_status"], row["arrived"]) for row in status.ready]


def completed(agency):
    return agency.sql(f"SELECT fact FROM notifications WHERE template = '{COMPLETE}' ORDER BY id")


def test_one_mail_says_what_has_arrived_of_each_master_and_how_to_advance_and_the_status_stays(people):
    campaign_id = people.campaign("AAA001", "AAA002")
    people.deliver(translated("AAA001", "DE_de"))
    people.deliver(translated("AAA001", "IT_it"))
    people.go_on()
    assert (completed(people), ready(people)) == ([], [])
    people.deliver(translated("AAA002", "DE_de"))
    people.go_on()
    assert people.world.dam.store.status(campaign_id) == "A2"
    [fact] = completed(people)
    assert {master["tracking_id"]: master["markets"] for master in fact["masters"]} == {
        "AAA001": ["DE de", "IT it"],
        "AAA002": ["DE de"],
    }
    assert (fact["is_advanced"], fact["advance_job"]) == (False, "advance_campaigns")
    assert fact["advance_command"] == f"ferrero-dagster advance {campaign_id} --yes"
    [(status, then, arrived)] = ready(people)
    assert (status, then) == ("A2", "A3")
    assert [line.partition("(")[2] for line in arrived] == ["AAA001): DE de, IT it", "AAA002): DE de"]


def test_a_later_language_is_told_by_its_own_mail_and_seen_on_the_status_page_but_not_told_as_complete_again(people):
    campaign_id = people.campaign("AAA001")
    people.deliver(translated("AAA001", "DE_de"))
    people.go_on()
    people.deliver(translated("AAA001", "FR_fr"))
    people.deliver(translated("AAA001", "DE_de"), b"corrected")
    people.go_on()
    assert [template for template, _ in people.mails()] == [COMPLETE] + [UPLOADED] * 3
    assert ready(people)[0][2][0].endswith("(AAA001): DE de, FR fr")
    assert people.starts() == {}
    people.add_masters(campaign_id, "AAA002")
    people.go_on()
    assert ready(people) == []
    people.deliver(final_name("AAA002"))
    people.go_on()
    assert len(completed(people)) == 2


def test_a_campaign_that_gets_complete_as_a_master_is_withdrawn_is_told_by_the_next_look(people):
    people.campaign("AAA001", "AAA002")
    people.deliver(final_name("AAA001"))
    people.go_on()
    withdraw_masters(people.world.database, ["AAA002"], DO_IT)
    assert people.starts() == {}
    assert [[master["tracking_id"] for master in fact["masters"]] for fact in completed(people)] == [["AAA001"]]
    people.look()
    assert len(completed(people)) == 1


def test_a_final_of_the_cron_scripts_tells_its_language_by_its_clean_name(people):
    people.campaign("AAA001")
    clean = final_name("AAA001").removeprefix("1234567_").replace("_AAA001", "")
    columns = "tracking_id, derivative_filename, file_extension, status"
    for name in (clean, clean.removesuffix(".png").replace("DE_de", "IT_it"), "by hand.mp4"):
        people.sql(
            f"INSERT INTO derivative_assets ({columns}) VALUES ('AAA001', '{name}', 'png', 'active') RETURNING 1"
        )
    people.look()
    [fact] = completed(people)
    assert (fact["masters"][0]["finals"], fact["masters"][0]["markets"]) == (3, ["DE de", "IT it", "language unknown"])


def test_a_run_that_failed_leaves_no_round_behind_that_would_be_called_stuck(people):
    campaign_id = people.campaign("AAA001")
    people.deliver(final_name("AAA001"))
    people.settled_look()
    people.world.dam.board.add(Fault(method="GET", path="/folders/0+1$", status=403, times=9))
    with pytest.raises(FerreroError):
        people.move(campaign_id)
    people.world.dam.board.clear()
    people.later()
    people.go_on()
    assert people.sql("SELECT outcome FROM campaign_rounds WHERE closed_at IS NULL") == []
    assert len(completed(people)) == 1


def test_a_campaign_in_rework_gets_new_versions_of_the_same_assets_whatever_their_job_number(people):
    world, store = people.world, people.world.dam.store
    campaign_id = people.campaign("AAA001", "AAA002")
    for tracking_id in ("AAA001", "AAA002"):
        people.deliver(final_name(tracking_id))
    people.go_on()
    before = {asset.name: asset.original_id for asset in people.assets(campaign_id)}
    store.set_status(campaign_id, "A5")
    world.look(A5)
    world.run(campaign_id, A5)
    assert store.status(campaign_id) == "A6"
    people.look()
    assert ready(people) == []
    people.deliver(translated("AAA001", "DE_de", job="7654321"), b"corrected")
    people.go_on()
    assert ready(people) == []
    people.deliver(translated("AAA002", "DE_de", job="7654321"), b"corrected, too")
    people.go_on()
    latest = {asset.name: asset.original_id for asset in people.assets(campaign_id)}
    assert latest == before
    assert sorted(people.contents(campaign_id).values()) == [b"corrected", b"corrected, too"]
    assert [(status, then) for status, then, _ in ready(people)] == [("A6", "A3")]
    assert [(fact["route"]["status_before"], fact["route"]["status_after"]) for fact in completed(people)] == [
        ("A2", "A3"),
        ("A6", "A3"),
    ]
    assert store.status(campaign_id) == "A6"


def test_a_campaign_in_rework_goes_on_by_itself_only_when_all_that_went_back_has_come_corrected(agency):
    world, store = agency.world, agency.world.dam.store
    campaign_id = agency.campaign("AAA001", "AAA002")
    for tracking_id in ("AAA001", "AAA002"):
        agency.deliver(final_name(tracking_id))
    agency.go_on()
    store.set_status(campaign_id, "A5")
    world.look(A5)
    world.run(campaign_id, A5)
    for tracking_id in ("AAA001", "AAA002"):
        agency.go_on()
        assert store.status(campaign_id) == "A6"
        agency.deliver(final_name(tracking_id).replace("1234567", "7654321"), b"corrected")
    agency.go_on()
    assert store.status(campaign_id) == "A3"


def test_the_statuses_of_the_rework_are_columns_of_the_row(people):
    rework = people.with_site(agency={"advance_when_complete": False})
    route = rework.world.systems.site.routes.finals[0]
    assert [(change.before, change.after) for change in route.changes] == [("A2", "A3"), ("A6", "A3")]
