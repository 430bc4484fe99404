"""A campaign's masters arrive in Box as its route says, once, and only then its status moves (SPEC 3, 7)."""

from threading import Event

import pytest

from ferrero_dagster.domain.errors import SystemUnavailable
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A1, A5, ASSETS, B1, sha1
from ferrero_dagster_tests.transfer.masters.campaign_world import facts

STORED = {"Hero_film_TRACKID.mp4": "Hero film.mp4", "Key_visual_TRACKID.tif": "Key visual.tif"}
STORED |= {"a_b__c__TRACKID.png": "a/b: c?.png"}
LOCAL = "Local masters/C000000078-Local_adaptation_test_2"


@pytest.mark.parametrize(
    ("route", "name", "folder"),
    [
        (A1, "Local adaptation test 2", LOCAL),
        (A5, "Local adaptation test 2", f"{LOCAL}/Rework"),
        (B1, "NUTELLA PLANT-BASED LAUNCH", "Global masters/MASTERS_NUTELLA_PLANT-BASED_LAUNCH"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_route_brings_every_byte_to_its_folder_and_advances_the_status(world, route, name, folder):
    campaign_id = world.campaign(route=route, name=name, number="C000000078")
    outcome = world.run(campaign_id, route)
    assert world.files() == sorted((f"{folder}/{stored}", sha1(ASSETS[asset])) for stored, asset in STORED.items())
    assert world.dam.store.status(campaign_id) == outcome.status == route.status_after
    assert world.dam.store.item(campaign_id).locked_by is None
    assert {file.name for file in outcome.moved} == {file.name for file in world.events} == set(ASSETS)
    assert world.templates() == [f"{route.name}_complete"]
    assert world.templates("webhook") == ([f"{route.name}_complete"] if route.webhook else [])


def test_the_rows_hold_what_the_scripts_and_the_way_back_need(world):
    campaign_id = world.campaign({"Hero film.mp4": b"film"})
    [master] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    world.run(campaign_id)
    [row] = world.sql(
        "SELECT opentext_id, status, campaign_id, upload_directory, description, full_metadata, extracted_fields,"
        " tracking_id, box_file_id FROM master_assets"
    )
    [asset] = world.systems.dam.load_assets([master.id])
    finals = world.dam.store.folder(campaign_id, "01 Final Assets")
    assert row[:4] == (master.id, "active", campaign_id, finals)
    assert row[4].endswith("master: Hero film")
    assert row[5] == asset.raw
    assert row[6]["FERRERO.FIELD.CHANNEL"] == ["YouTube", "Meta"]
    [file] = facts(world, "a1_to_a2_complete")[0]["files"]
    assert (file["tracking_id"], file["box_file_id"]) == (row[7], row[8])
    assert file["stored_name"] == f"Hero_film_{row[7]}.mp4"


def test_sixty_assets_cost_one_call_each_to_the_dam_and_to_box(world):
    campaign_id = world.campaign({f"{n:02}.png": bytes([n]) for n in range(60)})
    world.run(campaign_id)
    assert seen(world.box, "POST", "files/content", times=60)
    assert len(world.box.board.seen) == 60 + 1 + 1, "one folder, made and in the end listed"
    assert seen(world.dam, "GET", "/contents$", times=60)
    # Log-in, campaign, folders, two listings of two pages, six requests of metadata, the first of few; read, set, read.
    assert len(world.dam.board.seen) == 60 + 1 + 1 + 1 + 4 + 6 + 3


def test_metadata_are_read_while_the_box_folder_is_made(world):
    are_asked_for = Event()
    world.dam.board.add(Fault(method="GET", path="/v6/assets$", before=are_asked_for.set))
    waited: list[bool] = []
    world.box.board.add(Fault(method="POST", path="/folders$", before=lambda: waited.append(are_asked_for.wait(10))))
    assert len(world.run(world.campaign()).moved) == len(ASSETS)
    assert waited == [True]


@pytest.mark.fault(9)
def test_an_asset_without_checksum_is_proven_by_its_size_and_our_own_hash(world):
    campaign_id = world.campaign({})
    world.add_asset(campaign_id, "a.png", b"bytes", checksum=False)
    world.run(campaign_id)
    assert world.sql("SELECT source_hash, sha1_hex FROM transfers") == [("computed", sha1(b"bytes"))]


# --- rework ----------------------------------------------------------------------------------------------------------


@pytest.mark.fault(38)
def test_a_reworked_final_goes_back_under_the_tracking_id_of_its_master_and_an_unknown_one_under_a_new(world):
    campaign_id = world.campaign({"Hero film.mp4": b"film"}, number="C000000078", name="Local adaptation test 2")
    [master] = world.run(campaign_id).moved
    clean = "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"
    world.sql(
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, status)"
        f" VALUES ('{master.tracking_id}', '{clean}', 'active')"
    )
    final = world.add_asset(campaign_id, clean, b"final", route=A5)
    world.add_asset(campaign_id, "RAF_DE_de_TEST_KV_002_00S_1x1.png", b"unknown", route=A5)
    world.dam.store.set_status(campaign_id, "A5")
    moved = {file.name: file for file in world.run(campaign_id, A5).moved}
    assert moved[clean].stored_name == f"RAF_DE_de_TEST_OLV_001_6S_16x9_{master.tracking_id}.mp4"
    assert len({file.tracking_id for file in moved.values()}) == 2

    # Reviewed a second time, the new version goes beside the old one, which the agency may be working on.
    world.dam.store.new_version(final, b"final 2")
    world.dam.store.set_status(campaign_id, "A5")
    [again] = world.run(campaign_id, A5).moved
    assert again.stored_name == f"RAF_DE_de_TEST_OLV_001_6S_16x9_2_{master.tracking_id}.mp4"
    assert world.dam.store.status(campaign_id) == "A6"
    assert len(world.files()) == 4


@pytest.mark.parametrize(("stored", "extension"), [("film.mp4", "mp4"), ("film", "mp4"), ("film", ".mp4")])
def test_a_reworked_final_finds_its_master_however_a_cron_script_wrote_its_name(world, stored, extension):
    world.sql(
        "INSERT INTO master_assets (tracking_id, status) VALUES ('ABC123', 'active')",
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)"
        f" VALUES ('ABC123', '{stored}', '{extension}', 'active')",
    )
    campaign_id = world.campaign({"film.mp4": b"final", "other.mp4": b"of nobody"}, route=A5)
    outcome = world.run(campaign_id, A5)
    assert "ABC123" in {file.tracking_id for file in outcome.moved if file.name == "film.mp4"}
    assert outcome.notes == ("other.mp4: no master of it is known, it has a new tracking ID.",)
    assert facts(world, "a5_to_a6_complete")[0]["notes"] == list(outcome.notes)


# --- run again -------------------------------------------------------------------------------------------------------


def test_a_second_run_moves_nothing_and_says_so(world):
    campaign_id = world.campaign()
    world.run(campaign_id)
    before = world.end_state(campaign_id)
    world.box.board.seen.clear()
    outcome = world.run(campaign_id)
    assert outcome.nothing == (
        "C000000001 Spring is in A2 (Local Adaptation), this route moves Local Adaptation in A1: nothing to move."
    )
    assert (len(outcome.before), outcome.moved) == (3, ())
    assert world.end_state(campaign_id) == before
    assert seen(world.box, times=0)


@pytest.mark.fault(38)
def test_a_campaign_that_was_opened_again_moves_only_what_is_new_and_mails_again(world):
    campaign_id = world.campaign()
    first = world.run(campaign_id)
    hero = next(file for file in first.moved if file.name == "Hero film.mp4")
    world.dam.store.new_version(hero.dam_asset_id, b"new cut")
    world.add_asset(campaign_id, "Late.pdf", b"late")
    world.dam.store.set_status(campaign_id, "A1")
    second = world.run(campaign_id)
    assert {file.name for file in second.moved} == {"Hero film.mp4", "Late.pdf"}
    assert {file.name for file in second.before} == {"Key visual.tif", "a/b: c?.png"}
    assert hero.tracking_id not in {file.tracking_id for file in second.moved}
    assert [len(fact["files"]) for fact in facts(world, "a1_to_a2_complete")] == [3, 3, 4, 4]
    assert world.sql("SELECT round, outcome FROM campaign_rounds") == [(1, "advanced"), (2, "advanced")]


@pytest.mark.fault(38)
def test_a_campaign_that_was_opened_again_without_changes_is_advanced_and_mailed_again(world):
    campaign_id = world.campaign()
    world.run(campaign_id)
    world.dam.store.set_status(campaign_id, "A1")
    outcome = world.run(campaign_id)
    assert (len(outcome.before), outcome.moved, outcome.status) == (3, (), "A2")
    assert world.templates() == ["a1_to_a2_complete"] * 2


def test_what_a_cron_script_moved_is_not_moved_again(world):
    campaign_id = world.campaign()
    [film, *_] = world.dam.store.assets(world.dam.store.folder(campaign_id, "01 Master Assets"))
    folder_id = world.systems.box_folders["local_masters"]
    file_id = world.box.store.put_file(folder_id, "Hero_film_CRON01.mp4", ASSETS["Hero film.mp4"])
    world.sql(
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, status)"
        f" VALUES ('CRON01', '{film.id}', '{file_id}', '{campaign_id}', 'active')"
    )
    outcome = world.run(campaign_id)
    assert [(file.name, file.tracking_id) for file in outcome.before] == [("Hero film.mp4", "CRON01")]
    assert len(outcome.moved) == 2
    assert world.dam.store.status(campaign_id) == "A2"


