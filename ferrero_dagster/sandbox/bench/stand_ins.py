"""The stand-ins in a process of their own, so that what they cost is not counted as ours."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.many_files import add_campaign, deliver_finals
from ferrero_dagster.sandbox.world import World

_NOT_COMPILED = "PYTHONDONTWRITEBYTECODE"
#: Whose requests are counted.
_SYSTEMS = ("DAM", "Box")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where the stand-ins are, and how a plain script logs in there."""

    environment: dict[str, str]
    dam_url: str
    dam_token: str
    box_url: str
    box_token: str
    inbox_id: str


@dataclass(frozen=True)
class StandIns:
    """The stand-ins as the measuring process sees them: one line of JSON asked, one answered."""

    process: "subprocess.Popen[str]"
    access: Access

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that works on them."""
        own = {name: value for name, value in os.environ.items() if "FERRERO" not in name and name != _NOT_COMPILED}
        return own | self.access.environment | {"PYTHONWARNINGS": "ignore"}

    def campaign(self, *, files: int, size_bytes: int) -> str:
        """A new campaign of the first route with so many masters; its id."""
        return str(self._asked(do="campaign", files=files, size_bytes=size_bytes))

    def finals(self, campaign_id: str, *, size_bytes: int) -> int:
        """One final of this size for each of the campaign's masters, in the agency's folder; how many."""
        return int(self._asked(do="finals", campaign_id=campaign_id, size_bytes=size_bytes))

    def folder(self, files: int, *, tracking_id: str) -> None:
        """So many small finals of one master in the agency's folder."""
        self._asked(do="folder", files=files, tracking_id=tracking_id)

    def first_download_s(self) -> float:
        """When the DAM was first asked for a file (`time.monotonic`) since its requests were counted."""
        return float(self._asked(do="first_download"))

    def latency(self, seconds: float) -> None:
        """Each request waits so long, from now on."""
        self._asked(do="latency", seconds=seconds)

    def calls(self) -> dict[str, int]:
        """How many requests each system was asked since the last time."""
        return dict(self._asked(do="calls"))

    def _asked(self, **what: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def stand_ins(state: Path) -> Iterator[StandIns]:
    """Start them; they end when nobody speaks to them any more."""
    command = [sys.executable, "-m", __name__, str(state)]
    with subprocess.Popen(  # noqa: S603  # our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield StandIns(process, Access(**json.loads(process.stdout.readline())))
        process.stdin.close()


def _serve(state: Path) -> None:
    with World(state) as world:
        add_box_folders(world.box, world.site)
        access = Access(
            environment=world.environment(),
            dam_url=f"{world.servers['DAM'].url}/otmmapi/v6",
            dam_token=world.dam.issue_token("plain script", 1e6),
            box_url=world.servers["Box"].url,
            box_token=world.box.tokens.issue("access", 1e6),
            inbox_id=world.site.box.ids[world.site.routes.finals[0].inbox],
        )
        _say(access.__dict__)
        for line in sys.stdin:
            _say(_done(world, **json.loads(line)))


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _done(world: World, do: str, **arguments: Any) -> Any:
    doings: dict[str, Callable[..., Any]] = {
        "campaign": _campaign,
        "finals": _finals,
        "folder": _folder,
        "first_download": _first_download,
        "latency": _latency,
        "calls": _calls,
    }
    return doings[do](world, **arguments)


def _campaign(world: World, files: int, size_bytes: int) -> str:
    return add_campaign(world, files=files, size_bytes=size_bytes)


def _finals(world: World, campaign_id: str, size_bytes: int) -> int:
    return len(deliver_finals(world, campaign_id, size_bytes=size_bytes))


def _folder(world: World, files: int, tracking_id: str) -> None:
    names = [f"1234567_RAF_DE_de_F{place:05}_KV_001_00S_16x9_{tracking_id}.jpg" for place in range(files)]
    world.box.add_many_files(world.site.box.ids[world.site.routes.finals[0].inbox], names)


def _first_download(world: World) -> float:
    return world.boards["DAM"].requests("GET", "/contents$")[0].at_s


def _latency(world: World, seconds: float) -> None:
    for name in _SYSTEMS:
        world.boards[name].clear()
        if seconds:
            world.boards[name].add(Fault(delay_s=seconds, times=None))


def _calls(world: World) -> dict[str, int]:
    counted = {name: len(world.boards[name].seen) for name in _SYSTEMS}
    for name in _SYSTEMS:
        world.boards[name].seen.clear()
    return counted


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
