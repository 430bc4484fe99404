"""What operators see of Box → DAM in Dagster: ticks, observations, the check, runs and their events (SPEC 4, 10)."""

from typing import Any

import dagster as dg
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_dagster import PARTITION, Cockpit
from ferrero_dagster_tests.fix_sandbox import JSON
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, clean_name, final_name

ONE, TWO = final_name("AAA001"), final_name("AAA002")
AGENCY_UPLOADS, FINALS = dg.AssetKey(["box", "agency_uploads"]), dg.AssetKey(["dam", "final_assets"])
DERIVATIVES = dg.AssetKey(["tracking", "derivative_assets"])


@pytest.fixture
def agency(cockpit: Cockpit) -> Agency:
    cockpit.world.dam.settings.job_polls = 0
    return Agency(cockpit.world)


def shown(event: Any) -> dict[str, Any]:
    return {name: value.value for name, value in event.metadata.items()}


def run_metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key == FINALS]
    return shown(event.materialization)


@pytest.mark.fault(33, 34)
def test_a_tick_asks_for_one_run_per_campaign_under_its_partition_and_tags(cockpit, agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    first = cockpit.preview("agency_files")
    assert (first.run_requests, first.skip_reason.skip_message) == ([], "Files: 1 settling.")
    second = cockpit.preview("agency_files")
    [request] = second.run_requests
    assert (request.partition_key, request.tags) == (
        "C000000001 Spring",
        {
            "ferrero/route": "a2_to_a3",
            "ferrero/campaign_id": campaign_id,
            "ferrero/campaign_number": "C000000001",
            "ferrero/campaign_name": "Spring",
        },
    )
    [partitions] = second.dynamic_partitions_requests
    assert list(partitions.partition_keys) == ["C000000001 Spring"]
    third = cockpit.preview("agency_files")
    assert [r.run_key for r in third.run_requests] == [request.run_key]
    cockpit.obey(second, "agency_files")
    cockpit.obey(third, "agency_files")
    assert len(cockpit.results) == 1
    assert cockpit.tick("agency_files").run_requests == []


def test_the_folder_is_observed_with_counts_and_a_table_and_the_check_fails_while_refused_files_wait(cockpit, agency):
    agency.campaign("AAA001")
    agency.deliver(ONE)
    refused = agency.deliver("[wrong](name)&.png")
    cockpit.preview("agency_files")
    observation, check = cockpit.preview("agency_files").asset_events
    assert observation.asset_key == AGENCY_UPLOADS
    values = shown(observation)
    assert {name: values[name] for name in ("ready", "settling", "refused", "set aside")} == {
        "ready": 1,
        "settling": 0,
        "refused": 1,
        "set aside": 0,
    }
    head, _, first, second = values["files"].splitlines()
    assert head == "| file | state | why |"
    assert "\\[wrong\\]\\(name\\)&amp;\\.png" in first
    assert f"(https://app.box.com/file/{refused})" in first
    assert "| refused | This is no name of a final, " in first
    assert "| ready |" in second
    assert (check.passed, check.check_name, shown(check)["refused files"]) == (False, "no_refused_files", 1)
    agency.world.box.store.delete(refused)
    assert cockpit.preview("agency_files").asset_events[1].passed


def test_the_check_can_be_run_by_hand(cockpit, agency):
    agency.deliver("wrong.png")
    for passed in (True, False):
        job = cockpit.repository.get_implicit_global_asset_job_def().get_subset(
            asset_selection=set(), asset_check_selection={dg.AssetCheckKey(AGENCY_UPLOADS, "no_refused_files")}
        )
        result = job.execute_in_process(instance=cockpit.instance)
        [evaluation] = result.get_asset_check_evaluations()
        assert evaluation.passed == passed
        agency.settled_look()


def test_a_run_shows_each_final_and_everybody_is_told(cockpit, agency):
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    cockpit.preview("agency_files")
    cockpit.tick("agency_files")
    [result] = cockpit.results
    assert result.success
    values = run_metadata(result)
    [asset] = agency.assets(campaign_id)
    assert values["result"] == "1 finals moved into the DAM; the status is A3."
    assert (values["moved"], values["failed"], values["status in the DAM"]) == (1, 0, "A3")
    assert f"#asset/{asset.id})" in values["files"]
    tags = cockpit.instance.get_run_by_id(result.run_id).tags
    assert (tags["ferrero/campaign_id"], tags[PARTITION]) == (campaign_id, "C000000001 Spring")
    assert cockpit.instance.get_materialized_partitions(FINALS) == {"C000000001 Spring"}
    assert len(cockpit.subjects()) == 2
    assert {mail.recipients for mail in cockpit.mailbox.messages()} == {("team@agency.example",)}


def test_every_final_is_an_event_under_its_masters_tracking_id(cockpit, agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE)
    agency.deliver(TWO)
    agency.settled_look()
    cockpit.launch("a2_to_a3", campaign_id)
    assert set(cockpit.instance.get_dynamic_partitions("tracking_ids")) == {"AAA001", "AAA002"}
    [record] = cockpit.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=DERIVATIVES, asset_partitions=["AAA001"]), limit=9
    ).records
    values = shown(record.asset_materialization)
    assert (values["name in Box"], values["name in the DAM"]) == (ONE, clean_name("AAA001"))
    assert (values["campaign"], values["asset in the DAM"][-40:]) == (
        f"C{int(campaign_id, 16):09} Spring",
        next(asset.id for asset in agency.assets(campaign_id) if asset.name == clean_name("AAA001")),
    )


