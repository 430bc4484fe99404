"""The same files moved three ways, on the same stand-ins, one after the other."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import psycopg2

import ferrero_dagster
from ferrero_dagster.config.routes import Routes
from ferrero_dagster.config.site import load_site
from ferrero_dagster.sandbox.bench.copier import Copier
from ferrero_dagster.sandbox.bench.project import measured_run
from ferrero_dagster.sandbox.bench.stand_ins import StandIns, stand_ins
from ferrero_dagster.sandbox.site import SANDBOX_SITE


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one direction took at one latency: seconds, and what our run cost per file."""

    #: Files that the ideal copier moves at once.
    AT_ONCE: ClassVar = 16
    HEAD: ClassVar = (
        "way", "latency", "plain script", f"ideal, {AT_ONCE} at once", "we", "× plain", "of ideal", "calls DAM, Box",
        "statements ours, Dagster's", "CPU a file", "peak",
    )  # fmt: skip

    way: str
    files: int
    latency_ms: float
    plain_s: float
    ideal_s: float
    ours_s: float
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
            self.way, f"{self.latency_ms:.0f} ms", f"{self.plain_s:.1f} s", f"{self.ideal_s:.1f} s",
            f"{self.ours_s:.1f} s", f"{self.plain_s / self.ours_s:.1f}", f"{self.ideal_s / self.ours_s:.2f}",
            ", ".join(each), statements, f"{1000 * self.cpu_s / self.files:.0f} ms", f"{self.peak_bytes >> 20} MB",
        )  # fmt: skip


def measured(*, files: int, size_bytes: int, latencies_ms: list[float]) -> list[Row]:
    """Both directions at each latency, so many files of this size each."""
    with tempfile.TemporaryDirectory() as state, stand_ins(Path(state) / "world") as served:
        bench = _Bench(served, _environment(served, Path(state)), load_site(SANDBOX_SITE).routes)
        bench.warm_up()
        return [row for latency in latencies_ms for row in bench.rows(files, size_bytes, latency)]


def _environment(served: StandIns, state: Path) -> dict[str, str]:
    home = state / "dagster_home"
    home.mkdir()
    shutil.copy(Path(ferrero_dagster.__file__).parents[1] / "dagster.yaml", home)
    ours = {"DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    return (
        {name: value for name, value in os.environ.items() if "FERRERO" not in name} | served.access.environment | ours
    )


@dataclass(frozen=True)
class _Bench:
    served: StandIns
    environment: dict[str, str]
    routes: Routes

    def warm_up(self) -> None:
        """Compile, log in, make tables."""
        measured_run(self.environment, self.routes.masters[0].name, self._campaign(2, 1000))

    def rows(self, files: int, size_bytes: int, latency_ms: float) -> list[Row]:
        """Masters and then finals of the same campaign."""
        masters, finals = self.routes.masters[0], self.routes.finals[0]
        self.served.latency(latency_ms / 1000)
        plain_s, ideal_s = (
            Copier(access=self.served.access, at_once=at_once).masters(
                self.served.campaign(files=files, size_bytes=size_bytes), masters.source_folder
            )
            for at_once in (1, Row.AT_ONCE)
        )
        campaign_id = self._campaign(files, size_bytes)
        there = self._row(masters.name, campaign_id, way="DAM → Box", files=files, copied=(plain_s, ideal_s))
        copied = []
        for at_once in (1, Row.AT_ONCE):
            self.served.finals(campaign_id, size_bytes=size_bytes)
            copier = Copier(access=self.served.access, at_once=at_once)
            copied.append(copier.finals(campaign_id, masters.upload_folder))
        self.served.finals(campaign_id, size_bytes=size_bytes)
        back = self._row(finals.name, campaign_id, way="Box → DAM", files=files, copied=copied)
        return [replace(row, latency_ms=latency_ms) for row in (there, back)]

    def _campaign(self, files: int, size_bytes: int) -> str:
        """A campaign that a sensor has seen; its id is its partition, too."""
        campaign_id = self.served.campaign(files=files, size_bytes=size_bytes)
        with closing(psycopg2.connect(self.environment["FERRERO_DATABASE_URL"])) as connection, connection:
            connection.cursor().execute(
                "INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, partition_key) "
                "VALUES (%(id)s, 'C000000000', 'Bench', %(id)s)",
                {"id": campaign_id},
            )
        return campaign_id

    def _row(self, job: str, campaign_id: str, *, way: str, files: int, copied: Sequence[float]) -> Row:
        self.served.calls()
        ours = measured_run(self.environment, job, campaign_id)
        return Row(
            way=way,
            files=files,
            latency_ms=0,
            plain_s=copied[0],
            ideal_s=copied[1],
            ours_s=ours.seconds,
            calls=self.served.calls(),
            our_statements=ours.our_statements,
            dagster_statements=ours.dagster_statements,
            cpu_s=ours.cpu_s,
            peak_bytes=ours.peak_bytes,
            is_whole=ours.is_success,
        )
