"""Masters are brought to Box again, as people choose them: shown first, each on its own, recorded with their name."""

import pytest

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.changes import Request
from ferrero_dagster.operations.redeliveries import Redelivering, Wanted
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import A1, AGENCY_FOLDER, ASSETS, sha1

LOOK = Request(done_by="Maria Rossi")
DO_IT = Request(done_by=" Maria Rossi ", dry_run=False, run_id="run 7")
NAMES = sorted(ASSETS)
WHOLE = sorted(sha1(content) for content in ASSETS.values())


class Delivered:
    """A campaign whose masters are in Box, its status after that, and what people then do."""

    def __init__(self, world):
        self.world, self.store = world, world.box.store
        self.campaign_id = world.campaign()
        world.run(self.campaign_id)
        assert self.status == A1.status_after

    @property
    def status(self):
        return self.world.dam.store.status(self.campaign_id)

    def ids(self):
        """Box files by the names of their masters, as the tables say."""
        return dict(self.world.sql("SELECT source_name, target_id FROM transfers"))

    def tracking_id(self, name):
        return dict(self.world.sql("SELECT source_name, tracking_id FROM transfers"))[name]

    @property
    def folder_id(self):
        [(folder_id,)] = self.world.sql("SELECT DISTINCT box_folder_id FROM campaign_rounds")
        return folder_id

    def contents(self, folder_id="0"):
        """SHA-1 of what lies in Box, wherever, or in a folder."""
        return sorted(self.store.tree(folder_id).values())

    def redeliver(self, request=DO_IT, **wanted):
        wanted = wanted or {"campaigns": [self.campaign_id]}
        log = self.world.said.append
        return Redelivering(systems=self.world.systems, request=request, log=log).redeliver(Wanted(**wanted))


@pytest.fixture
def delivered(world):
    return Delivered(world)


def results(outcome):
    return {file.name: file.result for file in outcome.files}


def found(outcome):
    return {file.name: file.found for file in outcome.files}


def tables(world):
    return world.sql("SELECT row_to_json(t)::text FROM transfers t ORDER BY id"), world.sql(
        "SELECT row_to_json(t)::text FROM master_assets t ORDER BY tracking_id"
    )


def test_what_is_there_as_it_was_delivered_stays(delivered):
    before = tables(delivered.world)
    outcome = delivered.redeliver()
    assert set(results(outcome).values()) == {"Nothing to do."}
    assert set(found(outcome).values()) == {"It is there as it was delivered."}
    assert (str(outcome), outcome.refused) == ("3 files looked at, and delivered where it was not there.", ())
    assert (tables(delivered.world), delivered.contents()) == (before, WHOLE)
    assert delivered.world.sql("SELECT count(*) FROM operations") == [(0,)]


def test_a_dry_run_shows_what_is_there_and_what_would_be_done_and_changes_nothing(delivered):
    ids = delivered.ids()
    delivered.store.delete(ids[NAMES[0]])
    delivered.store.put_file(delivered.folder_id, delivered.store.item(ids[NAMES[1]], "file").name, b"retouched")
    before = tables(delivered.world)
    outcome = delivered.redeliver(LOOK)
    assert results(outcome) == {
        NAMES[0]: "To be delivered again.",
        NAMES[1]: "To be delivered beside it, under a numbered name.",
        NAMES[2]: "Nothing to do.",
    }
    assert found(outcome)[NAMES[0]] == f"{NAMES[0]} was not in Box any more."
    assert found(outcome)[NAMES[1]].startswith("It holds other content than was delivered (")
    assert str(outcome) == "3 files looked at; this was a dry run."
    assert tables(delivered.world) == before


@pytest.mark.parametrize("how", ["tracking_ids", "file_names", "name in Box", "campaigns"])
def test_a_deleted_master_comes_again_however_it_is_chosen_and_no_status_is_set_and_no_mail_sent(delivered, how):
    world, [name, *_] = delivered.world, NAMES
    old, tracking_id = delivered.ids()[name], delivered.tracking_id(name)
    wanted = {
        "tracking_ids": {"tracking_ids": [f" {tracking_id} "]},
        "file_names": {"file_names": [name]},
        "name in Box": {"file_names": [delivered.store.item(old, "file").name]},
        "campaigns": {"campaigns": ["C000000001"]},
    }[how]
    delivered.store.delete(old)
    mails, patches = world.templates(), len(world.dam.board.requests("PATCH"))
    outcome = delivered.redeliver(**wanted)
    assert results(outcome)[name].startswith("Delivered as ")
    assert (delivered.contents(), delivered.status, world.templates()) == (WHOLE, A1.status_after, mails)
    assert len(world.dam.board.requests("PATCH")) == patches
    new = delivered.ids()[name]
    assert new != old
    assert world.sql(f"SELECT box_file_id, status FROM master_assets WHERE tracking_id = '{tracking_id}'") == [
        (new, "active")
    ]
    recorded = "operation, done_by, run_id, before->>'Box file', target"
    assert world.sql(f"SELECT {recorded} FROM operations") == [
        ("redeliver_files", "Maria Rossi", "run 7", old, f"{A1.name}: {name} ({tracking_id})")
    ]
    assert set(results(delivered.redeliver()).values()) == {"Nothing to do."}


