"""Measures what the design promises, two things in one run, as a ratio: `make bench`.

Absolute figures differ from machine to machine and hour to hour; the ratio says whether threads and the kept judgement
of a name are worth their code.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster.sandbox.world import World
from ferrero_dagster.transfer.finals.look import FinalsLooker
from ferrero_dagster.transfer.masters.run import move_masters
from ferrero_dagster.transfer.systems import Watcher

_FILES = 40
_FILE_BYTES = 1_000_000
_LATENCY_S = 0.1
_AGENCY_FILES = 5_000


def main() -> None:
    """Run all measurements and print one table."""
    table = Table("measured", "first", "second", "ratio", title="Two things in one run; the ratio counts")
    with tempfile.TemporaryDirectory() as state, World(Path(state)) as world:
        add_box_folders(world.box, world.site)
        environment = {k.removeprefix("FERRERO_").lower(): v for k, v in world.environment().items() if "FERRERO" in k}
        connections = Connections(load_settings(_env_file=None, **environment), world.site)
        for name in ("DAM", "Box"):
            world.boards[name].add(Fault(path="content", delay_s=_LATENCY_S, times=None))
        one, four = (_move(world, connections, threads) for threads in (1, 4))
        table.add_row(f"{_FILES} files of 1 MB, {_LATENCY_S} s latency: 1 and 4 threads", *_shown(one, four))
        first, second = _look_twice(world, connections)
        table.add_row(f"{_AGENCY_FILES} refused agency files: first and second look", *_shown(first, second))
    Console(width=110).print(table)


def _shown(first_s: float, second_s: float) -> tuple[str, str, str]:
    return f"{first_s:.2f} s", f"{second_s:.2f} s", f"{first_s / second_s:.1f}"


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _move(world: World, connections: Connections, threads: int) -> float:
    campaign_id = world.dam.add_campaign(
        name=f"Threads {threads}", number=f"C{threads:09}", status="A1", type="Local Adaptation",
        folders=("01 Master Assets", "01 Final Assets"),
    )  # fmt: skip
    folder_id = world.dam.folder(campaign_id, "01 Master Assets")
    for place in range(_FILES):
        world.dam.add_asset(folder_id, f"Master {place}.bin", place.to_bytes(4, "big") * (_FILE_BYTES // 4))
    site = connections.site.model_copy(
        update={"transfer": connections.site.transfer.model_copy(update={"threads": threads})}
    )
    watcher = Watcher(run_id="bench", log=lambda _: None, on_moved=lambda _: None)
    with Connections(connections.settings, site).systems() as systems:
        return _timed(lambda: move_masters(site.routes.masters[0], DamId(campaign_id), systems, watcher))


def _look_twice(world: World, connections: Connections) -> tuple[float, float]:
    inbox_id = world.site.box.ids[world.site.routes.finals[0].inbox]
    world.box.add_many_files(inbox_id, [f"12345_wrong_name_{place}.mp4" for place in range(_AGENCY_FILES)])
    site = connections.site.model_copy(
        update={"agency": connections.site.agency.model_copy(update={"settle_looks": 1})}
    )
    with connections.database() as database:
        looker = FinalsLooker(
            open_agency=connections.agency,
            route=site.routes.finals[0],
            folder_id=BoxId(inbox_id),
            database=database,
            site=site,
        )
        first, second = (_timed(lambda: looker.look(running=(), on_route=0)) for _ in range(2))
    return first, second


if __name__ == "__main__":
    main()
