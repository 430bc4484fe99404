"""Dagster tells of each campaign whether all its files are there with equal hashes, as its last run left them."""

import dagster as dg

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_dagster import PARTITION
from ferrero_dagster_tests.fix_world import A1
from ferrero_dagster_tests.transfer.finals.agency_world import Agency

MASTERS, FINALS = (
    dg.AssetCheckKey(dg.AssetKey(path), "all_files_there") for path in (A1.asset, ("dam", "final_assets"))
)


def told(cockpit, check=MASTERS):
    """What the check said last: partition, whether it passed, how bad it is, its figures."""
    [record] = cockpit.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    evaluation = record.event.dagster_event.event_specific_data
    figures = [evaluation.metadata[name].value for name in ("files", "not there", "hash not compared by us")]
    return evaluation.partition, evaluation.passed, evaluation.severity.value, figures


def evaluated(cockpit, campaign_id):
    """The check started by hand for one campaign."""
    job = cockpit.repository.get_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={MASTERS}
    )
    result = job.execute_in_process(instance=cockpit.instance, tags={PARTITION: cockpit.key(campaign_id)})
    [evaluation] = result.get_asset_check_evaluations()
    return evaluation


def test_a_run_that_moved_everything_says_so_of_its_campaign(cockpit):
    cockpit.world.campaign()
    cockpit.tick()
    assert told(cockpit) == ("C000000001 Spring", True, "WARN", [3, 0, 0])


def test_a_run_that_left_a_file_behind_says_which_and_why_and_the_next_run_takes_it_back(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.dam.board.add(Fault(path="/contents$", status=400))
    cockpit.tick()
    assert told(cockpit) == ("C000000001 Spring", False, "ERROR", [3, 1, 0])
    evaluation = evaluated(cockpit, campaign_id)
    assert (evaluation.passed, evaluation.partition) == (False, cockpit.key(campaign_id))
    assert "not there yet" in evaluation.metadata["look at"].value
    cockpit.world.dam.board.clear()
    cockpit.later(60)
    cockpit.tick()
    assert told(cockpit) == ("C000000001 Spring", True, "WARN", [3, 0, 0])
    assert evaluated(cockpit, campaign_id).passed


def test_what_the_cron_scripts_moved_is_there_but_nobody_compared_its_hash(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.tick()
    cockpit.world.sql("UPDATE transfers SET sha1_hex = NULL WHERE source_name = 'Hero film.mp4'")
    evaluation = evaluated(cockpit, campaign_id)
    assert (evaluation.passed, evaluation.severity.value) == (False, "WARN")
    assert "there, moved by the cron scripts" in evaluation.metadata["look at"].value


def test_the_way_back_has_the_same_check(cockpit):
    agency = Agency(cockpit.world)
    campaign_id = agency.campaign("AAA001")
    agency.deliver("1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_AAA001.mp4")
    for _ in range(2):
        cockpit.tick("agency_files")
    assert told(cockpit, FINALS) == (cockpit.key(campaign_id), True, "WARN", [1, 0, 0])