def test_a_run_in_which_a_file_failed_is_red_and_shows_which(cockpit, agency):
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(ONE)
    agency.deliver(TWO)
    agency.sql("UPDATE master_assets SET upload_directory = NULL WHERE tracking_id = 'AAA002' RETURNING 1")
    agency.settled_look()
    result = cockpit.launch("a2_to_a3", campaign_id)
    assert not result.success
    [event] = result.filter_events(lambda event: event.is_step_failure)
    told = event.step_failure_data.user_failure_data
    assert told.description == "1 finals moved into the DAM, 1 failed; the status is A2."
    assert "**failed:** The master AAA002 has no upload\\_directory" in shown(told)["files"]
    assert len(cockpit.instance.get_materialized_partitions(DERIVATIVES)) == 1
    assert sorted(mail.recipients for mail in cockpit.mailbox.messages()) == [
        ("errors@agency.example",),
        ("team@agency.example",),
    ]
    tick = cockpit.tick("agency_files")
    assert tick.run_requests == []
    observation = tick.asset_events[0]
    assert (shown(observation)["ready"], shown(observation)["set aside"]) == (0, 1)


def test_a_run_shows_which_fields_the_dam_did_not_keep(cockpit, agency):
    settings = agency.world.dam.settings
    settings.fields_lost_by_imports = settings.fields_lost_by_patches = frozenset({"MAIN_LANGUAGES"})
    campaign_id = agency.campaign("AAA001")
    agency.deliver(ONE)
    agency.settled_look()
    result = cockpit.launch("a2_to_a3", campaign_id)
    assert "moved; unscored; **not kept by the DAM as sent:** MAIN\\_LANGUAGES" in run_metadata(result)["files"]
    [record] = cockpit.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=DERIVATIVES, asset_partitions=["AAA001"]), limit=9
    ).records
    assert shown(record.asset_materialization)["not kept by the DAM"] == "MAIN_LANGUAGES"


def test_a_run_without_anything_to_do_is_green(cockpit, agency):
    campaign_id = agency.campaign("AAA001")
    result = cockpit.launch("a2_to_a3", campaign_id)
    assert result.success
    assert run_metadata(result)["result"] == "0 finals moved into the DAM; the status is A2."


@pytest.mark.fault(3)
def test_box_out_or_refusing_us_makes_a_tick_that_says_so_without_events(cockpit, agency):
    cockpit.world.box.board.add(
        Fault(path="/oauth2/token", status=400, body='{"error": "unauthorized_client"}', headers=JSON, times=None)
    )
    result = cockpit.preview("agency_files")
    assert (result.asset_events, result.run_requests) == ([], [])
    assert result.skip_reason.skip_message.startswith("Box refused our log-in (400")
    assert agency.mails() == [("workflow_error", "Box cannot be used: the administrator must act")]
