"""Box → DAM: into which asset a final goes, that it is the right one, and that its metadata arrive too."""

import pytest

from ferrero_dagster.domain.otmm.metadata import field_values, fields_by_id
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.releases import FileSelection, release_set_aside_files
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.transfer.finals.agency_world import CREATIVEX, Agency, clean_name, final_name

ONE, CLEAN = final_name("AAA001"), clean_name("AAA001")
#: The same components 2-9 as `ONE`, made from another master.
OTHER = ONE.replace("AAA001", "AAA002")
LINK = "FERRERO.FIELD.CREATIVEX LINK"


def contents(agency: Agency, folder_id: str) -> list[tuple[int, bytes]]:
    """Version and bytes of the assets in a folder."""
    store = agency.world.dam.store
    return [(asset.version, store.content(asset.id).read_bytes()) for asset in store.assets(folder_id)]


def shown(agency: Agency, campaign_id: str, *field_ids: str) -> list[tuple[str, ...]]:
    """Fields of the campaign's finals as the DAM has them."""
    store = agency.world.dam.store
    return [tuple(store.value(asset.id, id_) for id_ in field_ids) for asset in agency.assets(campaign_id)]


def uploaded(agency: Agency) -> dict[str, object]:
    """The last mail that a final has arrived."""
    facts = agency.sql("SELECT fact FROM notifications WHERE template LIKE '%uploaded' ORDER BY id DESC")
    return dict(facts[0])


# --- the folder


def test_an_asset_in_a_folder_below_the_target_is_somebodys_archive(agency):
    campaign_id = agency.campaign("AAA001")
    store, folder_id = agency.world.dam.store, agency.folder(campaign_id)
    archive = store.add_folder(folder_id, "Archive")
    store.add_asset(archive, CLEAN, b"last year's")
    agency.deliver(ONE, b"new")
    agency.go_on()
    assert contents(agency, archive) == [(1, b"last year's")]
    assert contents(agency, folder_id) == [(1, b"new")]


# --- whose asset it is


@pytest.mark.fault(14)
@pytest.mark.parametrize("content", [b"final of two", b"final of one"])
def test_a_final_never_takes_the_asset_of_another_master(agency, content):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"final of one")
    agency.deliver(OTHER, content)
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(1, b"final of one")]
    assert agency.sql("SELECT tracking_id FROM derivative_assets") == ["AAA001"]
    assert agency.sql("SELECT last_error FROM transfers WHERE state = 'set_aside'") == [
        f"In the DAM {CLEAN} is the final of another master, AAA001; rename the file, for example with another "
        "sequence number."
    ]
    assert agency.world.dam.store.status(campaign_id) == "A2"
    agency.world.box.store.rename(
        agency.sql("SELECT source_id FROM transfers WHERE state = 'set_aside'")[0], OTHER.replace("SPRING", "SPRING-2")
    )
    agency.go_on()
    assert agency.world.dam.store.status(campaign_id) == "A3"


def test_where_the_site_wants_duplicates_each_master_has_an_asset_of_its_own(agency):
    agency = agency.with_site(agency={"on_existing_name": "duplicate"})
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"the same")
    agency.deliver(OTHER, b"the same")
    agency.go_on()
    assert sorted(agency.sql("SELECT dam_asset_id FROM derivative_assets")) == sorted(
        asset.id for asset in agency.assets(campaign_id)
    )
    assert agency.sql("SELECT count(DISTINCT dam_asset_id) FROM derivative_assets") == [2]


@pytest.mark.fault(15)
def test_of_several_assets_of_the_name_our_own_gets_the_new_version(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"first")
    agency.go_on()
    for number in range(4):
        agency.world.dam.store.add_asset(agency.folder(campaign_id), CLEAN, b"by hand %d" % number)
    agency.deliver(ONE, b"corrected")
    agency.go_on()
    assert [asset for asset in contents(agency, agency.folder(campaign_id)) if asset[0] > 1] == [(2, b"corrected")]


