"""The command line of `make workers`: a table of what was promised and found, exits 0 or 1."""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from rich.console import Console

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.dagster_process import dagster_environment, dagster_settings, running_dagster
from ferrero_dagster.sandbox.demo import end_when_told
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster.sandbox.soak.__main__ import report
from ferrero_dagster.sandbox.soak.findings import Finding, exactly, within
from ferrero_dagster.sandbox.soak.scenarios import SITE
from ferrero_dagster.sandbox.soak.stage import MASTERS_EACH, Stage, until
from ferrero_dagster.sandbox.workers.links import Address
from ferrero_dagster.sandbox.workers.machines import Machine
from ferrero_dagster.sandbox.world import World

SCENARIOS = ("throughput", "killed", "cut-off")
_STATE, _PORT = Path(".workers"), 3300
_POSTGRES, _REDIS = 6, 7  # ports after that of Dagster's pages
#: Runs that one worker has at once; campaigns of a scenario; what each answer takes, so that none waits for our cores.
_SLOTS, _CAMPAIGNS, _ANSWER_S = 2, 8, 1.0
_MOVE_S, _CUT_S = 480, 60
# Box takes no log-in of a machine whose clock is further off.
_CLOCK_OFF_S = -20
_FILES = "SELECT count(*), count(DISTINCT tracking_id), count(DISTINCT box_file_id) FROM master_assets"
_FAILED = "SELECT count(*) FROM dagster.runs WHERE status = 'FAILURE'"
# A run that a worker took along: the message was with it when it died.
_QUICKLY = {"start_timeout_seconds": 60, "poll_interval_seconds": 10}


class Show:
    """Stage and machines."""

    def __init__(self, stage: Stage, machines: tuple[Machine, Machine]) -> None:
        self.stage = stage
        self.machines = machines
        self.expected = 0
        self._failed = 0

    def throughput(self) -> Iterator[Finding]:
        """The same work by one worker and then by two."""
        one, two = self.machines
        one.start(_SLOTS)
        alone_s = self._seconds()
        two.start(_SLOTS)
        until(lambda: two.is_ready, _MOVE_S)
        together_s = self._seconds()
        found = f"{alone_s:.0f} : {together_s:.0f}"
        is_right = together_s <= 0.75 * alone_s
        yield Finding("seconds of one worker and of two, with the look", "1 : 0.75 or less", found, is_right=is_right)
        yield Finding("runs of the second", "some", str(two.tasks), is_right=two.tasks > 0)
        yield from self._end_state()

    def killed(self) -> Iterator[Finding]:
        """A worker dies in the middle and comes back."""
        ids = self._half_moved()
        self.machines[0].kill()
        time.sleep(5)
        self.machines[0].start(_SLOTS)
        yield from self._all_moved(ids, "a worker is killed and started again")

    def cut_off(self) -> Iterator[Finding]:
        """The network of a worker is gone for a while."""
        ids = self._half_moved()
        self.machines[1].cut_off()
        time.sleep(_CUT_S)
        self.machines[1].bring_back()
        yield from self._all_moved(ids, f"a worker is cut off for {_CUT_S} s")

    def _half_moved(self) -> list[str]:
        """Campaigns of which both workers have some in hand."""
        for machine in self.machines:
            if machine.is_idle:
                machine.start(_SLOTS)
        ids = self._campaigns()
        until(lambda: self.stage.moved(ids) > 0, _MOVE_S)
        [(self._failed,)] = self.stage.sql(_FAILED)
        return ids

    def _campaigns(self) -> list[str]:
        self.expected += _CAMPAIGNS * MASTERS_EACH
        return self.stage.campaigns(_CAMPAIGNS)

    def _seconds(self) -> float:
        ids = self._campaigns()
        took_s = until(lambda: self.stage.moved(ids) == _CAMPAIGNS, _MOVE_S)
        return _MOVE_S if took_s is None else took_s

    def _all_moved(self, ids: list[str], what: str) -> Iterator[Finding]:
        took_s = until(lambda: self.stage.moved(ids) == _CAMPAIGNS, _MOVE_S)
        yield within(f"{what}: all campaigns moved, after", _MOVE_S, took_s)
        [(failed,)] = self.stage.sql(_FAILED)
        yield Finding("runs that it cost", "some", str(failed - self._failed), is_right=failed > self._failed)
        yield from self._end_state(ids)

    def _end_state(self, ids: list[str] | None = None) -> Iterator[Finding]:
        [(rows, tracking_ids, box_ids)] = self.stage.sql(_FILES)
        yield exactly("files in the tables", self.expected, rows)
        yield exactly("with tracking IDs, Box files of their own", self.expected, min(tracking_ids, box_ids))
        if ids:
            yield exactly("their files in Box, each once", _CAMPAIGNS * MASTERS_EACH, self.stage.files_in_box(ids))


