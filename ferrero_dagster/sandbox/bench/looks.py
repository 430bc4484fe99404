"""What a look of a sensor costs, by how much there is to look at.

Looks happen in a process of their own, `python -m ….bench.looks ROUTE`: a line of JSON for each that is asked for.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg2

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.config.site import load_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.allowance import Priority
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.bench.counting import count_statements
from ferrero_dagster.sandbox.bench.stand_ins import StandIns, stand_ins
from ferrero_dagster.sandbox.site import SANDBOX_SITE
from ferrero_dagster.transfer.finals.look import FinalsLooker
from ferrero_dagster.transfer.masters.look import MastersLooker

_CAMPAIGN_ID, _TRACKING_ID = "bench", "BENCH1"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one look."""

    seconds: float
    calls: int
    statements: int

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.calls}, {self.statements}"


@dataclass(frozen=True, kw_only=True)
class LookRow:
    """Looks at so many things, one after the other."""

    HEAD: ClassVar = ("a look at", "the first: seconds, calls, statements", "the second", "the third")

    what: str
    number: int
    looks: Sequence[Cost]

    @property
    def cells(self) -> tuple[str, ...]:
        """As people read it."""
        return (f"{self.number:,} {self.what}", *map(str, self.looks))


def measured_looks(*, files: Sequence[int], campaigns: Sequence[int]) -> list[LookRow]:
    """Rows for an agency's folder of so many files each, and for so many campaigns that are ready each."""
    return [*map(_look_at_files, files), *map(_look_at_campaigns, campaigns)]


def _look_at_files(number: int) -> LookRow:
    with _world() as (served, routes):
        _add_master(served)
        served.folder(number, tracking_id=_TRACKING_ID)
        return _row(served, routes.finals[0].name, "files in the agency's folder", number)


def _look_at_campaigns(number: int) -> LookRow:
    with _world() as (served, routes):
        for _ in range(number):
            served.campaign(files=1, size_bytes=1000)
        return _row(served, routes.masters[0].name, "campaigns", number)


@contextmanager
def _world() -> Iterator[tuple[StandIns, Routes]]:
    with tempfile.TemporaryDirectory() as state, stand_ins(Path(state)) as served:
        yield served, load_site(SANDBOX_SITE).routes


def _add_master(served: StandIns) -> None:
    """The one that all files are finals of."""
    with closing(psycopg2.connect(served.access.environment["FERRERO_DATABASE_URL"])) as connection, connection:
        connection.cursor().execute(
            "INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name) VALUES (%(campaign)s, '', '');"
            "INSERT INTO master_assets (tracking_id, campaign_id, asset_name) VALUES (%(id)s, %(campaign)s, 'a.jpg')",
            {"campaign": _CAMPAIGN_ID, "id": _TRACKING_ID},
        )


def _row(served: StandIns, route: str, what: str, number: int) -> LookRow:
    with _looks(served, route) as look:
        return LookRow(what=what, number=number, looks=[look() for _ in LookRow.HEAD[1:]])


@contextmanager
def _looks(served: StandIns, route: str) -> Iterator[Callable[[], Cost]]:
    """What looks once, in a process that has looked before, as a code server has."""
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", __name__, route],
        env=served.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        asks, answers = process.stdin, process.stdout
        answers.readline()

        def look() -> Cost:
            served.calls()
            asks.write("\n")
            asks.flush()
            return Cost(**json.loads(answers.readline()), calls=sum(served.calls().values()))

        yield look
        asks.close()


def _main(route: str) -> None:
    counted: Counter[str] = Counter()
    count_statements(counted)
    connections = Connections.from_environment(Priority.LOOK)
    with ExitStack() as stack:
        look = _looker(stack, connections, route)
        _say({})
        for _ in sys.stdin:
            counted.clear()
            began = time.perf_counter()
            look()
            _say({"seconds": time.perf_counter() - began, "statements": counted["ours"]})


def _looker(stack: ExitStack, connections: Connections, name: str) -> Callable[[], object]:
    """What looks once along the route, as its sensor does."""
    database, site = stack.enter_context(connections.database()), connections.site
    for route in site.routes.masters:
        if route.name == name:
            dam = stack.enter_context(connections.dam())
            masters = MastersLooker(dam=dam, route=route, database=database, site=site, interval_s=0)
            return lambda: masters.look(running=(), on_route=0)
    [way_back] = [route for route in site.routes.finals if route.name == name]
    finals = FinalsLooker(
        open_agency=connections.agency,
        route=way_back,
        folder_id=BoxId(connections.box_folders[way_back.inbox]),
        database=database,
        site=site,
    )
    return lambda: finals.look(running=(), on_route=0)


def _say(answer: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
