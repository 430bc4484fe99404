"""`make soak`: ten minutes with Dagster's own daemon and code server, and a table of what was promised and found."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.demo import end_when_told
from ferrero_dagster.sandbox.soak.findings import Finding
from ferrero_dagster.sandbox.soak.scenarios import SCENARIOS, SITE, findings
from ferrero_dagster.sandbox.soak.stage import Stage
from ferrero_dagster.sandbox.world import World

_PORT = 3200


def report(console: Console, names: Sequence[str], found: Callable[[str], Iterable[Finding]]) -> int:
    """Print a line per finding when it is known and all as one table in the end; 0 if all is as promised, else 1."""
    table = Table("scenario", "what", "promised", "found", "", title="With Dagster's own daemon and code server")
    is_right, began_s = True, time.monotonic()
    for name in names:
        for one in _to_the_end(found(name)):
            is_right = is_right and one.is_right
            row = [name, one.what, one.promised, escape(one.found), "ok" if one.is_right else "NOT"]
            table.add_row(*row)
            console.print(f"{time.monotonic() - began_s:4.0f} s  {' | '.join(row)}", soft_wrap=True)
        table.add_section()
    console.print(table)
    return 0 if is_right else 1


def _to_the_end(found: Iterable[Finding]) -> Iterator[Finding]:
    """A scenario that breaks off is a finding, and no reason not to go on with the next one."""
    try:
        yield from found
    except Exception as error:  # noqa: BLE001  # whatever it is
        yield Finding("the scenario", "comes to its end", f"{type(error).__name__}: {error}", is_right=False)


def run_soak(names: Sequence[str], *, port: int) -> int:
    """Start everything, run these scenarios in their order, and end all again; 0 or 1 as `report`."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        (state / "own.yaml").write_text(SITE)
        with World(state, base_port=port, site_config=state / "own.yaml", dialect="customer") as world:
            add_box_folders(world.box, world.site)
            stage = Stage(world, state, port)
            with stage.processes:
                stage.start()
                return report(console, names, lambda name: findings(name, stage))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario alone; may be repeated")
    parser.add_argument("--port", type=int, default=_PORT, help="of Dagster's pages; the stand-ins take the next ones")
    asked = parser.parse_args()
    end_when_told()
    try:
        sys.exit(run_soak(asked.only or list(SCENARIOS), port=asked.port))
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing is left running.")
    except ConfigurationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
