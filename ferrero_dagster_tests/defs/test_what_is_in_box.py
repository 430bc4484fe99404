"""Before a campaign's status moves, Box is asked whether its masters are there, whatever the tables say (SPEC 3.5)."""

import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_sandbox import seen
from ferrero_dagster_tests.fix_world import A1, ASSETS, sha1

NAMES = sorted(ASSETS)
JSON = {"Content-Type": "application/json"}
EMPTY = '{"entries": []}'


class Delivered:
    """A campaign whose masters went to Box, and what people then do there."""

    def __init__(self, cockpit, **properties):
        self.cockpit, self.world = cockpit, cockpit.world
        self.store = self.world.box.store
        self.campaign_id = self.world.campaign(**properties)
        cockpit.tick()
        assert self.status == "A2"

    @property
    def status(self):
        return self.world.dam.store.status(self.campaign_id)

    def ids(self):
        """Box files by the names of their masters, as the tables say."""
        return dict(self.world.sql("SELECT source_name, target_id FROM transfers"))

    @property
    def folder_id(self):
        [(folder_id,)] = self.world.sql("SELECT DISTINCT box_folder_id FROM campaign_rounds ORDER BY 1 LIMIT 1")
        return folder_id

    def again(self):
        """The manager sets the campaign back, to have its files again; the mail of the run that follows."""
        self.world.dam.store.set_status(self.campaign_id, "A1")
        self.cockpit.later()
        self.cockpit.tick()
        self.cockpit.preview("pending_notifications")
        return self.cockpit.mailbox.messages()[-1]

    def contents(self):
        """SHA-1 of what lies in Box, wherever."""
        return sorted(self.world.box.store.tree().values())


WHOLE = sorted(sha1(content) for content in ASSETS.values())


@pytest.fixture
def delivered(cockpit):
    return Delivered(cockpit)


@pytest.mark.parametrize("gone", [NAMES, NAMES[:1]], ids=["all files", "one file"])
def test_files_that_somebody_deleted_in_box_are_moved_again_under_their_own_tracking_ids(delivered, gone):
    before = delivered.ids()
    ids = dict(delivered.world.sql("SELECT source_name, tracking_id FROM transfers"))
    for name in gone:
        delivered.store.delete(before[name])
    mail = delivered.again()
    assert (delivered.status, delivered.contents()) == ("A2", WHOLE)
    assert dict(delivered.world.sql("SELECT source_name, tracking_id FROM transfers")) == ids
    assert {name for name, file_id in delivered.ids().items() if before[name] != file_id} == set(gone)
    rows = dict(delivered.world.sql("SELECT asset_name, box_file_id FROM master_assets WHERE status = 'active'"))
    assert rows == delivered.ids()
    assert all(f"{name} was not in Box any more. It was moved to Box again." in mail.text for name in gone)


def test_a_master_that_needs_no_final_any_more_still_needs_none_after_it_was_moved_again(delivered):
    delivered.world.sql("UPDATE master_assets SET status = 'withdrawn' WHERE asset_name = '" + NAMES[0] + "'")
    delivered.store.delete(delivered.ids()[NAMES[0]])
    delivered.again()
    states = dict(delivered.world.sql("SELECT asset_name, status FROM master_assets"))
    assert states == dict.fromkeys(NAMES, "active") | {NAMES[0]: "withdrawn"}
    assert delivered.contents() == WHOLE


def test_the_campaigns_folder_deleted_is_made_anew_with_all_files(delivered):
    delivered.store.delete_folder(delivered.folder_id, recursive=True)
    delivered.again()
    assert (delivered.status, delivered.contents()) == ("A2", WHOLE)


