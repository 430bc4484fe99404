"""How a code server starts runs: forked from a process that has imported all that they need, and does nothing else."""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.job import _create_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

import ferrero_dagster
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.soak.stage import until
from ferrero_dagster_tests.fix_dagster import PARTITION, Cockpit

#: What takes long to import.
SLOW = {"ferrero_dagster", "box_sdk_gen", "cryptography", "dagster_postgres", "jinja2", "pydantic", "requests", "upath"}
#: Python imports it by itself at the start of each process; it tells how runs are forked, and what they import then.
TELL_OF_FORKS = """
import os, sys
def tell(what, word):
    with open(os.environ["TOLD"], "a") as told:
        print(what, word, file=told)
def tell_of_parent():
    tell("parent", os.getpid())
    tell("threads", len(os.listdir("/proc/self/task")))
class Imports:
    def find_spec(name, path, target=None):
        tell("imported", name)
os.register_at_fork(before=tell_of_parent, after_in_child=lambda: sys.meta_path.insert(0, Imports))
"""
_STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")
_TIMEOUT_S = 60


@dataclass
class CodeServer:
    """As Dagster's pages and daemon use it."""

    cockpit: Cockpit
    workspace: WorkspaceProcessContext
    log: Path
    #: Of the run that was started last.
    run_id: str = ""

    def told(self, what: str) -> list[str]:
        """What processes that ran our code told of this, in order."""
        lines = map(str.split, self.log.read_text().splitlines())
        return [words[1] for words in lines if words[0] == what]

    def start(self, campaign_id: DamId) -> None:
        """Start a run of a campaign, as its queue does."""
        instance, key = self.cockpit.instance, self.cockpit.key(campaign_id)
        instance.add_dynamic_partitions("campaigns", [key])
        request = self.workspace.create_request_context()
        [location] = request.code_locations
        [repository] = location.get_repositories().values()
        self.run_id = _create_run(
            instance=instance,
            code_location=location,
            remote_repo=repository,
            remote_job=repository.get_full_job("a1_to_a2"),
            run_config={},
            tags={PARTITION: key},
            op_selection=None,
            run_id=None,
        ).run_id
        instance.launch_run(self.run_id, request)

    def kill(self) -> None:
        """End the run's process, which says its id a moment after it has begun."""
        until(lambda: bool(_STARTED.search(self.messages())), _TIMEOUT_S)
        os.kill(int(_STARTED.findall(self.messages())[0]), signal.SIGKILL)

    def terminate(self) -> None:
        """What the button of the run's page does."""
        self.cockpit.instance.run_launcher.terminate(self.run_id)

    def ended(self) -> dg.DagsterRunStatus:
        """How the run ended."""
        until(lambda: self._run.is_finished, _TIMEOUT_S)
        return self._run.status

    def messages(self) -> str:
        """What the run's events say."""
        events = self.cockpit.instance.all_logs(self.run_id)
        return "\n".join(event.dagster_event.message or "" for event in events if event.dagster_event)

    @property
    def _run(self) -> dg.DagsterRun:
        run = self.cockpit.instance.get_run_by_id(self.run_id)
        assert run
        return run


@pytest.fixture
def server(cockpit: Cockpit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeServer]:
    (tmp_path / "sitecustomize.py").write_text(TELL_OF_FORKS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(ferrero_dagster.__file__).parents[1])]))
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    target = ModuleTarget("ferrero_dagster.definitions", None, None, "ferrero_dagster")
    with WorkspaceProcessContext(cockpit.instance, target) as workspace:
        yield CodeServer(cockpit, workspace, tmp_path / "told")


def test_a_run_is_forked_from_a_process_of_one_thread_and_imports_nothing_slow(server: CodeServer) -> None:
    campaign_id = server.cockpit.world.campaign()
    server.start(campaign_id)
    assert server.ended() == dg.DagsterRunStatus.SUCCESS
    assert server.cockpit.world.dam.store.status(campaign_id) == "A2"
    assert {*server.told("threads")} == {"1"}
    assert [module for module in server.told("imported") if module.split(".")[0] in SLOW] == []


def test_how_a_run_s_process_ended_is_seen_and_the_next_run_moves_what_is_missing(server: CodeServer) -> None:
    campaign_id, board = server.cockpit.world.campaign(), server.cockpit.world.dam.board
    board.add(Fault(path="/contents", before=server.kill))
    server.start(campaign_id)
    assert server.ended() == dg.DagsterRunStatus.FAILURE
    assert "terminated by signal 9 (SIGKILL)" in server.messages()
    server.start(campaign_id)
    assert server.ended() == dg.DagsterRunStatus.SUCCESS


def test_a_run_can_be_terminated(server: CodeServer) -> None:
    campaign_id, board = server.cockpit.world.campaign(), server.cockpit.world.dam.board
    board.add(Fault(path="/contents", before=server.terminate))
    server.start(campaign_id)
    assert server.ended() == dg.DagsterRunStatus.CANCELED


def test_what_runs_are_forked_from_stays_when_services_are_told_to_end_and_is_made_anew_where_it_was_killed(
    server: CodeServer,
) -> None:
    parents = []
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        server.start(server.cockpit.world.campaign())
        assert server.ended() == dg.DagsterRunStatus.SUCCESS
        parents.append(int(server.told("parent")[-1]))
        os.kill(parents[-1], number)
    assert parents[0] == parents[1] != parents[2]
