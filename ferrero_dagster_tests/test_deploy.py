"""The files of deploy/ say the same as dagster.yaml and as each other, and Dagster takes them."""

from pathlib import Path

import dagster as dg
import yaml
from dagster_celery.launcher import CeleryRunLauncher

import ferrero_dagster

PROJECT = Path(ferrero_dagster.__file__).parents[1]
DEPLOY = PROJECT / "deploy"


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def test_dagster_takes_its_settings_with_those_of_the_workers(tmp_path, monkeypatch):
    both = (PROJECT / "dagster.yaml").read_text() + (DEPLOY / "workers.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(both)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://127.0.0.1:1/0")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_launcher, CeleryRunLauncher)
        assert instance.run_launcher.broker == "redis://127.0.0.1:1/0"


def test_each_run_has_a_process_of_its_own_on_a_worker_that_takes_no_more_than_it_has_places_for():
    command = read("compose.yaml")["services"]["worker"]["command"]
    assert command[command.index("--max-tasks-per-child") + 1] == "1"
    assert "--disable-prefetch" in command


def test_services_of_compose_are_what_the_units_of_systemd_start():
    services = read("compose.yaml")["services"]
    for name in ("code-server", "daemon", "webserver"):
        unit = (DEPLOY / f"ferrero-dagster-{name}.service").read_text()
        command = services[name]["command"]
        assert f".venv/bin/{command[0]} {command[1]} " in unit
    servers = [read(name)["load_from"][0]["grpc_server"] for name in ("workspace.yaml", "workspace.compose.yaml")]
    assert {server["location_name"] for server in servers} == {"ferrero_dagster"}
    assert servers[1]["host"] in services


def test_secrets_do_not_get_into_the_image():
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {"**/.env", "**/*Box-config.json"} <= {*left_out}


def test_the_limits_of_the_chart_are_those_of_dagster_yaml():
    ours, chart = yaml.safe_load((PROJECT / "dagster.yaml").read_text()), read("helm-values.yaml")["dagsterDaemon"]
    queue = chart["runCoordinator"]["config"]["queuedRunCoordinator"]
    limits = ours["concurrency"]["runs"]
    assert queue["maxConcurrentRuns"] == limits["max_concurrent_runs"]
    assert queue["tagConcurrencyLimits"] == limits["tag_concurrency_limits"]
    for section, names in (("run_queue", queue), ("run_monitoring", chart["runMonitoring"])):
        for name, value in ours[section].items():
            told = names.get("".join(part.title() if place else part for place, part in enumerate(name.split("_"))))
            assert told in {None, value}, name
    assert chart["sensors"]["numWorkers"] == ours["sensors"]["num_workers"]
