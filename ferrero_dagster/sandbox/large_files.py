"""Shows what a large master costs and what becomes of it when things go wrong: `make bench-large`.

Each run is a process of its own, so that its memory can be told from that of the stand-ins. Films are mostly zeros,
which need no disk; no part is like another.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from io import RawIOBase
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.memory import peak_bytes
from ferrero_dagster.sandbox.world import World
from ferrero_dagster.transfer.masters.run import move_masters
from ferrero_dagster.transfer.systems import Watcher

_MB, _GB = 10**6, 10**9
_LOOK_EVERY_S = 0.2
_OTHER = b"another!"


class Film(RawIOBase):
    """So many bytes; all but the first few of each piece are zero."""

    _PIECE_BYTES = 4 << 20

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most as many as are asked for."""
        length = min(size, self._left, self._PIECE_BYTES - self._at % self._PIECE_BYTES)
        begins = self._at % self._PIECE_BYTES == 0 and length
        data = (self._at + 1).to_bytes(8, "big")[:length].ljust(length, b"\0") if begins else bytes(length)
        self._at, self._left = self._at + length, self._left - length
        return data


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run has cost, in its own words where it was not killed."""

    said: str
    peak_mb: float
    disk_mb: float
    seconds: float


def main() -> None:
    """Run one of the two: all scenarios, or a child's campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest-gb", type=float, default=5, help="the largest film (5)")
    parser.add_argument("--only", choices=["costs", "mishaps"])
    parser.add_argument("--run", metavar="CAMPAIGN", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        _run_as_child(DamId(options.run))
        return
    with tempfile.TemporaryDirectory() as state, World(Path(state)) as world:
        add_box_folders(world.box, world.site)
        stage = _Stage(world, Path(state))
        console = Console(width=130)
        for name, measured in {"costs": _costs, "mishaps": _mishaps}.items():
            if options.only in {None, name}:
                console.print(measured(stage, options.largest_gb))


def _run_as_child(campaign_id: DamId) -> None:
    watcher = Watcher(run_id="bench", log=lambda _: None, on_moved=lambda _: None)
    connections = Connections.from_environment()
    try:
        with connections.systems() as systems:
            outcome = move_masters(connections.site.routes.masters[0], campaign_id, systems, watcher)
        said = f"{len(outcome.moved)} moved"
    except FerreroError as error:
        said = error.code
    sys.stdout.write(json.dumps({"said": said, "peak_mb": peak_bytes() / 1e6}))


class _Stage:
    """The stand-ins, and runs of campaigns with one film."""

    def __init__(self, world: World, state: Path) -> None:
        self.world = world
        self._transit = state / "transit"
        self._environment = {**os.environ, **world.environment()}
        self._numbers: Iterator[int] = iter(range(1, 1000))

    def campaign(self, size_bytes: int) -> str:
        """The id of a campaign with a film of so many bytes."""
        number = next(self._numbers)
        campaign_id = self.world.dam.add_campaign(
            name=f"Large {number}", number=f"C{number:09}", status="A1", type="Local Adaptation",
            folders=("01 Master Assets", "01 Final Assets"),
        )  # fmt: skip
        folder_id = self.world.dam.folder(campaign_id, "01 Master Assets")
        self.world.dam.add_asset(folder_id, "Film.mp4", Film(size_bytes))  # type: ignore[arg-type]  # it can be read
        self.world.boards["Box"].seen.clear()
        return campaign_id

    def run(self, campaign_id: str, *, killed_at_parts: int | None = None) -> Outcome:
        """A run, killed (SIGKILL) as soon as so many parts have arrived."""
        began, disk_mb = time.monotonic(), 0.0
        command = [sys.executable, "-m", "ferrero_dagster.sandbox.large_files", "--run", campaign_id]
        with subprocess.Popen(  # noqa: S603  # of our own
            command, env=self._environment, stdout=subprocess.PIPE, text=True
        ) as child:
            while child.poll() is None:
                disk_mb = max(disk_mb, self._on_disk_mb())
                if killed_at_parts and self.parts_sent() >= killed_at_parts:
                    child.send_signal(signal.SIGKILL)
                time.sleep(_LOOK_EVERY_S)
            told = json.loads((child.stdout.read() if child.stdout else "") or '{"said": "killed", "peak_mb": 0}')
        return Outcome(**told, disk_mb=disk_mb, seconds=time.monotonic() - began)

    def film(self, campaign_id: str) -> Path:
        """Where the DAM has the campaign's film."""
        dam = self.world.dam
        [asset] = dam.assets(dam.folder(campaign_id, "01 Master Assets"))
        return dam.content(asset.id)

    def mend(self, campaign_id: str) -> None:
        """All is well again, the film too."""
        for board in self.world.boards.values():
            board.clear()
        with self.film(campaign_id).open("r+b") as file:
            file.write(Film(len(_OTHER)).read(len(_OTHER)))

    def parts_sent(self) -> int:
        """Since the campaign was made."""
        return len([put for put in self.world.boards["Box"].requests("PUT") if put.status == HTTPStatus.OK])

    def left(self) -> str:
        """What Box holds: files and open uploads."""
        sessions = self.world.box.database.rows("SELECT id FROM upload_sessions")
        return f"{len(self.world.box.tree())} files, {len(sessions)} open uploads"

    def _on_disk_mb(self) -> float:
        total = 0
        for path in self._transit.rglob("*"):
            try:
                total += path.stat().st_blocks * 512 if path.is_file() else 0
            except FileNotFoundError:
                continue
        return total / _MB


def _costs(stage: _Stage, largest_gb: float) -> Table:
    table = Table("master", "peak memory", "beyond the first", "on disk", "seconds", title="What a master costs")
    first_mb = 0.0
    for size_bytes in (5 * _MB, 45 * _MB, int(largest_gb * _GB)):
        outcome = stage.run(stage.campaign(size_bytes))
        first_mb = first_mb or outcome.peak_mb
        table.add_row(
            f"{size_bytes / _MB:,.0f} MB: {outcome.said}", f"{outcome.peak_mb:.0f} MB",
            f"{outcome.peak_mb - first_mb:+.0f} MB", f"{outcome.disk_mb:.1f} MB", f"{outcome.seconds:.0f}",
        )  # fmt: skip
    return table


def _mishaps(stage: _Stage, largest_gb: float) -> Table:
    table = Table("what happens", "first run", "then in Box", "second run", "parts sent", "parts", "in the end in Box")
    size_bytes = int(min(2, largest_gb) * _GB)
    for what, size, arm in (
        ("killed at 60 %", size_bytes, None),
        ("cut, and its source changes", 100 * _MB, _change),
        ("a part is refused (412)", 100 * _MB, _refuse),
        ("the session expires", 100 * _MB, _expire),
    ):
        campaign_id = stage.campaign(size)
        parts = -(-size // stage.world.box_settings.part_size_bytes)
        if arm:
            arm(stage, campaign_id)
        first = stage.run(campaign_id, killed_at_parts=None if arm else round(0.6 * parts))
        between = stage.left()
        stage.mend(campaign_id)
        second = stage.run(campaign_id)
        table.add_row(what, first.said, between, second.said, str(stage.parts_sent()), str(parts), stage.left())
    return table


def _change(stage: _Stage, campaign_id: str) -> None:
    def change() -> None:
        with stage.film(campaign_id).open("r+b") as file:
            file.write(_OTHER)

    board = stage.world.boards["DAM"]
    board.add(Fault(path="/contents$", cut_after_bytes=60 * _MB))
    board.add(Fault(path="/contents$", before=change))


def _refuse(stage: _Stage, _: str) -> None:
    stage.world.boards["Box"].add(Fault(method="PUT", path="upload_sessions", status=412, skip=5))


def _expire(stage: _Stage, _: str) -> None:
    expire = stage.world.box.expire_upload_sessions
    stage.world.boards["Box"].add(Fault(method="PUT", path="upload_sessions", before=expire, skip=5))


if __name__ == "__main__":
    main()
