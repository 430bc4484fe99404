"""A DAM whose listings show other versions than its metadata: what is proven goes on, what is not is named once."""

import hashlib
import json

import pytest

from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.transfer.masters.versions import HandedOver
from ferrero_dagster_tests.fix_sandbox import JSON, seen
from ferrero_dagster_tests.fix_world import A1

CONTENT = b"abc"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Listed:
    """A campaign with one file, of which the DAM holds version 1 and lists whatever it is told to."""

    def __init__(self, world):
        self.world, self.board = world, world.dam.board
        self.campaign_id = world.campaign({})
        self.asset_id = world.add_asset(self.campaign_id, "a.png", CONTENT)

    def show(self, times=None, md5=None, **properties):
        content = {"content_size": len(CONTENT), **({"content_checksum": md5} if md5 else {})}
        item = {"asset_id": self.asset_id, "name": "a.png", "master_content_info": content, **properties}
        path = f"/folders/{self.world.dam.store.folder(self.campaign_id, A1.source_folder)}/children"
        body = json.dumps({"folder_children": {"asset_list": [item]}})
        self.board.add(Fault(path=path, status=200, body=body, headers=JSON, times=times))

    def run(self):
        return self.world.run(self.campaign_id)

    def again(self):
        """The manager sets it back, to have the files again."""
        self.world.dam.store.set_status(self.campaign_id, "A1")
        return self.run()

    def states(self):
        return self.world.sql("SELECT source_version, state FROM transfers ORDER BY id")

    def mails(self):
        return self.world.sql("SELECT template, fact -> 'notes' FROM notifications WHERE channel = 'mail' ORDER BY id")


@pytest.fixture
def listed(world):
    return Listed(world)


@pytest.mark.parametrize("shown", [{"version": 0}, {"version": 77, "md5": MD5}], ids=["older", "of the same content"])
def test_a_campaign_goes_on_where_what_is_handed_over_is_newer_or_has_the_listed_checksum(listed, shown):
    listed.show(**shown)
    outcome = listed.run()
    assert (outcome.status, outcome.failed, [file.name for file in outcome.moved]) == ("A2", (), ["a.png"])
    note = f"a.png: the DAM lists version {shown['version']} of it, but hands over version 1; that one was taken."
    assert outcome.notes == (note,)
    assert listed.mails() == [("a1_to_a2_complete", [note])]
    assert listed.states() == [(str(shown["version"]), "withdrawn"), ("1", "moved")]
    assert len(listed.world.box.store.tree()) == 1


def test_what_was_moved_in_another_version_than_is_listed_is_not_moved_again(listed):
    listed.show(version=0)
    listed.run()
    outcome = listed.again()
    assert (outcome.status, outcome.moved, [file.name for file in outcome.before]) == ("A2", (), ["a.png"])
    assert seen(listed.world.dam, path="/contents", times=1)
    assert listed.states() == [("0", "withdrawn"), ("1", "moved")]


def test_what_was_moved_so_and_deleted_in_box_is_moved_again(listed):
    listed.show(version=0)
    listed.run()
    [(file_id,)] = listed.world.sql("SELECT target_id FROM transfers WHERE state = 'moved'")
    listed.world.box.store.delete(file_id)
    assert listed.again().status == "A2"
    assert len(listed.world.box.store.tree()) == 1


def test_a_listing_without_versions_is_no_contradiction(listed):
    listed.show()
    outcome = listed.run()
    assert (outcome.status, outcome.notes) == ("A2", ())


@pytest.mark.parametrize("md5", [None, "0" * 32], ids=["unknown", "another"])
def test_an_older_version_than_is_listed_whose_content_nothing_proves_is_a_failure_told_once(listed, md5):
    listed.show(version=77, md5=md5)
    reason = (
        "a.png: the DAM lists version 77 of it, but hands over version 1, and nothing proves that they are the same; "
        "upload the file there again, or have the DAM's index renewed."
    )
    for _ in range(2):
        outcome = listed.run()
        assert (outcome.status, [file.reason for file in outcome.failed]) == ("A1", [reason])
    assert [template for template, _ in listed.mails()] == ["a1_to_a2_partial"]
    assert seen(listed.world.dam, path="/contents", times=1)
    listed.board.clear()
    assert listed.run().status == "A2"


def test_a_version_that_is_another_at_each_look_ends_and_is_a_failure_told_once(listed):
    for version in range(40):
        listed.show(version=1000 + version, md5=MD5, times=1)
    for _ in range(2):
        outcome = listed.run()
        assert (outcome.status, len(outcome.failed)) == ("A1", 1)
    assert [template for template, _ in listed.mails()] == ["a1_to_a2_partial"]
    assert len(listed.world.box.store.tree()) == 1


def test_a_failure_of_the_version_that_is_handed_over_is_the_one_that_is_told(listed):
    listed.show(version=0)
    listed.board.add(Fault(path="/contents", times=None, status=403))
    [failed] = listed.run().failed
    assert "lists version" not in failed.reason
    assert listed.states() == [("0", "withdrawn"), ("1", "pending")]


def test_metadata_without_a_version_are_of_the_listed_one():
    asset = DamAsset(id=DamId("1"), original_id=DamId("1"), version="7", name="a.png", size_bytes=3, md5_hex=MD5)
    handed_over = HandedOver()
    nameless = DamAsset(id=DamId("1"), original_id=DamId("1"), version="", name="a.png", size_bytes=3)
    assert handed_over.met(asset, nameless).version == "7"
    assert (handed_over.in_place_of([asset]), handed_over.notes) == ([asset], ())
