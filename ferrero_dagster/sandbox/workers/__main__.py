"""The command line of `make workers`: a table of what was promised and found, exits 0 or 1."""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
from ferrero_dagster.sandbox.soak.stage import Stage, until
from ferrero_dagster.sandbox.workers.allowance import CAMPAIGNS, FILES_EACH, at_the_limit
from ferrero_dagster.sandbox.workers.links import Address
from ferrero_dagster.sandbox.workers.machines import Machine
from ferrero_dagster.sandbox.world import World

SCENARIOS = ("throughput", "killed", "cut-off", "limits")
_STATE, _PORT = Path(".workers"), 3300
_POSTGRES, _REDIS = 6, 7  # ports after that of Dagster's pages
#: Runs that one worker has at once.
_SLOTS = 2
#: Of a scenario; what each answer takes, so that none waits for our cores.
_CAMPAIGNS, _MASTERS_EACH, _ANSWER_S = 8, 8, 1.0
#: How long a worker is cut off; after how long nothing of it is heard any more.
_CUT_S, _SILENCE_S = 60, 3
_MOVE_S = 480
# Box takes no log-in of a machine whose clock is further off.
_CLOCK_OFF_S = -20
_FILES = "SELECT count(*), count(DISTINCT tracking_id), count(DISTINCT box_file_id) FROM master_assets"
_UNDER_WAY = """
SELECT count(*) FROM transfers JOIN dagster.run_tags of ON of.key = 'ferrero/campaign_id' AND of.value = campaign_id
JOIN dagster.run_tags task ON task.run_id = of.run_id AND task.key = 'dagster-celery/task_id'
WHERE task.value = ANY(%(tasks)s) AND state = 'pending'
"""
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
        """A worker dies in the middle of its files and comes back."""
        one, ids = self.machines[0], self._half_moved(self.machines[0])
        tasks = one.tasks_at_work
        one.kill()
        yield from self._caught("killed", tasks)
        one.start(_SLOTS)
        yield from self._all_moved(ids, "a worker is killed and started again")

    def cut_off(self) -> Iterator[Finding]:
        """The network of a worker is gone for a while, in the middle of its files."""
        two, ids = self.machines[1], self._half_moved(self.machines[1])
        two.cut_off()
        yield from self._caught("cut off", two.tasks_at_work)
        time.sleep(_CUT_S)
        two.bring_back()
        yield from self._all_moved(ids, f"a worker is cut off for {_CUT_S} s")

    def limits(self) -> Iterator[Finding]:
        """More work than Box allows in a minute, for one worker and then for two."""
        one, two = self.machines
        two.kill()
        for board in self.stage.world.boards.values():
            board.clear()
        yield from self._at_the_limit("one worker", one)
        yield from self._at_the_limit("two workers", two)
        _delay_answers(self.stage.world)

    def _at_the_limit(self, who: str, last: Machine) -> Iterator[Finding]:
        """By those that are at work and this one."""
        if last.is_idle:
            last.start(_SLOTS)
        until(lambda: last.is_ready, _MOVE_S)
        self.expected += CAMPAIGNS * FILES_EACH
        yield from at_the_limit(self.stage, who, self._processes())

    def _processes(self) -> dict[str, list[int]]:
        """Of the show, by what they are."""
        assert self.stage.process
        [(directory,)] = self.stage.sql("SHOW data_directory")
        return {
            "PostgreSQL": [int(Path(directory, "postmaster.pid").read_text().split()[0])],
            "daemon, code server and pages": [self.stage.process.pid],
            "workers": [pid for machine in self.machines for pid in machine.pids],
        }

    def _half_moved(self, victim: Machine) -> list[str]:
        """Campaigns of which both workers have some in hand, when a run of this one moves files."""
        for machine in self.machines:
            if machine.is_idle:
                machine.start(_SLOTS)
        ids = self._campaigns()
        until(lambda: self.stage.moved(ids) > 0 and self._under_way(victim.tasks_at_work) > 0, _MOVE_S)
        [(self._failed,)] = self.stage.sql(_FAILED)
        return ids

    def _under_way(self, tasks: Sequence[str]) -> int:
        """How many files the runs of these tasks of Celery have begun and not brought to their end."""
        return int(self.stage.sql(_UNDER_WAY, tasks=list(tasks))[0][0])

    def _caught(self, how: str, tasks: Sequence[str]) -> Iterator[Finding]:
        """What a worker has in hand that nobody can hear of any more."""
        time.sleep(_SILENCE_S)
        number = self._under_way(tasks)
        yield Finding(f"files that it has under way when it is {how}", "some", str(number), is_right=number > 0)

    def _campaigns(self) -> list[str]:
        self.expected += _CAMPAIGNS * _MASTERS_EACH
        return self.stage.campaigns(_CAMPAIGNS, masters=_MASTERS_EACH)

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
            yield exactly("their files in Box, each once", _CAMPAIGNS * _MASTERS_EACH, self.stage.files_in_box(ids))


def _delay_answers(world: World) -> None:
    for system in ("DAM", "Box"):
        world.boards[system].add(Fault(delay_s=_ANSWER_S, times=None))


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
    if state.is_relative_to("/tmp"):  # noqa: S108  # where nothing is written
        raise ConfigurationError(f"{state} is in /tmp, of which each worker has one of its own; start this elsewhere.")
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    (state / "own.yaml").write_text(SITE)
    with ExitStack() as stack:
        world = World(state, base_port=port, site_config=state / "own.yaml", dialect="customer", box_limits=True)
        stack.enter_context(world)
        redis_url = stack.enter_context(_redis(port + _REDIS))
        add_box_folders(world.box, world.site)
        _delay_answers(world)
        process = stack.enter_context(running_dagster(world, state, port, _settings(redis_url)))
        celery = {"CELERY_BROKER_URL": redis_url, "CELERY_RESULT_BACKEND": redis_url}
        environment = dagster_environment(world, state / "dagster_home", port) | celery
        ports = [urlsplit(server.url).port or 0 for server in world.servers.values()] + [port + 5, port + _REDIS]
        services: dict[int, Address] = {one: (HOST, one) for one in ports}
        services[port + _POSTGRES] = _socket_of(environment["FERRERO_DATABASE_URL"])
        one = Machine(1, state, services, _elsewhere(environment, port + _POSTGRES))
        two = Machine(2, state, services, one.environment, clock_off_s=_CLOCK_OFF_S)
        yield Show(Stage(world, state, port, process=process), (stack.enter_context(one), stack.enter_context(two)))


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