def test_of_several_assets_of_our_own_the_latest_gets_the_new_version(agency):
    campaign_id = agency.campaign("AAA001")
    duplicating = agency.with_site(agency={"on_existing_name": "duplicate"})
    for number in range(3):
        duplicating.deliver(ONE, b"final %d" % number)
        duplicating.go_on()
    agency.deliver(ONE, b"corrected")
    agency.go_on()
    assert sorted(contents(agency, agency.folder(campaign_id))) == [(1, b"final 0"), (1, b"final 1"), (2, b"corrected")]


@pytest.mark.parametrize("strangers", [0, 1])
def test_our_own_is_known_although_a_person_made_a_later_version_of_it(agency, strangers):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"first")
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    agency.world.dam.store.new_version(asset.id, b"by hand", file_name=CLEAN, mime_type="image/png")
    for _ in range(strangers):
        agency.world.dam.store.add_asset(agency.folder(campaign_id), CLEAN, b"by hand, too")
    agency.deliver(OTHER, b"of another")
    agency.go_on()
    assert agency.waiting() == [OTHER]
    agency.deliver(ONE, b"corrected")
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id))[-1] == (3, b"corrected")


@pytest.mark.fault(15)
def test_of_several_assets_that_nobody_delivered_none_is_chosen(agency):
    campaign_id = agency.campaign("AAA001")
    for number in range(2):
        agency.world.dam.store.add_asset(agency.folder(campaign_id), CLEAN, b"by hand %d" % number)
    agency.deliver(ONE, b"final")
    assert agency.settle_and_move(campaign_id).failed[0].reason == (
        f"The DAM folder holds 2 assets named {CLEAN}, and none is known as the final of AAA001; delete or rename all "
        "but one there, then release the file."
    )
    assert contents(agency, agency.folder(campaign_id)) == [(1, b"by hand 0"), (1, b"by hand 1")]


def test_a_final_of_a_masters_later_version_replaces_that_of_the_earlier_one(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.sql("UPDATE master_assets SET original_id = 'the same master' RETURNING 1")
    agency.deliver(ONE, b"of the first version")
    agency.go_on()
    agency.deliver(OTHER, b"of the second version")
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"of the second version")]


def test_an_asset_that_went_to_the_agency_for_rework_gets_the_reworked_file_whatever_its_tracking_id(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE, b"first")
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    agency.sql(f"UPDATE master_assets SET opentext_id = '{asset.id}' WHERE tracking_id = 'AAA002' RETURNING 1")
    agency.deliver(OTHER, b"reworked")
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"reworked")]


def test_what_a_cron_script_delivered_is_known_by_its_name(agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.world.dam.store.add_asset(agency.folder(campaign_id), CLEAN, b"by the script")
    agency.sql(
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status) "
        f"VALUES ('AAA001', '{CLEAN}', 'png', 'active') RETURNING 1"
    )
    agency.deliver(OTHER, b"of another")
    agency.go_on()
    assert agency.waiting() == [OTHER]
    agency.deliver(ONE, b"corrected")
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"corrected")]


# --- checksums


def release(agency: Agency) -> None:
    release_set_aside_files(
        agency.world.database, FileSelection(everything=True), Request(done_by="Maria", dry_run=False)
    )


@pytest.mark.fault(8)
def test_an_asset_whose_checksum_is_never_ours_gets_one_more_version_and_then_waits_for_a_person(agency):
    agency.world.dam.settings.other_checksums = True
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"final")
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"final")]
    [error] = agency.sql("SELECT last_error FROM transfers WHERE state = 'set_aside' AND attempts = 2")
    assert error.startswith(f"The DAM's checksum of {CLEAN} is not ours. It was so at an earlier attempt, too: look at")
    unverified = agency.with_site(dam={"verify_checksum": False})
    release(agency)
    unverified.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"final")]
    assert agency.waiting() == []