@pytest.mark.fault(35)
def test_while_one_run_moves_a_campaign_another_says_so_and_ends(world):
    campaign_id = world.campaign()
    with world.database.lock(f"a1_to_a2:{campaign_id}"):
        outcome = world.run(campaign_id)
    assert outcome.nothing == "Another run is moving this campaign just now; this one moved nothing."
    assert seen(world.dam, times=0)


@pytest.mark.fault(30)
def test_a_campaign_that_is_renamed_between_two_runs_keeps_its_folder_and_no_file_is_there_twice(world):
    campaign_id = world.campaign(name="Old")
    world.box.board.add(Fault(path="files/content$", skip=1, times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.with_site(transfer={"threads": 1}).run(campaign_id)
    world.box.board.clear()
    world.dam.store.rename(campaign_id, "New")
    world.run(campaign_id)
    assert [path for path, _ in world.files()] == [f"Local masters/C000000001-Old/{name}" for name in sorted(STORED)]


@pytest.mark.fault(70)
@pytest.mark.parametrize("route", [A1, A5])
def test_a_folder_that_somebody_trashes_in_mid_run_is_the_campaigns_own_trouble_and_made_anew(world, route):
    campaign_id = world.campaign(route=route)

    def trash():
        [(folder_id,)] = world.sql("SELECT box_folder_id FROM campaign_rounds")
        world.box.store.delete_folder(folder_id, recursive=True)

    world.box.board.add(Fault(path="files/content$", skip=1, before=trash))
    one_by_one = world.with_site(transfer={"threads": 1})
    outcome = one_by_one.run(campaign_id, route)
    assert {file.reason.partition(": ")[2] for file in outcome.failed if "Uploading" in file.reason} == {
        "the campaign's folder is not in Box any more, perhaps in the trash; the next attempt makes it anew."
    }
    assert world.sql("SELECT count(*) FROM outages") == [(0,)]
    assert seen(world.dam, path="/contents", times=3), "nothing is downloaded in vain: one file of two went with it"
    outcome = one_by_one.run(campaign_id, route)
    assert (outcome.status, len(outcome.in_box)) == (route.status_after, len(ASSETS))
    assert len(world.files()) == len(ASSETS)
    in_box = {file.id for file in world.box.store.items(outcome.box_folder_id)}
    assert {id_ for (id_,) in world.sql("SELECT box_file_id FROM master_assets")} == in_box


@pytest.mark.fault(70)
def test_what_people_took_out_of_a_folder_before_they_deleted_it_is_not_there_twice(world):
    campaign_id = world.campaign()
    world.box.board.add(Fault(path="files/content$", skip=1, times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.with_site(transfer={"threads": 1}).run(campaign_id)
    world.box.board.clear()
    [(folder_id, file_id)] = world.sql(
        "SELECT r.box_folder_id, t.target_id FROM campaign_rounds r JOIN transfers t USING (campaign_id) "
        "WHERE t.state = 'moved'"
    )
    masters_id = world.systems.box_folders["local_masters"]
    world.box.store.move(file_id, folder_id=world.box.store.add_folder(parent_id=masters_id, name="Agency"))
    world.box.store.delete_folder(folder_id, recursive=True)
    world.run(campaign_id)
    assert len(world.files()) == len(ASSETS)


def test_a_folder_that_somebody_deleted_in_box_between_two_runs_is_made_anew(world):
    campaign_id = world.campaign({"film.mp4": b"film"}, name="Old")
    world.box.board.add(Fault(path="files/content$|users/me$", times=None, status=503))
    with pytest.raises(SystemUnavailable):
        world.run(campaign_id)
    world.box.board.clear()
    [(folder_id,)] = world.sql("SELECT box_folder_id FROM campaign_rounds")
    world.box.store.delete_folder(folder_id, recursive=True)
    world.dam.store.rename(campaign_id, "New")
    world.run(campaign_id)
    assert [path for path, _ in world.files()] == ["Local masters/C000000001-New/film_TRACKID.mp4"]