@pytest.mark.parametrize("way", ["new version", "another file of that name"])
def test_a_damaged_master_is_left_and_comes_beside_it_under_a_numbered_name(delivered, way):
    file_id = delivered.ids()[NAMES[0]]
    name = delivered.store.item(file_id, "file").name
    if way != "new version":
        delivered.store.delete(file_id)
    delivered.store.put_file(delivered.folder_id, name, b"retouched")
    outcome = delivered.redeliver()
    assert "_2_" in results(outcome)[NAMES[0]]
    assert delivered.contents() == sorted([*WHOLE, sha1(b"retouched")])
    assert set(results(delivered.redeliver()).values()) == {"Nothing to do."}


def test_the_campaigns_folder_deleted_is_made_anew_once_and_remembered(delivered):
    delivered.store.delete_folder(delivered.folder_id, recursive=True)
    delivered.redeliver(tracking_ids=[delivered.tracking_id(NAMES[0])])
    delivered.redeliver()
    assert (delivered.contents(), delivered.contents(delivered.folder_id)) == (WHOLE, WHOLE)
    assert set(results(delivered.redeliver()).values()) == {"Nothing to do."}


def test_a_master_is_delivered_to_another_folder_whatever_is_elsewhere(delivered):
    other = delivered.store.add_folder(name="For the other agency")
    outcome = delivered.redeliver(file_names=[NAMES[0]], to_folder=f" {other} ")
    assert found(outcome) == {NAMES[0]: f"{NAMES[0]} was not in that folder."}
    assert delivered.contents(other) == [sha1(ASSETS[NAMES[0]])]
    assert delivered.contents(delivered.folder_id) == WHOLE
    assert delivered.store.item(delivered.ids()[NAMES[0]], "file").parent_id == other
    again = delivered.redeliver(file_names=[NAMES[0]], to_folder=other)
    assert results(again) == {NAMES[0]: "Nothing to do."}


def test_in_another_folder_other_content_of_that_name_is_left(delivered):
    other = delivered.store.add_folder(name="For the other agency")
    name = delivered.store.item(delivered.ids()[NAMES[0]], "file").name
    delivered.store.put_file(other, name, b"theirs")
    delivered.redeliver(file_names=[NAMES[0]], to_folder=other)
    assert delivered.contents(other) == sorted([sha1(ASSETS[NAMES[0]]), sha1(b"theirs")])


def test_a_master_that_the_dam_lost_is_told_and_stays_and_the_others_come(delivered):
    world = delivered.world
    for file_id in delivered.ids().values():
        delivered.store.delete(file_id)
    [asset] = [
        a
        for a in world.dam.store.assets(world.dam.store.folder(delivered.campaign_id, A1.source_folder))
        if a.name == NAMES[0]
    ]
    world.dam.store.delete(asset.id)
    outcome = delivered.redeliver()
    assert [file.result for file in outcome.refused] == ["The DAM does not hold it any more; it stays as it is."]
    assert str(outcome).endswith("Not to be had: 1, see why.")
    assert delivered.contents() == sorted(sha1(ASSETS[name]) for name in NAMES[1:])
    assert world.sql(f"SELECT state FROM transfers WHERE source_name = '{NAMES[0]}'") == [("moved",)]


def test_of_an_asset_with_a_newer_version_a_campaigns_redelivery_brings_the_newest(world):
    campaign_id = world.campaign({"film.mp4": b"first"})
    world.run(campaign_id)
    store = world.dam.store
    [film] = store.assets(store.folder(campaign_id, A1.source_folder))
    store.new_version(film.id, b"second")
    store.set_status(campaign_id, A1.status_before)
    world.run(campaign_id)
    for (file_id,) in world.sql("SELECT target_id FROM transfers"):
        world.box.store.delete(file_id)
    redelivering = Redelivering(systems=world.systems, request=DO_IT, log=world.said.append)
    outcome = redelivering.redeliver(Wanted(campaigns=[campaign_id]))
    assert len(outcome.files) == 1
    assert list(world.box.store.tree().values()) == [sha1(b"second")]