def test_a_folder_in_the_trash_whose_name_somebody_has_taken_is_no_place_of_ours(delivered):
    name = delivered.store.item(delivered.folder_id, "folder").name
    delivered.store.delete_folder(delivered.folder_id, recursive=True)
    taken = delivered.store.add_folder(parent_id=delivered.world.systems.box_folders["local_masters"], name=name)
    delivered.store.put_file(taken, "notes.txt", b"of the agency")
    delivered.again()
    assert delivered.contents() == sorted([*WHOLE, sha1(b"of the agency")])
    assert delivered.status == "A2"


def test_a_folder_deleted_between_the_last_upload_and_the_status_leaves_no_campaign_empty(cockpit):
    world = cockpit.world

    def delete():
        [(folder_id,)] = world.sql("SELECT box_folder_id FROM campaign_rounds")
        world.box.store.delete_folder(folder_id, recursive=True)

    world.box.board.add(Fault(path="/items$", before=delete))
    assert Delivered(cockpit).contents() == WHOLE


@pytest.mark.parametrize("where", ["renamed", "in a subfolder", "in another folder of ours"])
def test_what_the_agency_renamed_or_moved_within_our_folders_counts_and_is_told_by_its_present_name(delivered, where):
    file_id = delivered.ids()[NAMES[0]]
    roots = delivered.world.systems.box_folders
    parent = delivered.folder_id if where == "in a subfolder" else roots["agency_uploads"]
    folder_id = None if where == "renamed" else delivered.store.add_folder(parent_id=parent, name="Done")
    delivered.store.move(file_id, name="as the agency calls it.png", folder_id=folder_id)
    mail = delivered.again()
    assert (delivered.status, delivered.contents()) == ("A2", WHOLE)
    assert "as the agency calls it.png" in mail.text
    assert delivered.ids()[NAMES[0]] == file_id


def test_what_was_taken_out_of_our_folders_is_delivered_again_and_told(delivered):
    file_id = delivered.ids()[NAMES[0]]
    delivered.store.move(file_id, folder_id=delivered.store.add_folder(name="Private"))
    mail = delivered.again()
    assert delivered.contents() == sorted([*WHOLE, sha1(ASSETS[NAMES[0]])])
    assert f"{NAMES[0]} was taken out of our folders in Box" in mail.text
    assert delivered.status == "A2"


@pytest.mark.parametrize("way", ["new version", "another file of that name"])
def test_other_content_in_place_of_a_master_is_left_and_told(delivered, way):
    file_id = delivered.ids()[NAMES[0]]
    name = delivered.store.item(file_id, "file").name
    if way != "new version":
        delivered.store.delete(file_id)
    delivered.store.put_file(delivered.folder_id, name, b"retouched")
    mail = delivered.again()
    assert delivered.contents() == sorted([sha1(b"retouched"), *(sha1(ASSETS[other]) for other in NAMES[1:])])
    assert f"{NAMES[0]} holds other content in Box than was delivered ({name}). It was left as it is." in mail.text
    assert delivered.status == "A2"


def test_other_content_is_told_once_though_another_file_is_moved_again(delivered):
    gone, replaced = NAMES[:2]
    delivered.store.delete(delivered.ids()[gone])
    name = delivered.store.item(delivered.ids()[replaced], "file").name
    delivered.store.put_file(delivered.folder_id, name, b"retouched")
    mail = delivered.again()
    assert mail.text.count(f"{gone} was not in Box any more. It was moved to Box again.") == 1
    assert mail.text.count(f"{replaced} holds other content in Box than was delivered") == 1


@pytest.mark.parametrize("way", ["new version", "another file of that name"])
def test_other_content_stays_and_the_master_comes_beside_it_where_the_site_says_so(delivered, way):
    delivered.cockpit.set_site(box={"replaced_masters": "deliver_beside"})
    file_id = delivered.ids()[NAMES[0]]
    name = delivered.store.item(file_id, "file").name
    if way != "new version":
        delivered.store.delete(file_id)
    delivered.store.put_file(delivered.folder_id, name, b"retouched")
    mail = delivered.again()
    assert (delivered.status, delivered.contents()) == ("A2", sorted([*WHOLE, sha1(b"retouched")]))
    assert "_2_" in delivered.store.item(delivered.ids()[NAMES[0]], "file").name
    assert "It was moved to Box again." in mail.text
    delivered.again()
    assert delivered.contents() == sorted([*WHOLE, sha1(b"retouched")])