def _settings(redis_url: str) -> dict[str, Any]:
    """Of Dagster: as many runs at once as both workers take, given to them by way of Redis."""
    settings = dagster_settings()
    limits = [{**one, "limit": 4 if one["key"] == "ferrero/route" else one["limit"]}
              for one in settings["concurrency"]["runs"]["tag_concurrency_limits"]]  # fmt: skip
    launcher = {"module": "dagster_celery.launcher", "class": "CeleryRunLauncher"}
    return {
        "concurrency": {"runs": {"max_concurrent_runs": 2 * _SLOTS, "tag_concurrency_limits": limits}},
        "run_monitoring": {**settings["run_monitoring"], **_QUICKLY},
        "run_launcher": {**launcher, "config": {"broker": redis_url, "backend": redis_url}},
    }


def _elsewhere(environment: Mapping[str, str], postgres_port: int) -> dict[str, str]:
    """The variables as another machine has them: no socket of this one, a /tmp of its own."""
    own = {**environment}
    own.pop("FERRERO_TEMP_DIR")
    for name in ("FERRERO_DATABASE_URL", "DAGSTER_PG_URL"):
        url = urlsplit(environment[name])
        query = {key: values for key, values in parse_qs(url.query).items() if key != "host"}
        place = url._replace(netloc=f"postgres@{HOST}:{postgres_port}", query=urlencode(query, doseq=True))
        own[name] = urlunsplit(place)
    return own


def _socket_of(url: str) -> str:
    [directory] = parse_qs(urlsplit(url).query)["host"]
    return f"{directory}/.s.PGSQL.5432"


@contextmanager
def _redis(port: int) -> Iterator[str]:
    if not (program := shutil.which("redis-server")):
        raise ConfigurationError("redis-server is not there; apt install redis-server.")
    command = [program, "--port", str(port), "--bind", HOST, "--save", "", "--logfile", "/dev/null"]
    process = subprocess.Popen(command)  # noqa: S603  # our own command
    try:
        yield f"redis://{HOST}:{port}/0"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _show(port: int) -> Iterator[Show]:
    state = _STATE.resolve()
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    (state / "own.yaml").write_text(SITE)
    with ExitStack() as stack:
        world = stack.enter_context(World(state, base_port=port, site_config=state / "own.yaml", dialect="customer"))
        redis_url = stack.enter_context(_redis(port + _REDIS))
        add_box_folders(world.box, world.site)
        for system in ("DAM", "Box"):
            world.boards[system].add(Fault(delay_s=_ANSWER_S, times=None))
        stack.enter_context(running_dagster(world, state, port, _settings(redis_url)))
        celery = {"CELERY_BROKER_URL": redis_url, "CELERY_RESULT_BACKEND": redis_url}
        environment = dagster_environment(world, state / "dagster_home", port) | celery
        ports = [urlsplit(server.url).port or 0 for server in world.servers.values()] + [port + 5, port + _REDIS]
        services: dict[int, Address] = {one: (HOST, one) for one in ports}
        services[port + _POSTGRES] = _socket_of(environment["FERRERO_DATABASE_URL"])
        one = Machine(1, state, services, _elsewhere(environment, port + _POSTGRES))
        two = Machine(2, state, services, one.environment, clock_off_s=_CLOCK_OFF_S)
        yield Show(Stage(world, state, port), (stack.enter_context(one), stack.enter_context(two)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="workers", description=__doc__)
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario alone; may be repeated")
    parser.add_argument("--port", type=int, default=_PORT, help="of Dagster's pages; the stand-ins take the next ones")
    asked = parser.parse_args()
    end_when_told()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    try:
        with _show(asked.port) as show:
            sys.exit(report(console, asked.only or SCENARIOS, lambda name: getattr(show, name.replace("-", "_"))()))
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing is left running.")
    except ConfigurationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