def test_a_withdrawn_master_is_left_withdrawn(delivered):
    tracking_id = delivered.tracking_id(NAMES[0])
    delivered.world.sql(f"UPDATE master_assets SET status = 'withdrawn' WHERE tracking_id = '{tracking_id}'")
    delivered.store.delete(delivered.ids()[NAMES[0]])
    [file] = delivered.redeliver(tracking_ids=[tracking_id]).refused
    assert file.result.startswith("The master was withdrawn")
    assert delivered.world.sql(f"SELECT status FROM master_assets WHERE tracking_id = '{tracking_id}'") == [
        ("withdrawn",)
    ]


@pytest.mark.parametrize("request_", [LOOK, DO_IT], ids=["shown", "done"])
def test_a_master_that_a_cron_script_delivered_comes_again(world, request_):
    campaign_id = world.campaign({"film.mp4": b"film"}, status=A1.status_after)
    [film] = world.dam.store.assets(world.dam.store.folder(campaign_id, A1.source_folder))
    world.sql(
        "INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, campaign_id, status)"
        f" VALUES ('CRON01', '{film.id}', '77', '{campaign_id}', 'active')"
    )
    redelivering = Redelivering(systems=world.systems, request=request_, log=world.said.append)
    outcome = redelivering.redeliver(Wanted(tracking_ids=["CRON01"]))
    if request_.dry_run:
        assert [file.result for file in outcome.files] == ["To be delivered again."]
        assert (world.box.store.tree(), world.sql("SELECT count(*) FROM transfers")) == ({}, [(0,)])
        return
    assert [path.rpartition("/")[2] for path in world.box.store.tree()] == ["film_CRON01.mp4"]
    [(box_file_id,)] = world.sql("SELECT box_file_id FROM master_assets")
    assert world.box.store.item(box_file_id, "file").sha1_hex == sha1(b"film")
    assert results(redelivering.redeliver(Wanted(tracking_ids=["CRON01"]))) == {"film.mp4": "Nothing to do."}


def test_a_file_that_fails_is_told_and_a_second_redelivery_finishes_it(delivered):
    for file_id in delivered.ids().values():
        delivered.store.delete(file_id)
    delivered.world.box.board.add(Fault(path="files/content$", times=1, status=400, body='{"code": "bad_digest"}'))
    outcome = delivered.redeliver()
    assert len(outcome.refused) == 1
    again = delivered.redeliver(LOOK)
    assert "An earlier attempt to deliver it again has not ended." in found(again).values()
    delivered.redeliver()
    assert delivered.contents() == WHOLE


def test_a_campaign_that_a_run_moves_just_now_is_left_alone(delivered):
    delivered.store.delete(delivered.ids()[NAMES[0]])
    with delivered.world.database.lock(f"{A1.name}:{delivered.campaign_id}"):
        outcome = delivered.redeliver()
    assert {file.result for file in outcome.refused} == {
        "A run moves files of this campaign just now; try again when that has ended."
    }


def test_with_box_out_nothing_is_lost_and_each_file_says_so(delivered):
    delivered.store.delete(delivered.ids()[NAMES[0]])
    delivered.world.box.board.add(Fault(times=None, status=503))
    assert len(delivered.redeliver().refused) == 3
    delivered.world.box.board.clear()
    delivered.redeliver()
    assert delivered.contents() == WHOLE


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"tracking_ids": [" "]}, "Choose files by tracking ID, file name or campaign."),
        ({"tracking_ids": ["NOBODY"]}, "No master with tracking ID NOBODY was delivered."),
        ({"file_names": ["none.mp4"]}, "No master with the name 'none.mp4' was delivered."),
        ({"campaigns": ["C9"]}, "No campaign is known by the id, number or name 'C9'."),
        ({"campaigns": ["C000000001"], "to_folder": "4711"}, "Box shows us no folder '4711'."),
        ({"campaigns": ["C000000001"], "to_folder": "../../2"}, "Box shows us no folder '../../2'."),
        ({"campaigns": ["C000000001"], "to_folder": AGENCY_FOLDER}, "finals of the agency come in"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(delivered, wanted, words):
    with pytest.raises(OperationRefused) as refused:
        delivered.redeliver(**wanted)
    assert words in str(refused.value)
    assert str(refused.value).endswith("Nothing was changed.")


def test_nobody_named_is_refused(delivered):
    with pytest.raises(OperationRefused, match="done_by is empty"):
        delivered.redeliver(Request(done_by=" ", dry_run=False))
