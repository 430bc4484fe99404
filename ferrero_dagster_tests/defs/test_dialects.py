"""From a tick to the last proof in both dialects of the DAM: ids and texts, with and without lock calls."""

import pytest

from ferrero_dagster_tests.fix_dagster import Cockpit
from ferrero_dagster_tests.fix_sandbox import DIALECTS, seen
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, clean_name, final_name

ONE, CLEAN = final_name("AAA001"), clean_name("AAA001")


@pytest.fixture
def agency(cockpit: Cockpit) -> Agency:
    cockpit.world.dam.settings.job_polls = 0
    return Agency(cockpit.world)


def two_ticks(cockpit: Cockpit) -> None:
    """A file is moved at the second look that finds it unchanged."""
    cockpit.preview("agency_files")
    cockpit.tick("agency_files")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_masters_go_from_a_tick_to_box_and_the_status_follows_in_one_change_without_locks(cockpit):
    dam = cockpit.world.dam
    campaign_id = cockpit.world.campaign()
    cockpit.tick("a1_campaigns")
    assert [result.success for result in cockpit.results] == [True]
    assert (dam.store.status(campaign_id), len(cockpit.world.files())) == ("A2", 3)
    assert seen(dam, "PATCH", times=1)
    assert seen(dam, "PUT", times=0)
    assert cockpit.tick("a1_campaigns").run_requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_final_goes_from_a_tick_into_the_dam_and_becomes_the_next_version_when_it_comes_back(cockpit, agency):
    store, campaign_id = cockpit.world.dam.store, agency.campaign("AAA001")
    agency.deliver(ONE, b"first")
    two_ticks(cockpit)
    assert (store.status(campaign_id), agency.contents(campaign_id)) == ("A3", {CLEAN: b"first"})
    store.set_status(campaign_id, "A6")
    agency.deliver(ONE.replace("1234567", "7654321"), b"corrected")
    two_ticks(cockpit)
    assert [result.success for result in cockpit.results] == [True, True]
    [asset] = agency.assets(campaign_id)
    assert (asset.version, agency.contents(campaign_id)) == (2, {CLEAN: b"corrected"})
    assert [asset.locked_by for asset in agency.assets(campaign_id)] == [None]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_fields_that_an_import_loses_are_set_without_locks(cockpit, agency):
    dam, field_id = cockpit.world.dam, "FERRERO.FIELD.ASSETCOMPLIANCE"
    dam.settings.fields_lost_by_imports = frozenset({field_id})
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    two_ticks(cockpit)
    [asset] = agency.assets(campaign_id)
    assert (dam.store.value(asset.id, field_id), dam.store.status(campaign_id)) == ("-", "A3")
    assert seen(dam, "PUT", "/assets/.*/state$", times=0)
