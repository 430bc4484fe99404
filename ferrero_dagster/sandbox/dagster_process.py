"""Dagster itself, all of its processes, working on the stand-ins."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

import ferrero_dagster
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.sandbox.serving import HOST, listening_socket
from ferrero_dagster.sandbox.world import World

_ROOT = Path(ferrero_dagster.__file__).parents[1]
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 10
_POLL_SECONDS = "5"


@contextmanager
def running_dagster(
    world: World, state: Path, port: int, settings: Mapping[str, Any] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Daemon, code server and pages as one process group, with its sensors on; ended at the end.

    `settings` of Dagster are used instead of those in `dagster.yaml`.

    Raises:
        ConfigurationError: the port is taken, or Dagster does not start.
    """
    home = state / "dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump({**dagster_settings(), **(settings or {})}))
    with dagster_in(home, dagster_environment(world, home, port), port, state / "dagster.log") as process:
        yield process


@contextmanager
def dagster_in(home: Path, environment: Mapping[str, str], port: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The same where `dagster.yaml` lies at `home` already, and in this environment.

    Raises:
        ConfigurationError: the port is taken, or Dagster does not start.
    """
    listening_socket(port, "the Dagster UI").close()
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(_ROOT / "workspace.yaml"), "-h", HOST, "-p", str(port)]
    with log.open("w") as written:
        # Its own working directory: a .env of the user's must not reach the demo.
        process = subprocess.Popen(  # noqa: S603  # our own command
            command, cwd=home, env=environment, stdout=written, stderr=written, start_new_session=True
        )
        try:
            _wait_until_up(process, port, log.name)
            yield process
        finally:
            _stop(process)


def dagster_settings() -> dict[str, Any]:
    """What `dagster.yaml` says."""
    settings: dict[str, Any] = yaml.safe_load((_ROOT / "dagster.yaml").read_text())
    return settings


def dagster_environment(world: World, home: Path, port: int) -> dict[str, str]:
    """The variables of a process of Dagster that works on the stand-ins."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FERRERO_", "DAGSTER_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return (
        inherited
        | world.environment()
        | {
            "DAGSTER_HOME": str(home),
            # As in deploy/: a tick that waits for a slow system holds one of these threads; the pages need some, too.
            "DAGSTER_GRPC_MAX_WORKERS": "24",
            "FERRERO_DAGSTER_URL": f"http://{HOST}:{port}",
            "FERRERO_SENSORS": "running",
            "FERRERO_CAMPAIGN_POLL_SECONDS": _POLL_SECONDS,
            "FERRERO_AGENCY_POLL_SECONDS": _POLL_SECONDS,
            "PYTHONWARNINGS": "ignore",
        }
    )


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, log: str) -> None:
    ends = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            if requests.get(f"http://{HOST}:{port}/server_info", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise ConfigurationError(f"Dagster did not start; {log} says why.")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End Dagster and all that it started, which is one process group."""
    for number, patience_s in ((signal.SIGINT, _STOP_TIMEOUT_S), (signal.SIGKILL, _STOP_TIMEOUT_S)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
