"""A machine of a worker: network, /tmp, DAGSTER_HOME and clock of its own, by namespaces of this one; needs root."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster.sandbox.workers import links
from ferrero_dagster.sandbox.workers.links import Address, Links

#: Its own /tmp, hidden from all others, and then what it is to run.
_OWN_TMP = 'mount -t tmpfs tmpfs /tmp && exec "$@"'
_RECEIVED, _ENDED = (re.compile(rf"Task execute_job\[(\S+)\] {what}") for what in ("received", "(?!received)"))
_CLOCK = Path(__file__).with_name("clock.c")


@dataclass
class Machine:
    """Number 1 or 2; use it as a context manager, which ends all that runs on it."""

    number: int
    state: Path
    #: What it can reach, by port, on its own 127.0.0.1.
    services: Mapping[int, Address]
    environment: Mapping[str, str]
    clock_off_s: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _worker: "subprocess.Popen[bytes] | None" = None
    _links: "subprocess.Popen[bytes] | None" = None

    @property
    def is_idle(self) -> bool:
        """No worker runs on it."""
        return self._worker is None

    @property
    def is_ready(self) -> bool:
        """Its worker takes runs."""
        return " ready." in self._said

    @property
    def tasks(self) -> int:
        """How many runs were handed to it."""
        return self._said.count("] received")

    @property
    def tasks_at_work(self) -> list[str]:
        """Celery's ids of the runs that were handed to its worker and have not ended."""
        said = self._said.rpartition(" ready.")[2]
        return sorted({*_RECEIVED.findall(said)} - {*_ENDED.findall(said)})

    @property
    def pids(self) -> list[int]:
        """Of its worker and of what leads from it to the services."""
        return [process.pid for process in (self._worker, self._links) if process]

    @property
    def _said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.state / f"worker-{self.number}.log"

    @property
    def _outside(self) -> str:
        """Where the machine finds this one."""
        return f"10.77.{self.number}.1"

    @property
    def _name(self) -> str:
        return f"ferrero-{self.number}"

    def __enter__(self) -> "Machine":
        """The network is up, no worker runs yet.

        Raises:
            ConfigurationError: this machine allows no namespaces.
        """
        with ExitStack() as stack:
            stack.callback(subprocess.run, ["ip", "netns", "delete", self._name], check=False)
            for command in self._plumbing():
                _run(command)
            stack.callback(self.kill)
            stack.enter_context(Links(self._outside, self.services))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _plumbing(self) -> list[str]:
        inside, outside, name = f"{self._name}-in", f"{self._name}-out", self._name
        return [
            f"ip netns add {name}",
            f"ip link add {outside} type veth peer name {inside}",
            f"ip link set {inside} netns {name}",
            f"ip addr add {self._outside}/24 dev {outside}",
            f"ip link set {outside} up",
            f"ip -n {name} addr add 10.77.{self.number}.2/24 dev {inside}",
            f"ip -n {name} link set {inside} up",
            f"ip -n {name} link set lo up",
        ]

    def start(self, slots: int) -> None:
        """Start its worker: so many runs at once, each in a process of its own."""
        home = self.state / f"home-{self.number}"
        home.mkdir(exist_ok=True)
        shutil.copy(self.state / "dagster_home" / "dagster.yaml", home)
        worker = f"-A dagster_celery.app worker -Q dagster -n machine-{self.number} -l INFO --concurrency {slots}"
        own = f"{worker} --max-tasks-per-child 1 --disable-prefetch -I ferrero_dagster.definitions"
        ends = [HOST, self._outside, *map(str, self.services)]
        self._links = self._run_inside(home, [sys.executable, "-m", links.__name__, *ends])
        own_clock = ["env", *self._clock()]
        self._worker = self._run_inside(home, [*own_clock, sys.executable, "-m", "celery", *own.split()])

    def _run_inside(self, home: Path, command: list[str]) -> "subprocess.Popen[bytes]":
        inside = ["ip", "netns", "exec", self._name, "unshare", "--mount", "sh", "-c", _OWN_TMP, "sh"]
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # our own command
                [*inside, *command],
                cwd=home,
                env={**self.environment, "DAGSTER_HOME": str(home)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _clock(self) -> list[str]:
        if not self.clock_off_s:
            return []
        library = self.state / "clock.so"
        _run(f"cc -shared -fPIC -o {library} {_CLOCK} -ldl")
        return [f"LD_PRELOAD={library}", f"CLOCK_OFF_S={self.clock_off_s}"]

    def kill(self) -> None:
        """All of its processes die at once."""
        if self._worker:
            shown = subprocess.run(  # noqa: S603  # our own command
                ["ip", "netns", "pids", self._name],  # noqa: S607  # wherever it is
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            for pid in map(int, shown.stdout.split()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._worker.wait()
            self._worker = self._links = None

    def cut_off(self) -> None:
        """Not a packet arrives on either side."""
        _run(f"ip link set {self._name}-out down")

    def bring_back(self) -> None:
        """They arrive again."""
        _run(f"ip link set {self._name}-out up")


def _run(command: str) -> None:
    try:
        subprocess.run(command.split(), check=True, capture_output=True, text=True)  # noqa: S603  # our own
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise ConfigurationError(
            f"No machine can be made of this one: `{command}` says {said!r}; root, iproute2 and cc are needed."
        ) from None
