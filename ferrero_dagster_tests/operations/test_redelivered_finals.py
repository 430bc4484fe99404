"""Finals that the DAM lost are imported again, from Box's trash or the agency's folder, as people choose them."""

import pytest

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.redeliveries import Redelivering, Wanted
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import ONE, TWO, Agency, clean_name

LOOK = Request(done_by="Maria Rossi")
DO_IT = Request(done_by=" Maria Rossi ", dry_run=False, run_id="run 7")
NAME = clean_name("AAA001")
BACK = "Restored to the agency's folder in Box. The next looks at that folder import it."
DELIVER = "Have the agency deliver it again."


class Imported:
    """A campaign that has the first of its two finals in the DAM, and what people then do."""

    def __init__(self, agency):
        self.agency, self.world, self.box = agency, agency.world, agency.world.box
        self.campaign_id = agency.campaign("AAA001", "AAA002")
        self.file_id = agency.deliver(ONE, b"final" * 100)
        agency.go_on()
        [self.asset] = agency.assets(self.campaign_id)
        assert agency.waiting() == []

    @property
    def status(self):
        return self.world.dam.store.status(self.campaign_id)

    def lose(self):
        self.world.dam.store.delete(self.asset.id)

    def redeliver(self, request=DO_IT, **wanted):
        wanted = {"finals": True, **(wanted or {"campaigns": [self.campaign_id]})}
        log = self.world.said.append
        return Redelivering(systems=self.world.systems, request=request, log=log).redeliver(Wanted(**wanted))

    def contents(self):
        """The bytes of the campaign's finals in the DAM that are not deleted there, by name."""
        assets = [asset for asset in self.agency.assets(self.campaign_id) if not asset.deleted]
        return {asset.name: self.world.dam.store.content(asset.id).read_bytes() for asset in assets}

    def active(self):
        """The assets that the campaign counts."""
        return self.agency.sql("SELECT dam_asset_id FROM derivative_assets WHERE status = 'active'")


@pytest.fixture
def imported(agency):
    return Imported(agency)


@pytest.fixture
def agency(world):
    world.dam.settings.job_polls = 0
    return Agency(world).with_site(agency={"advance_when_complete": True})


def one(outcome):
    [file] = outcome.files
    return file.result


def test_what_the_dam_holds_as_it_was_imported_stays(imported):
    outcome = imported.redeliver()
    assert [(file.found, file.result) for file in outcome.files] == [
        ("The DAM holds it as it was imported.", "Nothing to do.")
    ]
    assert imported.agency.sql("SELECT count(*) FROM operations") == [0]
    assert imported.agency.waiting() == []


@pytest.mark.parametrize("etag", ["the same etag", "another etag"])
@pytest.mark.parametrize("how", ["tracking_ids", "name in the DAM", "name in Box", "campaigns"])
def test_a_final_that_the_dam_lost_comes_back_from_the_trash_and_is_imported_however_it_is_chosen(imported, how, etag):
    agency = imported.agency
    wanted = {
        "tracking_ids": {"tracking_ids": ["AAA001"]},
        "name in the DAM": {"file_names": [NAME]},
        "name in Box": {"file_names": [ONE]},
        "campaigns": {"campaigns": ["C000000001"]},
    }[how]
    imported.box.settings.restored_with_new_etag = etag == "another etag"
    imported.lose()
    shown = imported.redeliver(LOOK, **wanted)
    assert one(shown).startswith("To be restored to the agency's folder in Box.")
    assert (agency.waiting(), agency.sql("SELECT count(*) FROM operations")) == ([], [0])
    assert one(imported.redeliver(**wanted)) == BACK
    assert agency.waiting() == [ONE]
    agency.go_on()
    assert (imported.contents(), agency.waiting()) == ({NAME: b"final" * 100}, [])
    assert imported.active() == [asset.id for asset in agency.assets(imported.campaign_id) if not asset.deleted]
    recorded = "operation, done_by, run_id, before->>'asset', target"
    assert agency.sql(f"SELECT {recorded} FROM operations") == [
        ("redeliver_files", "Maria Rossi", "run 7", imported.asset.id, f"a2_to_a3: {NAME} (AAA001)")
    ]
    assert one(imported.redeliver()) == "Nothing to do."


def test_a_final_that_the_dam_holds_changed_becomes_a_new_version_of_it(imported):
    imported.world.dam.store.change(imported.asset.id, md5_hex="0" * 32)
    imported.redeliver()
    imported.agency.go_on()
    [asset] = imported.agency.assets(imported.campaign_id)
    assert (asset.original_id, asset.version) == (imported.asset.original_id, imported.asset.version + 1)
    assert (imported.active(), imported.contents()) == ([asset.id], {NAME: b"final" * 100})
    assert imported.agency.errors == []


def test_once_a_lost_final_is_back_the_campaign_goes_on(imported):
    agency = imported.agency
    imported.lose()
    agency.deliver(TWO)
    agency.settled_look()
    with pytest.raises(Exception, match=f"ferrero-dagster redeliver --finals --campaign {imported.campaign_id} --yes"):
        agency.move(imported.campaign_id)
    assert imported.status == "A2"
    imported.redeliver()
    agency.later()
    agency.go_on()
    assert imported.status == "A3"


