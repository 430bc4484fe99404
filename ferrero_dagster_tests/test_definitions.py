"""What Dagster shows has the names that operators and monitoring depend on (SPEC 10)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import ferrero_dagster
from ferrero_dagster.definitions import definitions
from ferrero_dagster.domain.errors import ConfigurationError

PROJECT = Path(ferrero_dagster.__file__).parents[1]


@pytest.fixture
def without_environment(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A machine where nothing is set up yet."""
    monkeypatch.chdir(tmp_path)
    for name in ("FERRERO_SENSORS", "FERRERO_SITE_CONFIG", "FERRERO_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_definitions_load_on_a_machine_without_any_setting(without_environment) -> None:
    dg.Definitions.validate_loadable(definitions())


@pytest.mark.parametrize("command", ["dg check defs", "dg list defs", "dagster definitions validate"])
def test_dagsters_own_tools_find_everything_on_a_machine_without_any_setting(tmp_path, command) -> None:
    shutil.copytree(PROJECT, tmp_path / "clone", ignore=shutil.ignore_patterns(".*"))
    program, *words = command.split()
    environment = {"HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(tmp_path / "clone")}
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        cwd=tmp_path / "clone",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("a5_to_a6" in done.stdout) == (command == "dg list defs")


def test_an_instance_that_is_to_last_is_not_started_without_its_database(tmp_path, monkeypatch) -> None:
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_PG_URL", raising=False)
    with pytest.raises(ConfigurationError, match=r"^Not set in the environment: DAGSTER_PG_URL; "):
        _ = dg.DagsterInstance.get().run_storage


def test_assets_jobs_sensors_and_schedules_have_their_public_names(without_environment) -> None:
    repository = definitions().get_repository_def()
    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} == {
        "dam/local_campaigns",
        "dam/global_campaigns",
        "box/agency_uploads",
        "box/local_masters",
        "box/rework_masters",
        "box/global_masters",
        "dam/final_assets",
        "tracking/master_assets",
        "tracking/derivative_assets",
        "reports/daily_report",
        "operations/status",
    }
    assert {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")} == {
        "a1_to_a2",
        "a5_to_a6",
        "b1_to_b2",
        "a2_to_a3",
        "daily_report",
        "reset_campaign_retries",
        "release_set_aside_files",
        "redeliver_files",
        "withdraw_masters",
        "advance_campaigns",
        "resend_notifications",
        "reconcile",
        "audit",
        "check_connections",
    }
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "a1_campaigns",
        "a5_campaigns",
        "b1_campaigns",
        "agency_files",
        "pending_notifications",
        "failed_runs",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "daily_report_schedule",
        "reconcile_schedule",
        "audit_schedule",
    }


def specs() -> list[dg.AssetSpec]:
    graph = definitions().get_repository_def().asset_graph
    return [spec for key in graph.get_all_asset_keys() for spec in [graph.get(key).to_asset_spec()]]


def test_every_asset_says_what_it_is_of_which_kind_and_by_which_version_it_is_made(without_environment) -> None:
    for spec in specs():
        assert (len(spec.description or "") > 60, bool(spec.kinds), spec.code_version) == (True, True, "0.1.0"), (
            spec.key
        )


def test_owners_and_links_to_the_code_are_shown_where_the_site_names_them(
    without_environment, monkeypatch, tmp_path
) -> None:
    assert {tuple(spec.owners) for spec in specs()} == {()}
    assert not any("dagster/code_references" in spec.metadata for spec in specs())
    site = tmp_path / "site.yaml"
    site.write_text("dagster: {owners: ['team:media'], repository_url: https://github.com/agency/ferrero_dagster}")
    monkeypatch.setenv("FERRERO_SITE_CONFIG", str(site))
    assert {tuple(spec.owners) for spec in specs()} == {("team:media",)}
    jobs = [job for job in definitions().get_repository_def().get_all_jobs() if not job.name.startswith("__")]
    assert {(tuple(job.owners or ()), job.metadata["version"].value) for job in jobs} == {(("team:media",), "0.1.0")}
    [masters] = [spec for spec in specs() if spec.key.path == ["box", "local_masters"]]
    [reference] = masters.metadata["dagster/code_references"].code_references
    assert reference.url.startswith(
        "https://github.com/agency/ferrero_dagster/tree/main/ferrero_dagster/defs/campaign_runs.py#L"
    )


def test_the_lineage_has_no_islands_and_groups_are_in_the_order_in_which_files_travel(without_environment) -> None:
    graph = definitions().get_repository_def().asset_graph
    reached = {dg.AssetKey(["dam", "local_campaigns"])}
    while more := {k for key in reached for k in graph.get(key).parent_keys | graph.get(key).child_keys} - reached:
        reached |= more
    assert reached == set(graph.get_all_asset_keys())
    for key in graph.get_all_asset_keys():
        groups = [str(graph.get(each).group_name) for each in (*graph.get(key).parent_keys, key)]
        assert groups[-1] == max(groups), key


def test_the_launchpad_opens_with_what_there_is_to_fill_in_and_no_more(without_environment) -> None:
    jobs = [job for job in definitions().get_repository_def().get_all_jobs() if not job.name.startswith("__")]
    of_partition = {
        job.name: job.partitioned_config.get_run_config_for_partition_key("2026-11-27")
        for job in jobs
        if job.partitioned_config
    }
    opened = {job.name: dict(job.run_config or {}) for job in jobs if job.name not in of_partition} | of_partition
    assert {tuple(config) for config in opened.values()} == {("ops",)}
    assert {name for name, config in opened.items() if config["ops"]} == {
        "audit",
        "daily_report",
        "reset_campaign_retries",
        "release_set_aside_files",
        "redeliver_files",
        "withdraw_masters",
        "advance_campaigns",
        "resend_notifications",
    }


def test_campaign_assets_share_one_set_of_partitions(without_environment) -> None:
    graph = definitions().get_repository_def().asset_graph
    keys = [["box", "local_masters"], ["box", "rework_masters"], ["box", "global_masters"], ["dam", "final_assets"]]
    assert {graph.get(dg.AssetKey(key)).partitions_def for key in keys} == {
        dg.DynamicPartitionsDefinition(name="campaigns")
    }


def test_everything_starts_stopped_unless_the_environment_says_running(without_environment, monkeypatch) -> None:
    def first_states() -> set[str]:
        repository = definitions().get_repository_def()
        sensors = {sensor.default_status.value for sensor in repository.sensor_defs}
        return sensors | {schedule.default_status.value for schedule in repository.schedule_defs}

    assert first_states() == {"STOPPED"}
    monkeypatch.setenv("FERRERO_SENSORS", "running")
    assert first_states() == {"RUNNING"}


def test_a_wrong_setting_is_refused_at_load_in_one_sentence(without_environment, monkeypatch) -> None:
    monkeypatch.setenv("FERRERO_SENSORS", "perhaps")
    with pytest.raises(ConfigurationError, match=r"FERRERO_SENSORS: expected 'stopped' or 'running'\.$"):
        definitions()


def test_a_wrong_site_configuration_is_refused_at_load_in_one_sentence(
    without_environment, monkeypatch, tmp_path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("campaigns:\n  per_tik: 3\n")
    monkeypatch.setenv("FERRERO_SITE_CONFIG", str(site))
    with pytest.raises(ConfigurationError, match=r"site\.yaml: campaigns\.per_tik: no such setting"):
        definitions()
