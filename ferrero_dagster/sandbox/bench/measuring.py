"""The same files moved three ways, on the same stand-ins, one after the other."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import ClassVar

import psycopg2

import ferrero_dagster
from ferrero_dagster.config.routes import Routes
from ferrero_dagster.config.site import load_site
from ferrero_dagster.sandbox.bench.copier import Copier
from ferrero_dagster.sandbox.bench.project import Measured, measured_run
from ferrero_dagster.sandbox.bench.run_start import RunStart, imports_s, launched_s, process_s
from ferrero_dagster.sandbox.bench.stand_ins import StandIns, stand_ins
from ferrero_dagster.sandbox.site import SANDBOX_SITE


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files of a campaign, and the latencies at which they are moved."""

    files: int
    size_bytes: int
    latencies_ms: Sequence[float]
    #: How often the ideal copier and we move them, in turn; their medians count, as processors are faster and slower.
    turns: int = 1


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The ideal copier's seconds, and then our run of as many files."""

    ideal_s: float
    ours: Measured
    calls: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one direction took at one latency: seconds, and what our run cost per file."""

    #: Files that the ideal copier moves at once.
    AT_ONCE: ClassVar = 16
    HEAD: ClassVar = (
        "way", "files", "latency", "plain script", f"ideal, {AT_ONCE} at once", "we", "× plain", "of ideal",
        "whole run", "calls DAM, Box", "statements ours, Dagster's", "CPU a file", "peak",
    )  # fmt: skip

    way: str
    batch: Batch
    latency_ms: float
    plain_s: float
    turns: Sequence[Turn]

    @property
    def ideal_s(self) -> float:
        """The median of all turns."""
        return median_low(turn.ideal_s for turn in self.turns)

    @property
    def median(self) -> Turn:
        """The one in which we took the median of all turns."""
        ordered = sorted(self.turns, key=lambda turn: turn.ours.moving_s)
        return ordered[(len(ordered) - 1) // 2]

    @property
    def is_whole(self) -> bool:
        """Whether each run moved all."""
        return all(turn.ours.is_success for turn in self.turns)

    @property
    def cells(self) -> tuple[str, ...]:
        """As people read it."""
        ours, files = self.median.ours, self.batch.files
        each = [f"{self.median.calls[name] / files:.2f}" for name in ("DAM", "Box")]
        statements = f"{ours.our_statements / files:.1f}, {ours.dagster_statements / files:.2f}"
        return (
            self.way, f"{files} × {_shown(self.batch.size_bytes)}", f"{self.latency_ms:.0f} ms",
            f"{self.plain_s:.1f} s", f"{self.ideal_s:.1f} s", f"{ours.moving_s:.1f} s",
            f"{self.plain_s / ours.moving_s:.1f}", f"{self.ideal_s / ours.moving_s:.2f}", f"{ours.seconds:.1f} s",
            ", ".join(each), statements, f"{1000 * ours.cpu_s / files:.0f} ms", f"{ours.peak_bytes >> 20} MB",
        )  # fmt: skip


def measured(batches: Sequence[Batch]) -> list[Row]:
    """Both directions, each batch at each of its latencies."""
    with _bench() as bench:
        return [row for batch in batches for latency in batch.latencies_ms for row in bench.rows(batch, latency)]


def measured_run_start() -> RunStart:
    """Of a run of a small campaign on the first route."""
    with _bench() as bench:
        return bench.run_start()


def _shown(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MB" if size_bytes >= 1 << 20 else f"{size_bytes >> 10} KB"


@contextmanager
def _bench() -> Iterator["_Bench"]:
    """With everything compiled and logged in, and all tables there."""
    with tempfile.TemporaryDirectory() as state, stand_ins(Path(state) / "world") as served:
        home = Path(state) / "dagster_home"
        home.mkdir()
        shutil.copy(Path(ferrero_dagster.__file__).parents[1] / "dagster.yaml", home)
        bench = _Bench(served, served.environment | {"DAGSTER_HOME": str(home)}, load_site(SANDBOX_SITE).routes)
        bench.warm_up()
        yield bench


@dataclass(frozen=True)
class _Bench:
    served: StandIns
    environment: dict[str, str]
    routes: Routes

    def warm_up(self) -> None:
        """Compile, log in, make tables."""
        measured_run(self.environment, self.routes.masters[0].name, self._campaign(2, 1000))

    def run_start(self) -> RunStart:
        """Until its first file; the first run of a code server may wait until that has imported the program."""
        job = self.routes.masters[0].name
        return RunStart(
            launched_s=launched_s(self.served, self.environment, job, [self._partition() for _ in range(2)]),
            first_transfer_s=process_s(self.served, self.environment, job, self._partition()),
            imports_s=imports_s(self.environment),
        )

    def _partition(self) -> str:
        """Of a small campaign."""
        campaign_id = self._campaign(2, 1000)
        self._sql(
            "INSERT INTO dagster.dynamic_partitions (partitions_def_name, partition) VALUES ('campaigns', %(id)s)",
            id=campaign_id,
        )
        return campaign_id

    def rows(self, batch: Batch, latency_ms: float) -> list[Row]:
        """Masters and then finals of the same campaigns."""
        self.served.latency(latency_ms / 1000)
        plain_s = self._copied_masters(batch, at_once=1)
        campaigns = [self._campaign(batch.files, batch.size_bytes) for _ in range(batch.turns)]
        there = [self._there(batch, campaign_id) for campaign_id in campaigns]
        plain_back_s = self._copied_finals(batch, campaigns[0], at_once=1)
        back = [self._back(batch, campaign_id) for campaign_id in campaigns]
        return [
            Row(way="DAM → Box", batch=batch, latency_ms=latency_ms, plain_s=plain_s, turns=there),
            Row(way="Box → DAM", batch=batch, latency_ms=latency_ms, plain_s=plain_back_s, turns=back),
        ]

    def _there(self, batch: Batch, campaign_id: str) -> Turn:
        ideal_s = self._copied_masters(batch, at_once=Row.AT_ONCE)
        return self._turn(self.routes.masters[0].name, campaign_id, ideal_s)

    def _back(self, batch: Batch, campaign_id: str) -> Turn:
        ideal_s = self._copied_finals(batch, campaign_id, at_once=Row.AT_ONCE)
        self.served.finals(campaign_id, size_bytes=batch.size_bytes)
        return self._turn(self.routes.finals[0].name, campaign_id, ideal_s)

    def _copied_masters(self, batch: Batch, *, at_once: int) -> float:
        campaign_id = self.served.campaign(files=batch.files, size_bytes=batch.size_bytes)
        return Copier(access=self.served.access, at_once=at_once).masters(
            campaign_id, self.routes.masters[0].source_folder
        )

    def _copied_finals(self, batch: Batch, campaign_id: str, *, at_once: int) -> float:
        self.served.finals(campaign_id, size_bytes=batch.size_bytes)
        copier = Copier(access=self.served.access, at_once=at_once)
        return copier.finals(campaign_id, self.routes.masters[0].upload_folder)

    def _campaign(self, files: int, size_bytes: int) -> str:
        """A campaign that a sensor has seen; its id is its partition, too."""
        campaign_id = self.served.campaign(files=files, size_bytes=size_bytes)
        self._sql(
            "INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, partition_key) "
            "VALUES (%(id)s, 'C000000000', 'Bench', %(id)s)",
            id=campaign_id,
        )
        return campaign_id

    def _sql(self, statement: str, **values: str) -> None:
        with closing(psycopg2.connect(self.environment["FERRERO_DATABASE_URL"])) as connection, connection:
            connection.cursor().execute(statement, values)

    def _turn(self, job: str, campaign_id: str, ideal_s: float) -> Turn:
        self.served.calls()
        ours = measured_run(self.environment, job, campaign_id)
        return Turn(ideal_s=ideal_s, ours=ours, calls=self.served.calls())
