"""A row, and nothing else, makes a route: its columns, sensor, job, asset, mails, line in the report; files travel."""

from dataclasses import replace
from datetime import datetime, timezone

import dagster as dg
import pytest
import yaml

from ferrero_dagster.config import routes
from ferrero_dagster.config.routes import ROUTES, MastersRoute
from ferrero_dagster.connections import Connections
from ferrero_dagster.definitions import definitions
from ferrero_dagster.domain.report import ReportDay
from ferrero_dagster.operations.status import read_status
from ferrero_dagster.sandbox.agency import deliver_finals
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster.tracking import schema
from ferrero_dagster.tracking.report_frames import read_frames
from ferrero_dagster_tests.config.test_routes import FINALS, INBOX
from ferrero_dagster_tests.fix_dagster import LAST

PACKAGING = MastersRoute(
    name="c1_to_c2",
    title="Packaging masters",
    sensor="c1_campaigns",
    asset=("box", "packaging_masters"),
    source_asset=("dam", "packaging_campaigns"),
    column_prefix="c1",
    status_before="C1",
    status_after="C2",
    campaign_type="Packaging",
    source_folder="02 Artwork",
    upload_folder="03 Final Artwork",
    box_root="local_masters",
    box_folder="PACK_{name}",
)


def upgraded(cockpit):
    """The cockpit after `db upgrade` and a restart of the code server."""
    site = Connections.from_environment().site
    schema.upgrade(cockpit.world.database_url, site.routes.masters)
    return replace(cockpit, repository=definitions().get_repository_def())


@pytest.fixture
def packaging(cockpit, monkeypatch):
    """A row more in code."""
    monkeypatch.setattr(routes, "ROUTES", (*ROUTES, PACKAGING))
    return upgraded(cockpit)


@pytest.fixture
def global_finals(cockpit, tmp_path):
    """A row more under `routes:` in the site configuration: a second way back."""
    settings = yaml.safe_load((tmp_path / "site.yaml").read_text())
    box = {"folders": {**settings["box"]["folders"], **INBOX["folders"]}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({**settings, "routes": {"b2_to_b3": FINALS}, "box": box}))
    cockpit.world.box.store.add_folder(name="Global uploads", folder_id="4711")
    return upgraded(cockpit)


def templates(cockpit, route):
    return [name for name in cockpit.world.templates() if name.startswith(route)]


def test_a_row_of_masters_takes_a_campaign_from_the_sensor_to_box(packaging):
    world = packaging.world
    campaign_id = world.campaign({"Box.pdf": b"box", "Lid.pdf": b"lid"}, route=PACKAGING, name="Easter egg")
    packaging.tick("c1_campaigns")
    assert packaging.results[-1].success
    assert world.dam.store.status(campaign_id) == "C2"
    assert [path.split("/")[-2] for path in world.box.store.tree()] == ["PACK_Easter_egg"] * 2
    assert templates(packaging, "c1_to_c2") == ["c1_to_c2_complete"]
    assert any("now in C2" in subject for subject in packaging.subjects())
    assert packaging.instance.get_materialized_partitions(dg.AssetKey(PACKAGING.asset)) == {packaging.key(campaign_id)}


def test_a_row_of_masters_has_patience_of_its_own_and_its_place_in_status_and_report(packaging):
    world = packaging.world
    campaign_id = world.campaign({}, route=PACKAGING, folders=())
    for _ in range(3):
        packaging.tick("c1_campaigns")
        packaging.later(60)
        world.sql(*(f"UPDATE campaign_status SET c1_{at} = c1_{at} - interval '60 min'" for at in LAST))
    [row] = world.sql(
        "SELECT c1_retry_count, c1_permanently_failed, c1_failure_reason, a1_retry_count FROM campaign_status"
    )
    assert row == (3, True, "Assets folder not found (tried Artwork)", 0)
    assert templates(packaging, "c1_to_c2")[-1] == "c1_to_c2_permanently_failed"
    site = sandbox_site()
    [line] = [line for line in read_status(world.database, site).campaigns if line["route"] == "c1_to_c2"]
    assert (line["id"], line["state"]) == (campaign_id, "permanently failed")
    now = datetime.now(timezone.utc)
    day = ReportDay(date=now.astimezone(site.zone).date(), zone=site.zone)
    frames = world.database.transact(read_frames, day, routes=site.routes, max_days_in_status={}, is_latest=True)
    assert frames.troubled["campaign_id"].tolist() == [campaign_id]
    assert "C1" in frames.retry_status["status"].tolist()


