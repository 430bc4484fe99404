"""What a run DAM → Box leaves in Dagster, in the mailbox and at Make.com (SPEC 3, 8, 10)."""

import time

import dagster as dg
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_dagster import PARTITION, metadata
from ferrero_dagster_tests.fix_world import A5, ASSETS, B1

MASTERS = dg.AssetKey(["tracking", "master_assets"])


def test_a_run_shows_what_moved_where_and_everybody_is_told(cockpit):
    world, campaign_id = cockpit.world, cockpit.world.campaign()
    result = cockpit.launch("a1_to_a2", campaign_id)
    assert result.success
    shown = metadata(result)
    assert shown["result"] == "All 3 files are in Box, 3 of them by this run; the status is A2."
    assert (shown["moved"], shown["moved before"], shown["failed"], shown["status in the DAM"]) == (3, 0, 0, "A2")
    for name, tracking_id, box_id in world.sql("SELECT asset_name, tracking_id, box_file_id FROM master_assets"):
        assert f"_{tracking_id}" in shown["files"].replace("\\", "")
        assert f"(https://app.box.com/file/{box_id})" in shown["files"]
        assert name in ASSETS
    assert shown["campaign in the DAM"].endswith(f"#folder/{campaign_id}")
    tags = result.dagster_run.tags | cockpit.instance.get_run_by_id(result.run_id).tags
    assert tags["ferrero/route"] == "a1_to_a2"
    assert (tags["ferrero/campaign_number"], tags["ferrero/campaign_name"]) == ("C000000001", "Spring")
    assert (tags["ferrero/campaign_id"], tags[PARTITION]) == (campaign_id, "C000000001 Spring")
    [mail] = cockpit.mailbox.messages()
    assert mail.recipients == ("team@agency.example",)
    assert all(stored.rpartition("/")[2] in mail.text for stored in world.box.store.tree())
    [webhook] = cockpit.webhooks.received()
    assert (webhook.body["campaign_id"], len(webhook.body["assets"])) == (campaign_id, 3)


def test_every_moved_file_is_an_event_under_its_tracking_id_with_links(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.launch("a1_to_a2", campaign_id)
    rows = cockpit.world.sql("SELECT tracking_id, opentext_id, box_file_id FROM master_assets")
    assert set(cockpit.instance.get_dynamic_partitions("tracking_ids")) == {row[0] for row in rows}
    for tracking_id, dam_id, box_id in rows:
        [record] = cockpit.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=MASTERS, asset_partitions=[tracking_id]), limit=9
        ).records
        values = {name: value.value for name, value in record.asset_materialization.metadata.items()}
        assert values["asset in the DAM"].endswith(dam_id)
        assert values["file in Box"] == f"https://app.box.com/file/{box_id}"
        assert values["campaign"] == f"C{int(campaign_id, 16):09} Spring"
        assert values["life"].index("claimed") < values["life"].index("arrived and proven")


@pytest.mark.parametrize("route", [A5, B1], ids=lambda route: route.name)
def test_the_other_routes_have_their_own_job_and_asset(cockpit, route):
    campaign_id = cockpit.world.campaign(route=route)
    assert cockpit.launch(route.name, campaign_id).success
    assert cockpit.world.dam.store.status(campaign_id) == route.status_after
    assert cockpit.instance.get_materialized_partitions(dg.AssetKey(route.asset)) == {cockpit.key(campaign_id)}
    assert len(cockpit.webhooks.received()) == int(route.webhook)


