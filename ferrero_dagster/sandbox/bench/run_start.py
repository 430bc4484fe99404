"""How soon a run begins: from the start of its process to its first file; what imports take of that."""

import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from ferrero_dagster.sandbox.bench.stand_ins import StandIns

#: What the process of a run reads before it runs.
_PROGRAM = "ferrero_dagster.definitions"
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
#: What a run never needs.
HEAVY = ("pandas", "matplotlib")
_MOST_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """Seconds."""

    HEAD: ClassVar = ("run start", "seconds")

    #: From the start of the process to its first request for a file.
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
            ("from the start of `dagster job execute` to the first download", f"{self.first_transfer_s:.2f}"),
            ("imports of our program in a process of its own", f"{sum(self.imports_s.values()):.2f}: {shown}, …"),
            (f"{' and '.join(HEAVY)} among them", ", ".join(heavy) or "no"),
        ]


def measured_start(served: StandIns, environment: dict[str, str], job: str, partition_key: str) -> RunStart:
    """Run a job for a partition as a person would on the command line."""
    tags = f'{{"dagster/partition": "{partition_key}"}}'
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", _PROGRAM, "-j", job, "--tags", tags]
    served.calls()
    began_s = time.monotonic()
    done = subprocess.run(  # noqa: S603  # our own command
        command, env=environment, capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise RuntimeError(f"The run ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return RunStart(first_transfer_s=served.first_download_s() - began_s, imports_s=imports_s(environment))


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