def test_a_second_row_of_finals_brings_them_back_beside_the_first(global_finals, tmp_path):
    world, box = global_finals.world, global_finals.world.box.store
    _, _, launch_route = sandbox_site().routes.masters
    launch = world.campaign({"Film.mp4": b"film", "Poster.png": b"poster"}, route=launch_route, name="Launch")
    local = world.campaign({"Key visual.png": b"key"}, name="Spring")
    for sensor in ("b1_campaigns", "a1_campaigns"):
        global_finals.tick(sensor)
    deliver_finals(box, "4711", world.database_url, tmp_path / "media", launch)
    deliver_finals(box, sandbox_site().box.ids["agency_uploads"], world.database_url, tmp_path / "media", local)
    for sensor in ("global_files", "agency_files") * 2:
        global_finals.tick(sensor)
    assert (world.dam.store.status(launch), world.dam.store.status(local)) == ("B3", "A3")
    assert len(world.dam.store.assets(world.dam.store.folder(launch, "05 Final Assets"))) == 4
    assert (box.tree("4711"), len(templates(global_finals, "a2_to_a3"))) == ({}, 2)
    assert templates(global_finals, "b2_to_b3") == ["b2_to_b3_file_uploaded"] * 2 + ["b2_to_b3_complete"]
    assert any("now in B3" in subject for subject in global_finals.subjects())
    assert global_finals.instance.get_materialized_partitions(dg.AssetKey(["dam", "global_final_assets"])) == {
        global_finals.key(launch)
    }


def test_finals_go_to_the_folder_that_their_row_names(cockpit, tmp_path):
    settings = yaml.safe_load((tmp_path / "site.yaml").read_text())
    row = {"routes": {"a2_to_a3": {"target_folder": "07 Deliveries"}}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({**settings, **row}))
    changed, world = upgraded(cockpit), cockpit.world
    campaign_id = world.campaign({"Key visual.png": b"key"}, folders=("01 Master Assets", "deliveries"))
    changed.tick()
    deliver_finals(
        world.box.store, sandbox_site().box.ids["agency_uploads"], world.database_url, tmp_path / "media", campaign_id
    )
    for _ in range(2):
        changed.tick("agency_files")
    assert len(world.dam.store.assets(world.dam.store.folder(campaign_id, "deliveries"))) == 1
    assert world.dam.store.status(campaign_id) == "A3"


def test_a_campaign_without_the_folder_that_the_row_names_waits_and_says_so(cockpit, tmp_path):
    settings = yaml.safe_load((tmp_path / "site.yaml").read_text())
    row = {"routes": {"a2_to_a3": {"target_folder": "07 Deliveries"}}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({**settings, **row}))
    changed, world = upgraded(cockpit), cockpit.world
    campaign_id = world.campaign({"Key visual.png": b"key"})
    changed.tick()
    inbox_id = sandbox_site().box.ids["agency_uploads"]
    deliver_finals(world.box.store, inbox_id, world.database_url, tmp_path / "media", campaign_id)
    for _ in range(2):
        changed.tick("agency_files")
    assert not changed.results[-1].success
    [failure] = changed.results[-1].filter_events(lambda event: event.is_step_failure)
    assert (
        "has no folder 07 Deliveries, where its finals go to" in failure.step_failure_data.user_failure_data.description
    )
    assert len(world.box.store.tree(inbox_id)) == 1
    assert "waits for its next attempt" in changed.preview("agency_files").skip_reason.skip_message
