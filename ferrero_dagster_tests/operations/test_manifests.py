"""Manifests of a campaign: the proven hashes of what was moved, in a form that other tools read."""

import csv
import hashlib
import xml.etree.ElementTree as ET

import pytest

from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.operations.manifests import manifests
from ferrero_dagster_tests.fix_world import ASSETS
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

MHL = "{urn:ASC:MHL:v2.0}"


@pytest.fixture
def moved(world):
    """The id of a campaign with masters in Box, a final in the DAM, and a master that a cron script moved."""
    agency = Agency(world)
    campaign_id = world.campaign(number="C000000078")
    world.run(campaign_id)
    [(tracking_id,), *_] = world.sql("SELECT tracking_id FROM transfers ORDER BY source_name")
    agency.deliver(final_name(tracking_id), b"final")
    agency.go_on()
    world.sql(
        "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,"
        " target_id, adopted, moved_at)"
        f" VALUES ('a1_to_a2', '{campaign_id}', 'cron', '1', '=cron.mp4', 'CRON01', 'moved', '77', TRUE, now())"
    )
    return campaign_id


def written(world, tmp_path, name="C000000078"):
    zone = world.systems.site.zone
    return {
        one.route: one.write(tmp_path / "new" / "folder", zone)
        for one in manifests(world.database, world.systems.site, name)
    }


def test_a_pair_of_lists_for_each_route_holds_names_sizes_and_hashes(world, moved, tmp_path):
    lists = written(world, tmp_path)
    assert sorted(lists) == ["a1_to_a2", "a2_to_a3"]
    entries = ET.parse(lists["a1_to_a2"][0]).getroot().findall(f"{MHL}hashes/{MHL}hash")
    sizes = [path.get("size") for entry in entries for path in entry.iter(f"{MHL}path")]
    hashes = [(entry.findtext(f"{MHL}sha1"), entry.findtext(f"{MHL}md5")) for entry in entries]
    told = {(size, *pair) for size, pair in zip(sizes, hashes, strict=True)}
    assert told == {
        (str(len(content)), hashlib.sha1(content).hexdigest(), hashlib.md5(content).hexdigest())
        for content in ASSETS.values()
    }
    in_box = {path.rpartition("/")[2] for path in world.box.store.tree() if "C000000078" in path}
    assert {entry.findtext(f"{MHL}path") for entry in entries} == in_box


def test_what_has_no_hash_is_in_the_table_only_and_no_cell_is_a_formula(world, moved, tmp_path):
    mhl, table = written(world, tmp_path)["a1_to_a2"]
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(ASSETS) + 1
    [cron] = [row for row in rows if not row["sha1_hex"]]
    assert cron["path"] == "'=cron.mp4"
    assert b"cron" not in mhl.read_bytes()


def test_a_campaign_of_which_nothing_was_moved_or_nothing_is_known_is_one_sentence(world, moved):
    world.look()
    world.campaign({}, name="Autumn")
    world.look()
    with pytest.raises(OperationRefused, match=r"Nothing of .* has been moved yet"):
        manifests(world.database, world.systems.site, "Autumn")
    with pytest.raises(OperationRefused, match="No campaign is known"):
        manifests(world.database, world.systems.site, "../../etc/passwd")