def test_a_second_run_is_green_and_says_that_there_was_nothing_to_do(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.launch("a1_to_a2", campaign_id)
    again = cockpit.launch("a1_to_a2", campaign_id)
    assert again.success
    assert "nothing to move" in metadata(again)["result"]
    assert (metadata(again)["moved"], metadata(again)["moved before"]) == (0, 3)
    assert len(cockpit.mailbox.messages()) == 1


@pytest.mark.fault(35)
def test_a_run_beside_another_is_green_and_moves_nothing(cockpit):
    campaign_id = cockpit.world.campaign()
    with cockpit.world.database.lock(f"a1_to_a2:{campaign_id}"):
        result = cockpit.launch("a1_to_a2", campaign_id)
    assert result.success
    assert "Another run is moving this campaign" in metadata(result)["result"]
    assert cockpit.world.files() == []


def test_a_run_of_which_files_failed_is_red_with_the_table_and_the_next_moves_the_rest(cockpit):
    world = cockpit.world
    campaign_id = world.campaign(ASSETS | {"<b>empty</b> | [x](y).png": b""})
    result = cockpit.launch("a1_to_a2", campaign_id)
    assert not result.success
    shown = metadata(result)
    assert shown["description"] == "1 of 4 files failed; the status stays A1, the next run moves the rest."
    assert (shown["moved"], shown["failed"], shown["reported"]) == (3, 1, True)
    assert "**failed:**" in shown["files"]
    assert "<b>" not in shown["files"]
    assert [mail.recipients for mail in cockpit.mailbox.messages()] == [("errors@agency.example",)]
    [empty] = [a for a in world.dam.store.records.items() if "empty" in a.name]
    world.dam.store.new_version(empty.id, b"full")
    again = cockpit.launch("a1_to_a2", campaign_id)
    assert metadata(again)["result"] == "All 4 files are in Box, 1 of them by this run; the status is A2."
    assert len(cockpit.instance.get_dynamic_partitions("tracking_ids")) == 4


def test_a_campaign_without_its_folder_is_red_with_one_sentence(cockpit):
    result = cockpit.launch("a1_to_a2", cockpit.world.campaign({}, folders=()))
    shown = metadata(result)
    assert shown["description"] == "Assets folder not found (tried Master Assets)"
    assert (shown["who must act"], shown["reported"]) == ("campaign manager", True)
    assert cockpit.subjects() == ["⚠️ No Assets Found (Attempt 1/3) - Campaign Spring"]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DAM_PASSWORD", "wrong", "The DAM refused our log-in (401); check FERRERO_DAM_USERNAME, _PASSWORD"),
        ("DAM_URL", "", "Not set in the environment: FERRERO_DAM_URL"),
        ("BOX_CONFIG", "/nowhere/Box-config.json", "Box configuration /nowhere/Box-config.json"),
        ("BOX_FOLDER_LOCAL_MASTERS", "12345", "Box folder 12345 does not exist"),
        ("DATABASE_URL", "postgresql://nobody@/none?host=/nowhere", "PostgreSQL cannot be used at present"),
        ("SITE_CONFIG", "/nowhere/site.yaml", "Site configuration /nowhere/site.yaml cannot be read"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_nothing_is_half_done(cockpit, monkeypatch, variable, value, sentence):
    monkeypatch.setenv(f"FERRERO_{variable}", value)
    campaign_id = cockpit.world.campaign()
    result = cockpit.launch("a1_to_a2", campaign_id)
    assert metadata(result)["description"].startswith(sentence)
    assert "Traceback" not in metadata(result)["description"]
    assert cockpit.world.files() == []
    assert cockpit.world.dam.store.status(campaign_id) == "A1"


@pytest.mark.fault(3)
def test_a_refused_log_in_is_mailed_at_once_to_those_who_can_act(cockpit, monkeypatch):
    monkeypatch.setenv("FERRERO_DAM_PASSWORD", "wrong")
    result = cockpit.launch("a1_to_a2", cockpit.world.campaign())
    assert metadata(result)["who must act"] == "administrator"
    [mail] = cockpit.mailbox.messages()
    assert "DAM cannot be used" in mail.subject
    assert "wrong" not in mail.text.replace("went wrong", "")
    assert f"/runs/{result.run_id}" in mail.text, "who must act finds the run"


@pytest.mark.fault(44)
def test_with_the_mail_server_down_a_campaign_is_moved_and_its_mails_arrive_once_in_order_afterwards(cockpit):
    cockpit.mailbox.switches.down_until_s = time.monotonic() + 3600
    names = ["First", "Second"]
    for name in names:
        campaign_id = cockpit.world.campaign(name=name)
        assert cockpit.launch("a1_to_a2", campaign_id).success
        assert cockpit.world.dam.store.status(campaign_id) == "A2"
    assert (cockpit.mailbox.messages(), len(cockpit.webhooks.received())) == ([], 2)
    cockpit.preview("pending_notifications")
    cockpit.mailbox.switches.clear()
    cockpit.later(10)
    for _ in range(2):
        cockpit.preview("pending_notifications")
    assert [name in subject for name, subject in zip(names, cockpit.subjects(), strict=True)] == [True, True]


def test_what_had_moved_before_an_outage_is_shown_as_events(cockpit):
    campaign_id = cockpit.world.campaign()
    cockpit.world.box.board.add(Fault(path="files/content$", skip=2, status=403, times=None))
    result = cockpit.launch("a1_to_a2", campaign_id)
    assert not result.success
    moved = cockpit.world.sql("SELECT tracking_id FROM transfers WHERE state = 'moved'")
    assert sorted(cockpit.instance.get_dynamic_partitions("tracking_ids")) == sorted(t for (t,) in moved)
    assert len(moved) == 2


def test_a_site_without_make_com_is_owed_no_webhooks(cockpit, monkeypatch):
    monkeypatch.delenv("FERRERO_MAKE_WEBHOOK_URL")
    assert cockpit.launch("a1_to_a2", cockpit.world.campaign()).success
    cockpit.preview("pending_notifications")
    assert cockpit.world.templates("webhook") == []
    assert cockpit.world.templates() == ["a1_to_a2_complete"]


def test_files_in_transit_rest_where_the_settings_say(cockpit, monkeypatch, tmp_path):
    monkeypatch.setenv("FERRERO_TEMP_DIR", str(tmp_path / "elsewhere"))
    resting: list[int] = []
    campaign_id = cockpit.world.campaign()
    upload = Fault(path="files/content$", before=lambda: resting.append(len([*tmp_path.glob("elsewhere/*/*")])))
    cockpit.world.box.board.add(upload)
    assert cockpit.launch("a1_to_a2", campaign_id).success
    [files] = resting
    assert files > 0
