"""How soon a run begins: from its launch to its first file; what imports take of that."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg2
from dagster_graphql import DagsterGraphQLClient

from ferrero_dagster.sandbox.bench.stand_ins import StandIns
from ferrero_dagster.sandbox.dagster_process import dagster_in
from ferrero_dagster.sandbox.serving import HOST, listening_socket

#: What the process of a run reads before it runs.
_PROGRAM = "ferrero_dagster.definitions"
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
#: What a run never needs.
HEAVY = ("pandas", "matplotlib")
_MOST_SHOWN = 5
_TIMEOUT_S = 120
#: When the daemon took the run from the queue; Dagster writes times of UTC.
_LAUNCHED = """SELECT extract(epoch FROM timestamp)::float8 FROM dagster.event_logs
    WHERE run_id = %s AND dagster_event_type = 'PIPELINE_STARTING'"""


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """Seconds."""

    HEAD: ClassVar = ("run start", "seconds")

    #: From the launch of a run by Dagster's daemon to its first request for a file.
    launched_s: float
    #: From the start of a process that no code server forks to its first request for a file.
    first_transfer_s: float
    #: Of `import ferrero_dagster.definitions` by top-level package.
    imports_s: dict[str, float]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """As people read it."""
        largest = sorted(self.imports_s.items(), key=lambda one: -one[1])[:_MOST_SHOWN]
        shown = ", ".join(f"{name} {seconds:.2f}" for name, seconds in largest)
        heavy = [name for name in HEAVY if name in self.imports_s]
        return [
            ("from the launch of a run by Dagster's daemon to the first download", f"{self.launched_s:.2f}"),
            ("from the start of `dagster job execute` to the first download", f"{self.first_transfer_s:.2f}"),
            ("imports of our program in a process of its own", f"{sum(self.imports_s.values()):.2f}: {shown}, …"),
            (f"{' and '.join(HEAVY)} among them", ", ".join(heavy) or "no"),
        ]


def launched_s(served: StandIns, environment: dict[str, str], job: str, partition_keys: Sequence[str]) -> float:
    """Seconds from the launch of the last of runs, one for each partition, under Dagster's daemon and code server."""
    home = Path(environment["DAGSTER_HOME"])
    with closing(listening_socket(0, "the Dagster UI")) as probe:
        port = probe.getsockname()[1]
    with dagster_in(home, environment, port, home / "dagster.log"):
        for key in partition_keys:
            served.calls()
            run_id = _run(DagsterGraphQLClient(HOST, port_number=port), job, key)
    with closing(psycopg2.connect(environment["FERRERO_DATABASE_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute(_LAUNCHED, (run_id,))
        [(launched_at,)] = cursor.fetchall()
    return served.first_download_s() + time.time() - time.monotonic() - float(launched_at)


def _run(dagster: DagsterGraphQLClient, job: str, partition_key: str) -> str:
    """The id of a run, once it has moved all."""
    ends = time.monotonic() + _TIMEOUT_S
    run_id = dagster.submit_job_execution(job, tags={"dagster/partition": partition_key})
    while (status := dagster.get_run_status(run_id).value) != "SUCCESS":
        if status == "FAILURE" or time.monotonic() > ends:
            raise RuntimeError(f"The run {run_id} is {status}.")
        time.sleep(0.5)
    return run_id


def process_s(served: StandIns, environment: dict[str, str], job: str, partition_key: str) -> float:
    """Seconds of a job for a partition that a person runs on the command line."""
    tags = f'{{"dagster/partition": "{partition_key}"}}'
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", _PROGRAM, "-j", job, "--tags", tags]
    served.calls()
    began_s = time.monotonic()
    done = subprocess.run(  # noqa: S603  # our own command
        command, env=environment, capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise RuntimeError(f"The run ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return served.first_download_s() - began_s


def imports_s(environment: dict[str, str]) -> dict[str, float]:
    """Seconds that each top-level package takes of our program's imports, without those that it imports itself."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {_PROGRAM}"]
    done = subprocess.run(  # noqa: S603  # our own command
        command, env=environment, capture_output=True, check=True, text=True
    )
    spent: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(done.stderr):
        spent[module.partition(".")[0]] += int(microseconds)
    return {name: spent_us / 1e6 for name, spent_us in spent.items()}
