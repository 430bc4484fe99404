"""The sample campaigns are those of the specification, and seeding them twice changes nothing."""

from contextlib import closing

import pytest

from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.campaigns import add_campaign_for_fun, seed
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER, CAMPAIGN_TYPE
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS
from ferrero_dagster.sandbox.site import sandbox_site

SITE = sandbox_site()


@pytest.fixture(scope="module")
def media_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def otmm(tmp_path):
    with closing(OtmmStore(tmp_path / "otmm")) as store:
        yield store


@pytest.fixture
def box(tmp_path):
    with closing(BoxStore(tmp_path / "box")) as store:
        yield store


def facts(otmm, campaign_id):
    values = [otmm.value(campaign_id, field) for field in (CAMPAIGN_NUMBER, CAMPAIGN_TYPE)]
    return (*values, otmm.item(campaign_id).name, otmm.status(campaign_id))


def masters(otmm, campaign_id, folder):
    return otmm.assets(otmm.folder(campaign_id, folder))


def test_the_campaigns_are_those_of_the_specification(otmm, box, media_dir):
    sample = seed(otmm, box, media_dir, SITE)
    assert facts(otmm, sample.moved["a1_to_a2"]) == ("C000000078", "Local Adaptation", "Local adaptation test 2", "A1")
    assert facts(otmm, sample.moved["a5_to_a6"]) == ("C000000091", "Local Adaptation", "Kinder spring review", "A5")
    assert facts(otmm, sample.moved["b1_to_b2"]) == ("C000000102", "Global comm", "NUTELLA PLANT-BASED LAUNCH", "B1")
    assert masters(otmm, sample.waiting, "01 Master Assets") == []
    assert len(masters(otmm, sample.moved["b1_to_b2"], "05 Final Assets")) == 4
    assert masters(otmm, sample.moved["a5_to_a6"], "01 Final Assets")[0].name == "RAF_DE_de_SPRING_OLV_001_6S_16x9.mp4"


def test_the_local_masters_are_large_small_and_awkward(otmm, box, media_dir):
    assets = masters(otmm, seed(otmm, box, media_dir, SITE).moved["a1_to_a2"], "01 Master Assets")
    assert max(asset.size_bytes for asset in assets) > SITE.box.chunked_from_bytes
    names = [asset.name for asset in assets]
    assert (len(names), len(set(names)), max(map(len, names)) > 180) == (9, 8, True)
    assert len({asset.md5_hex for asset in assets}) == len(assets)


def test_no_decoy_is_a_live_campaign_that_a_route_wants(otmm, box, media_dir):
    sample = seed(otmm, box, media_dir, SITE)
    wanted = {(route.campaign_type, route.status_before) for route in SITE.routes.masters}
    live = [decoy for decoy in sample.decoys if not otmm.item(decoy).deleted]
    assert len(live) == len(sample.decoys) - 1
    assert not {(facts(otmm, decoy)[1], otmm.status(decoy)) for decoy in live} & wanted


def test_seeding_again_adds_nothing_and_keeps_what_people_changed(otmm, box, media_dir):
    sample = seed(otmm, box, media_dir, SITE)
    otmm.set_status(sample.moved["a1_to_a2"], "A2")
    before = otmm.records.items()
    assert seed(otmm, box, media_dir, SITE) == sample
    assert otmm.records.items() == before


def test_the_box_folders_are_those_of_the_site_configuration(otmm, box, media_dir):
    seed(otmm, box, media_dir, SITE)
    assert {item.id: item.name for item in box.items("0")} == {
        "348304357505": "Local masters",
        "349261192115": "Global masters",
        "348526703108": "Agency uploads",
    }


def test_campaigns_for_fun_are_new_each_time(otmm, media_dir):
    ids = [add_campaign_for_fun(otmm, media_dir, SITE.routes.masters[0], asset_count=n) for n in (1, 4)]
    assert [len(masters(otmm, campaign_id, "01 Master Assets")) for campaign_id in ids] == [1, 4]
    assert len({facts(otmm, campaign_id) for campaign_id in ids}) == 2
    assert len(otmm.children(PUBLIC_FOLDERS)) == 2