@pytest.mark.fault(8)
def test_where_the_site_does_not_trust_the_checksums_they_decide_nothing(agency):
    agency = agency.with_site(dam={"verify_checksum": False})
    agency.world.dam.settings.other_checksums = True
    campaign_id = agency.campaign("AAA001")
    for content in (b"first", b"first", b"other"):
        agency.deliver(ONE, content)
        agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(2, b"other")]
    assert agency.sql("SELECT attempts FROM transfers") == [1, 1, 1]


# --- metadata


@pytest.mark.fault(52)
def test_what_an_import_loses_is_set_afterwards(agency):
    agency.world.dam.settings.fields_lost_by_imports = frozenset(
        agency.world.systems.site.representation_rules.field_ids
    )
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"final", CREATIVEX)
    agency.go_on()
    [asset] = agency.assets(campaign_id)
    [metadata] = agency.sql("SELECT full_metadata FROM master_assets")
    master = fields_by_id(metadata)
    for field_id in ("FERRERO.FIELD.BRAND", "FERRERO.FIELD.PRODUCT", "FERRERO.FIELD.YEAR", "FERRERO.FIELD.CHANNEL"):
        assert field_values(asset.metadata[field_id], field_id) == field_values(master[field_id], field_id)
    assert shown(agency, campaign_id, LINK, "MAIN_LANGUAGES") == [("https://www.bbc.com", "DE")]
    assert (asset.name, asset.locked_by) == (CLEAN, None)
    assert uploaded(agency)["unkept_fields"] == []
    assert agency.sql("SELECT attempts FROM transfers") == [1]


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        ({"method": "PATCH", "path": "/assets/", "drop_answer": True}, 1),
        ({"method": "PATCH", "path": "/assets/", "status": 503, "times": 6}, 2),
        ({"method": "PUT", "path": "/assets/.*/state", "drop_answer": True}, 1),
        ({"method": "PUT", "path": "/assets/.*/state", "drop_answer": True, "skip": 1}, 1),
        ({"method": "PUT", "path": "/assets/.*/state", "status": 503, "skip": 1, "times": 6}, 2),
    ],
)
def test_metadata_are_set_once_the_dam_takes_them_again_and_nothing_stays_locked(agency, fault, attempts):
    if fault["method"] == "PUT":
        agency = Agency(agency.world.with_locks())
    agency.world.dam.settings.fields_lost_by_imports = frozenset({LINK})
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"final", CREATIVEX)
    agency.world.dam.board.add(Fault(**fault))
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(1, b"final")]
    assert shown(agency, campaign_id, LINK) == [("https://www.bbc.com",)]
    assert [asset.locked_by for asset in agency.assets(campaign_id)] == [None]
    assert agency.sql("SELECT attempts FROM transfers") == [attempts]
    assert not agency.world.dam.board.armed


def test_a_check_in_that_ignores_the_representation_leaves_no_old_creativex(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"first", {"creativexUrl": "https://cx.example/1"})
    agency.go_on()
    agency.world.dam.settings.fields_lost_by_imports = frozenset(
        agency.world.systems.site.representation_rules.field_ids
    )
    agency.deliver(ONE, b"corrected", {"creativexUrl": "https://cx.example/2"})
    agency.go_on()
    assert shown(agency, campaign_id, LINK) == [("https://cx.example/2",)]


def test_a_final_delivered_again_with_another_creativex_brings_the_link_into_the_dam(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"same")
    agency.go_on()
    agency.deliver(ONE, b"same", {"creativexScore": 88, "creativexUrl": "https://cx.example/88"})
    agency.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(1, b"same")]
    assert shown(agency, campaign_id, LINK) == [("https://cx.example/88",)]


def test_an_asset_that_was_put_there_by_hand_gets_the_finals_metadata_when_it_is_adopted(agency):
    campaign_id = agency.campaign("AAA001")
    agency.world.dam.store.add_asset(agency.folder(campaign_id), CLEAN.lower(), b"final")
    agency.deliver(ONE, b"final", CREATIVEX)
    agency.go_on()
    fields = ("FERRERO.FIELD.STATE", "MAIN_LANGUAGES", LINK, "ARTESIA.FIELD.ASSET DESCRIPTION")
    assert shown(agency, campaign_id, *fields) == [("Local", "DE", "https://www.bbc.com", "SPRING")]
    assert [asset.name for asset in agency.assets(campaign_id)] == [CLEAN]


