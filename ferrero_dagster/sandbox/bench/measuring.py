"""The same files moved three ways, on the same stand-ins, one after the other."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import psycopg2

import ferrero_dagster
from ferrero_dagster.config.routes import Routes
from ferrero_dagster.config.site import load_site
from ferrero_dagster.sandbox.bench.copier import Copier
from ferrero_dagster.sandbox.bench.project import measured_run
from ferrero_dagster.sandbox.bench.run_start import RunStart, imports_s, launched_s, process_s
from ferrero_dagster.sandbox.bench.stand_ins import StandIns, stand_ins
from ferrero_dagster.sandbox.site import SANDBOX_SITE


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files of a campaign, and the latencies at which they are moved."""

    files: int
    size_bytes: int
    latencies_ms: Sequence[float]


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
    files: int
    size_bytes: int
    latency_ms: float
    plain_s: float
    ideal_s: float
    #: Until all files were where they belong, and until the run's end.
    ours_s: float
    run_s: float
    calls: dict[str, int]
    our_statements: int
    dagster_statements: int
    cpu_s: float
    peak_bytes: int
    #: Whether the run moved all.
    is_whole: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """As people read it."""
        each = [f"{self.calls[name] / self.files:.2f}" for name in ("DAM", "Box")]
        statements = f"{self.our_statements / self.files:.1f}, {self.dagster_statements / self.files:.2f}"
        return (
            self.way, f"{self.files} × {_shown(self.size_bytes)}", f"{self.latency_ms:.0f} ms",
            f"{self.plain_s:.1f} s", f"{self.ideal_s:.1f} s", f"{self.ours_s:.1f} s",
            f"{self.plain_s / self.ours_s:.1f}", f"{self.ideal_s / self.ours_s:.2f}", f"{self.run_s:.1f} s",
            ", ".join(each), statements, f"{1000 * self.cpu_s / self.files:.0f} ms", f"{self.peak_bytes >> 20} MB",
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
        """Masters and then finals of the same campaign."""
        files, size_bytes = batch.files, batch.size_bytes
        masters, finals = self.routes.masters[0], self.routes.finals[0]
        self.served.latency(latency_ms / 1000)
        plain_s, ideal_s = (
            Copier(access=self.served.access, at_once=at_once).masters(
                self.served.campaign(files=files, size_bytes=size_bytes), masters.source_folder
            )
            for at_once in (1, Row.AT_ONCE)
        )
        campaign_id = self._campaign(files, size_bytes)
        there = self._row(masters.name, campaign_id, way="DAM → Box", batch=batch, copied=(plain_s, ideal_s))
        copied = []
        for at_once in (1, Row.AT_ONCE):
            self.served.finals(campaign_id, size_bytes=size_bytes)
            copier = Copier(access=self.served.access, at_once=at_once)
            copied.append(copier.finals(campaign_id, masters.upload_folder))
        self.served.finals(campaign_id, size_bytes=size_bytes)
        back = self._row(finals.name, campaign_id, way="Box → DAM", batch=batch, copied=copied)
        return [replace(row, latency_ms=latency_ms) for row in (there, back)]

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

    def _row(self, job: str, campaign_id: str, *, way: str, batch: Batch, copied: Sequence[float]) -> Row:
        self.served.calls()
        ours = measured_run(self.environment, job, campaign_id)
        return Row(
            way=way,
            files=batch.files,
            size_bytes=batch.size_bytes,
            latency_ms=0,
            plain_s=copied[0],
            ideal_s=copied[1],
            ours_s=ours.moving_s,
            run_s=ours.seconds,
            calls=self.served.calls(),
            our_statements=ours.our_statements,
            dagster_statements=ours.dagster_statements,
            cpu_s=ours.cpu_s,
            peak_bytes=ours.peak_bytes,
            is_whole=ours.is_success,
        )
