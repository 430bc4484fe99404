"""Before a campaign with the agency goes on, the DAM is asked whether its finals are there (SPEC 4.7)."""

from urllib.parse import unquote_plus

import pytest

from ferrero_dagster.domain.errors import PermanentError, SystemUnavailable
from ferrero_dagster.operations.advances import Advancing
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.transfer.finals.agency_world import final_name


def half_done(agency):
    """A campaign that has the first of its two finals, and that final's asset."""
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"))
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    return campaign_id, asset


def status(agency, campaign_id):
    return agency.world.dam.store.status(campaign_id)


def deliver_the_rest(agency, campaign_id):
    """The last final comes; why the status did not follow, if it did not."""
    agency.deliver(final_name("AAA002"))
    agency.settled_look()
    try:
        agency.move(campaign_id)
    except PermanentError as error:
        return str(error)
    return None


def lose(agency, asset):
    agency.world.dam.store.delete(asset.id)


def spoil(agency, asset):
    agency.world.dam.store.change(asset.id, size_bytes=1)


def exchange(agency, asset):
    agency.world.dam.store.change(asset.id, md5_hex="0" * 32)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (lose, "the DAM does not hold it any more"),
        (spoil, "the DAM holds 1 byte of it"),
        (exchange, "the DAM holds other content than was imported"),
    ],
)
def test_a_final_that_the_dam_does_not_hold_as_imported_keeps_the_status_and_is_named(agency, happens, words):
    campaign_id, asset = half_done(agency)
    happens(agency, asset)
    told = deliver_the_rest(agency, campaign_id)
    assert status(agency, campaign_id) == "A2"
    assert f"1 final of it not in the DAM as imported. {asset.name}: {words}" in told
    assert len(agency.assets(campaign_id)) >= 1, "the one that came now is in"


def test_once_it_is_back_the_status_follows(agency):
    campaign_id, asset = half_done(agency)
    agency.world.dam.store.change(asset.id, size_bytes=1)
    assert deliver_the_rest(agency, campaign_id)
    agency.world.dam.store.change(asset.id, size_bytes=asset.size_bytes)
    agency.later()
    agency.go_on()
    assert status(agency, campaign_id) == "A3"


def test_a_final_that_somebody_moved_or_renamed_in_the_dam_or_gave_a_newer_version_counts(agency):
    campaign_id, asset = half_done(agency)
    store = agency.world.dam.store
    store.change(asset.id, parent_id=store.add_folder(campaign_id, "Archive"), name="renamed.mp4")
    assert deliver_the_rest(agency, campaign_id) is None
    assert status(agency, campaign_id) == "A3"


def test_a_final_of_the_cron_scripts_is_looked_for_by_its_name(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.sql(
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)"
        " VALUES ('AAA001', 'RAF_DE_de_TEST_OLV_001_6S_16x9', 'mp4', 'active') RETURNING 1"
    )
    told = deliver_the_rest(agency, campaign_id)
    assert "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4: a cron script imported it" in told
    store = agency.world.dam.store
    store.add_asset(agency.folder(campaign_id), "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4", b"final")
    agency.later()
    agency.go_on()
    assert status(agency, campaign_id) == "A3"


def test_ten_finals_cost_one_question_more_and_no_metadata(agency):
    ids = [f"AAA{n:03}" for n in range(10)]
    campaign_id = agency.campaign(*ids)
    for tracking_id in ids:
        agency.deliver(final_name(tracking_id))
    agency.settled_look()
    agency.move(campaign_id)
    assert status(agency, campaign_id) == "A3"
    assert len([one for one in agency.world.dam.board.seen if '"load_metadata": false' in unquote_plus(one.query)]) == 1


def test_a_dam_that_cannot_be_asked_sets_no_status(agency):
    campaign_id, _ = half_done(agency)
    agency.deliver(final_name("AAA002"))
    agency.settled_look()
    agency.world.dam.board.add(Fault(path="/assets$", method="GET", holding="false%2C", times=None, status=503))
    with pytest.raises(SystemUnavailable):
        agency.move(campaign_id)
    assert status(agency, campaign_id) == "A2"
    assert seen(agency.world.dam, "PATCH", "/folders/", times=0)


def test_a_person_who_advances_hears_of_it_and_may_say_incomplete(agency):
    campaign_id, asset = half_done(agency)
    people = agency.with_site(agency={"advance_when_complete": False})
    people.deliver(final_name("AAA002"))
    people.go_on()
    lose(agency, asset)
    systems = people.world.systems
    known = {"database": systems.database, "dam": systems.dam, "site": systems.site, "has_webhook": True}
    do_it = Request(done_by="Maria Rossi", dry_run=False)
    [left] = Advancing(request=do_it, **known).advance([campaign_id]).refused
    assert (
        left.result == "It stays in A2, 1 final not in the DAM as imported; to have again what the DAM lost, run "
        "redeliver_files with finals; to advance it nevertheless, say incomplete."
    )
    assert asset.name in left.row()["lost in the DAM"]
    assert status(agency, campaign_id) == "A2"
    [done] = Advancing(request=do_it, incomplete=True, **known).advance([campaign_id]).campaigns
    assert done.result == "Advanced from A2 to A3."
    assert done.lost == left.lost
