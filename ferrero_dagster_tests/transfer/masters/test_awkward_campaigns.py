"""Names, folders and assets as people really make them: each arrives, or is told, and none leaves our directories."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster_tests.fix_world import sha1

NAMES = [
    "a" * 300 + ".psd",
    "x/y\\z.png",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\boot.ini",
    "😀 été.png",
    "\u202egpj.exe",
    unicodedata.normalize("NFC", "Café.jpg"),
    unicodedata.normalize("NFD", "Café.jpg"),
    "CON",
    "NUL.txt",
    " . ",
    "..",
    "trailing dot.",
    "trailing space ",
    "tab\there.png",
    "bell\x07.png",
    "Hero.PNG",
    "hero.png",
    ".hidden",
    "no ending",
]


def around(tmp_path):
    """What a name that climbs out of the temporary directory would reach."""
    return {*tmp_path.parent.iterdir(), *tmp_path.rglob("*")} - {tmp_path / "transit"}


@pytest.mark.fault(47, 48, 49)
def test_every_name_arrives_under_a_legal_one_with_its_bytes_and_the_original_is_remembered(world, tmp_path):
    assets = {name: f"{number} {name}".encode() for number, name in enumerate(NAMES)}
    campaign_id = world.campaign(assets)
    before = around(tmp_path)
    outcome = world.run(campaign_id)
    assert (len(outcome.moved), outcome.status) == (len(NAMES), "A2")
    assert around(tmp_path) == before
    by_tracking_id = dict(world.sql("SELECT tracking_id, asset_name FROM master_assets"))
    tree = world.box.store.tree()
    assert len({path.casefold() for path in tree}) == len(NAMES)
    for path, sha1_hex in tree.items():
        [name] = {name for tracking_id, name in by_tracking_id.items() if tracking_id in path}
        assert sha1_hex == sha1(assets[name])
        assert len(path.rpartition("/")[2]) <= 255


@pytest.mark.fault(47)
def test_the_same_name_twice_is_two_files(world):
    campaign_id = world.campaign({"Packshot.jpg": b"one"})
    world.add_asset(campaign_id, "Packshot.jpg", b"two")
    world.add_asset(campaign_id, "Packshot.jpg", b"two")
    world.run(campaign_id)
    assert [content for _, content in world.files()] == sorted([sha1(b"one"), sha1(b"two"), sha1(b"two")])


@pytest.mark.fault(48)
@pytest.mark.parametrize("name", ["n" * 300 + "/x 😀...", "..", "../../x", "  spaces  ", "Ünïcode/Ñ", "\x00\x01"])
def test_a_campaign_of_any_name_gets_a_folder_in_box(world, name):
    campaign_id = world.campaign({"a.png": b"a"}, name=name)
    world.run(campaign_id)
    [path] = world.box.store.tree()
    root, folder, _ = path.split("/")
    assert root == "Local masters"
    assert folder.startswith("C000000001-")
    assert len(folder) <= 255
    assert world.dam.store.status(campaign_id) == "A2"


@pytest.mark.fault(48)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4))
def test_any_names_at_all_arrive(world, names):
    campaign_id = world.campaign({})
    for name in names:
        world.add_asset(campaign_id, name, name.encode(errors="replace"))
    outcome = world.run(campaign_id)
    assert (len(outcome.moved), outcome.status) == (len(names), "A2")


def test_what_has_no_content_is_no_asset_and_what_is_deleted_or_expired_is_not_there(world):
    campaign_id = world.campaign({})
    world.add_asset(campaign_id, "note only", b"", with_content=False)
    world.add_asset(campaign_id, "deleted.png", b"d", deleted=True)
    world.add_asset(campaign_id, "expired.png", b"e", expired=True)
    assert world.run(campaign_id).nothing == "No assets in 01 Master Assets of C000000001 Spring yet."
    world.add_asset(campaign_id, "real.png", b"r")
    assert [file.name for file in world.run(campaign_id).moved] == ["real.png"]


def test_assets_in_folders_inside_are_moved_too_unless_the_site_says_no(world):
    for nested, expected in ((True, 3), (False, 1)):
        changed = world.with_site()
        changed.systems.dam._site = world.systems.site.dam.model_copy(update={"include_subfolders": nested})
        campaign_id = world.campaign({"a.png": b"a"})
        inside = world.dam.store.add_folder(world.dam.store.folder(campaign_id, "01 Master Assets"), "Stills")
        world.dam.store.add_asset(inside, "b.png", b"b")
        world.dam.store.add_asset(world.dam.store.add_folder(inside, "Deeper"), "c.png", b"c")
        assert len(changed.run(campaign_id).moved) == expected


@pytest.mark.parametrize("name", ["Master Assets", " 01 master ASSETS  ", "MASTER assets"])
def test_the_source_folder_may_be_named_a_little_differently(world, name):
    campaign_id = world.campaign({}, folders=(name, "Final Assets"))
    world.dam.store.add_asset(world.dam.store.folder(campaign_id, name), "a.png", b"a")
    world.run(campaign_id)
    finals = world.dam.store.folder(campaign_id, "Final Assets")
    assert world.sql("SELECT upload_directory FROM master_assets") == [(finals,)]


def test_without_a_folder_for_finals_they_go_to_the_campaign_itself(world):
    campaign_id = world.campaign({"a.png": b"a"}, folders=("01 Master Assets",))
    world.run(campaign_id)
    assert world.sql("SELECT upload_directory FROM master_assets") == [(campaign_id,)]


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ((), "Assets folder not found (tried Master Assets)"),
        (
            ("02 Master Assets", "Masters"),
            "Assets folder not found (tried Master Assets); folders there: “02 Master Assets”, “Masters”",
        ),
        (
            tuple("ABCDEFG"),
            "Assets folder not found (tried Master Assets); folders there: “A”, “B”, “C”, “D”, “E” and 2 more",
        ),
        (("01 Master Assets", "Master assets"), "2 folders are named 01 Master Assets; keep one."),
    ],
)
def test_without_one_source_folder_the_campaign_itself_is_wrong(world, folders, sentence):
    campaign_id = world.campaign({}, folders=folders)
    with pytest.raises(CampaignError) as raised:
        world.run(campaign_id)
    assert str(raised.value) == sentence
    assert world.sql("SELECT a1_retry_count, a1_failure_reason FROM campaign_status") == [(1, sentence)]
    assert world.files() == []