def test_a_file_that_a_cron_script_moved_and_somebody_deleted_is_moved_again(cockpit):
    world = cockpit.world
    campaign_id = world.campaign({"film.mp4": b"film"}, status="A0")
    [film] = world.dam.store.assets(world.dam.store.folder(campaign_id, A1.source_folder))
    world.sql(
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, status)"
        f" VALUES ('CRON01', '{film.id}', '77', '{campaign_id}', 'active')"
    )
    world.dam.store.set_status(campaign_id, "A1")
    cockpit.tick()
    assert [path.rpartition("/")[2] for path in world.box.store.tree()] == ["film_CRON01.mp4"]
    [(box_file_id, status)] = world.sql("SELECT box_file_id, status FROM master_assets")
    assert world.box.store.item(box_file_id, "file").sha1_hex == sha1(b"film")
    assert (status, world.dam.store.status(campaign_id)) == ("active", "A2")


def test_of_a_file_that_a_cron_script_moved_the_size_in_the_dam_is_what_it_is_compared_by(cockpit):
    world = cockpit.world
    campaign_id = world.campaign({"film.mp4": b"film"}, status="A0")
    [film] = world.dam.store.assets(world.dam.store.folder(campaign_id, A1.source_folder))
    file_id = world.box.store.put_file(world.systems.box_folders["local_masters"], "film_CRON01.mp4", b"cut short, or")
    world.sql(
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, status)"
        f" VALUES ('CRON01', '{film.id}', '{file_id}', '{campaign_id}', 'active')"
    )
    world.dam.store.set_status(campaign_id, "A1")
    cockpit.tick()
    cockpit.preview("pending_notifications")
    assert "film.mp4 holds other content in Box than was delivered" in cockpit.mailbox.messages()[-1].text


def test_what_box_takes_and_does_not_show_keeps_the_status(cockpit):
    world = cockpit.world
    world.box.board.add(Fault(path="/items$", times=None, status=200, body=EMPTY, headers=JSON))
    world.box.board.add(Fault(path="/files/[0-9]+$", method="GET", times=None, status=404))
    campaign_id = world.campaign({"film.mp4": b"film"})
    cockpit.tick()
    cockpit.preview("pending_notifications")
    assert world.dam.store.status(campaign_id) == "A1"
    assert "film.mp4: Box took it, and does not show it afterwards." in cockpit.mailbox.messages()[-1].text
    assert len(world.box.store.tree()) == 1


def test_a_file_that_box_does_not_tell_of_keeps_the_status_and_names_the_file(delivered):
    file_id = delivered.ids()[NAMES[0]]
    delivered.store.move(file_id, folder_id=delivered.world.systems.box_folders["agency_uploads"])
    delivered.world.box.board.add(Fault(path=f"/files/{file_id}$", times=None, status=403))
    mail = delivered.again()
    assert delivered.status == "A1"
    assert NAMES[0] in mail.text


def test_a_listing_that_is_none_moves_nothing_and_sets_no_status(delivered):
    board = delivered.world.box.board
    board.add(Fault(path="/items$", times=None, status=200, body="{}", headers=JSON))
    delivered.again()
    assert (delivered.status, delivered.contents()) == ("A1", WHOLE)
    assert seen(delivered.world.box, path="files/content", times=len(ASSETS)), "as many as before"


def test_a_lagging_listing_is_no_reason_to_move_a_file_twice(cockpit):
    cockpit.world.box.board.add(Fault(path="/items$", status=200, body=EMPTY, headers=JSON))
    assert Delivered(cockpit).contents() == WHOLE
    assert seen(cockpit.world.box, "POST", "files/content", times=len(ASSETS))