def test_a_final_that_could_not_be_deleted_in_the_agencys_folder_is_imported_from_there(agency):
    agency.world.box.board.add(Fault(path="/files/[0-9]+$", method="DELETE", times=None, status=403))
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"final" * 100)
    agency.settle_and_move(campaign_id)
    agency.world.box.board.clear()
    [asset] = agency.assets(campaign_id)
    agency.world.dam.store.delete(asset.id)
    log = agency.world.said.append
    operation = Redelivering(systems=agency.world.systems, request=DO_IT, log=log)
    assert one(operation.redeliver(Wanted(finals=True, campaigns=[campaign_id]))) == (
        "The next looks at that folder import it."
    )
    agency.go_on()
    assert sorted(asset.deleted for asset in agency.assets(campaign_id)) == [False, True]
    assert (agency.contents(campaign_id), agency.waiting()) == ({NAME: b"final" * 100}, [])


@pytest.mark.parametrize("etag", ["the same etag", "another etag"])
def test_a_final_that_somebody_restored_by_hand_is_imported_too(imported, etag):
    imported.lose()
    imported.box.store.restore(imported.file_id, name=None, folder_id=None, new_etag=etag == "another etag")
    assert one(imported.redeliver()) == "The next looks at that folder import it."
    imported.agency.go_on()
    assert (imported.contents(), imported.agency.waiting()) == ({NAME: b"final" * 100}, [])


def test_a_final_that_is_purged_from_the_trash_is_for_the_agency_to_deliver(imported):
    imported.lose()
    imported.box.store.empty_trash()
    outcome = imported.redeliver()
    assert (one(outcome), len(outcome.refused)) == (DELIVER, 1)
    assert "not in Box's trash" in outcome.files[0].found


def test_a_final_in_the_trash_of_another_account_is_for_the_agency_to_deliver(imported):
    imported.lose()
    imported.box.board.add(Fault(path="/trash$", times=None, status=403))
    assert one(imported.redeliver()) == DELIVER


def test_a_final_whose_place_is_taken_is_told_and_nothing_is_lost(imported):
    imported.lose()
    imported.box.store.put_file(AGENCY_FOLDER, ONE, b"reworked")
    outcome = imported.redeliver()
    assert one(outcome) == f"Box holds another {ONE} in its place; rename that one there. {DELIVER}"
    assert len(outcome.refused) == 1
    imported.agency.go_on()
    assert imported.contents() == {NAME: b"reworked"}


def test_a_final_that_lies_elsewhere_in_box_is_told_with_its_place(imported):
    imported.lose()
    store = imported.box.store
    store.restore(imported.file_id, name=None, folder_id=None, new_etag=False)
    store.move(imported.file_id, folder_id=store.add_folder(name="Private"))
    outcome = imported.redeliver()
    assert outcome.files[0].found.endswith("Its file in Box is in All Files/Private.")
    assert one(outcome) == "Move it to the agency's folder in Box; it is imported from there."


def test_a_redelivery_whose_restoring_was_answered_by_nobody_is_done_by_the_next(imported):
    imported.lose()
    imported.box.board.add(Fault(path=f"/files/{imported.file_id}$", method="POST", times=None, status=503))
    assert len(imported.redeliver().refused) == 1
    imported.box.board.clear()
    assert one(imported.redeliver()) == BACK
    imported.agency.go_on()
    assert imported.contents() == {NAME: b"final" * 100}


def test_a_final_that_was_restored_and_not_yet_imported_is_left_to_the_sensor(imported):
    imported.lose()
    imported.redeliver()
    assert one(imported.redeliver()) == "The next looks at that folder import it."
    imported.agency.go_on()
    assert imported.contents() == {NAME: b"final" * 100}
    assert imported.agency.sql("SELECT count(*) FROM derivative_assets") == [2]


def test_a_final_whose_answer_the_dam_owes_is_not_imported_blindly(imported):
    imported.world.dam.board.add(Fault(path="/assets$", method="GET", holding="false%2C", times=None, status=400))
    outcome = imported.redeliver()
    assert (one(outcome), len(outcome.refused)) == ("Try again.", 1)
    assert imported.agency.waiting() == []


def test_a_final_whose_master_was_withdrawn_stays_out(imported):
    imported.lose()
    imported.agency.sql("UPDATE master_assets SET status = 'withdrawn' WHERE tracking_id = 'AAA001' RETURNING 1")
    assert one(imported.redeliver()) == "Its master was withdrawn: no finals of it are taken."


def test_a_final_of_the_cron_scripts_is_for_the_agency_to_deliver(agency):
    campaign_id = agency.campaign("AAA001")
    agency.sql(
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)"
        " VALUES ('AAA001', 'RAF_DE_de_TEST_OLV_001_6S_16x9', 'mp4', 'active') RETURNING 1"
    )
    operation = Redelivering(systems=agency.world.systems, request=DO_IT, log=agency.world.said.append)
    assert one(operation.redeliver(Wanted(finals=True, campaigns=[campaign_id]))) == DELIVER
    store = agency.world.dam.store
    store.add_asset(agency.folder(campaign_id), "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4", b"final")
    assert one(operation.redeliver(Wanted(finals=True, tracking_ids=["AAA001"]))) == "Nothing to do."


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"file_names": [""]}, "Choose files by tracking ID, file name or campaign."),
        ({"tracking_ids": ["AAA002"]}, "No final with tracking ID AAA002 was delivered."),
        ({"tracking_ids": ["AAA001"], "to_folder": AGENCY_FOLDER}, "finals go to their own"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(imported, wanted, words):
    with pytest.raises(OperationRefused) as refused:
        imported.redeliver(**wanted)
    assert words in str(refused.value)
    assert str(refused.value).endswith("Nothing was changed.")