LOST = frozenset({LINK, "MAIN_LANGUAGES"})


def never_kept(agency: Agency) -> str:
    """A campaign with a final two of whose fields the DAM never keeps."""
    agency.world.dam.settings.fields_lost_by_imports = agency.world.dam.settings.fields_lost_by_patches = LOST
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"final", CREATIVEX)
    return campaign_id


@pytest.mark.fault(52)
def test_what_the_dam_never_keeps_is_told_by_name_and_stops_nothing(agency):
    campaign_id = never_kept(agency)
    [moved] = agency.settle_and_move(campaign_id).moved
    assert set(moved.unkept_fields) == LOST
    assert uploaded(agency)["unkept_fields"] == list(moved.unkept_fields)
    assert agency.world.dam.store.status(campaign_id) == "A3"


def test_the_site_may_refuse_what_the_dam_does_not_keep_and_no_version_is_made_of_it(agency):
    campaign_id = never_kept(agency)
    refusing = agency.with_site(dam_import={"metadata_mismatch": "refuse"})
    [failed] = refusing.settle_and_move(campaign_id).failed
    assert failed.reason.startswith(f"The DAM does not keep MAIN_LANGUAGES, {LINK} of {CLEAN} as sent; ")
    assert agency.waiting() == [ONE]
    agency.world.dam.settings.fields_lost_by_patches = frozenset()
    release(agency)
    refusing.go_on()
    assert contents(agency, agency.folder(campaign_id)) == [(1, b"final")]
    assert shown(agency, campaign_id, LINK) == [("https://www.bbc.com",)]


def test_a_field_that_the_dam_refuses_keeps_no_other_out(agency):
    agency.world.dam.settings.fields_lost_by_imports = LOST
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"final", CREATIVEX)
    refusal = '{"exception_body": {"message": "MAIN_LANGUAGES is no field of this model"}}'
    # Both together, then the language, then the link.
    fault = Fault(method="PATCH", path="/assets/", times=2, status=400, body=refusal, headers=JSON)
    agency.world.dam.board.add(fault)
    agency.go_on()
    assert shown(agency, campaign_id, LINK, "MAIN_LANGUAGES") == [("https://www.bbc.com", "")]
    assert uploaded(agency)["unkept_fields"] == ["MAIN_LANGUAGES"]


def test_an_asset_that_a_person_edits_gets_its_metadata_later(agency):
    campaign_id = agency.campaign("AAA001")
    store = agency.world.dam.store
    asset_id = store.add_asset(agency.folder(campaign_id), CLEAN, b"final")
    store.lock(asset_id)
    agency.deliver(ONE, b"final")
    assert "locked in the DAM" in agency.settle_and_move(campaign_id).failed[0].reason
    store.unlock(asset_id)
    agency.later()
    agency.go_on()
    assert shown(agency, campaign_id, "FERRERO.FIELD.STATE") == [("Local",)]


def test_metadata_that_arrived_cost_no_call(agency):
    agency.campaign("AAA001")
    agency.deliver(ONE, b"final", CREATIVEX)
    agency.go_on()
    assert seen(agency.world.dam, "PATCH", "/assets/", times=0)


@pytest.mark.fault(61)
def test_an_asset_whose_new_version_failed_in_its_job_is_not_left_checked_out(agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE, b"first")
    agency.settle_and_move(campaign_id)
    agency.world.dam.settings.failing_jobs = 1
    agency.deliver(ONE, b"second")
    agency.settle_and_move(campaign_id)
    [asset] = agency.assets(campaign_id)
    assert (asset.version, asset.locked_by, asset.checked_out) == (1, None, False)
