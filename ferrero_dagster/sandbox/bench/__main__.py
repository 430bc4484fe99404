"""`make bench`: tables for people and, with `--write`, `docs/PERFORMANCE.md`; exits 1 where a run did not move all."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ferrero_dagster.sandbox.bench.looks import LookRow, measured_looks
from ferrero_dagster.sandbox.bench.measuring import Batch, Row, measured, measured_run_start
from ferrero_dagster.sandbox.bench.performance import written
from ferrero_dagster.sandbox.bench.run_start import RunStart

_DOCUMENT = Path(__file__).parents[3] / "docs" / "PERFORMANCE.md"
_TURNS = 3
_BATCHES = (
    Batch(files=200, size_bytes=256 << 10, latencies_ms=(0, 40, 200), turns=_TURNS),
    Batch(files=20, size_bytes=20 << 20, latencies_ms=(40,), turns=_TURNS),
)
_FILES, _CAMPAIGNS = (0, 1_000, 10_000, 50_000), (10, 1_000)


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, help="measure only how so many files of one size move")
    parser.add_argument("--size-bytes", type=int, default=256 << 10, help="of each of --files")
    parser.add_argument("--latency-ms", type=float, nargs="*", default=[0, 40, 200], help="at which --files move")
    parser.add_argument("--write", action="store_true", help="write docs/PERFORMANCE.md")
    wanted = parser.parse_args()
    if wanted.files and wanted.write:
        parser.error("docs/PERFORMANCE.md tells of all that is measured; leave out --files.")
    if wanted.files:
        own = Batch(files=wanted.files, size_bytes=wanted.size_bytes, latencies_ms=wanted.latency_ms, turns=_TURNS)
        return _told(measured([own]))
    rows = measured(_BATCHES)
    code = _told(rows)
    looks, start = measured_looks(files=_FILES, campaigns=_CAMPAIGNS), measured_run_start()
    _show(LookRow.HEAD, [row.cells for row in looks])
    _show(RunStart.HEAD, start.rows)
    if wanted.write:
        _DOCUMENT.write_text(written(rows, looks, start), encoding="utf-8")
    return code


def _told(rows: Sequence[Row]) -> int:
    _show(Row.HEAD, [row.cells for row in rows])
    return 0 if all(row.is_whole for row in rows) else 1


def _show(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = Table(*head)
    for line in lines:
        table.add_row(*line)
    Console(width=150).print(table)


if __name__ == "__main__":
    sys.exit(main())
