"""`make bench`: a table for people and, with `--write`, `docs/PERFORMANCE.md`; `--check` is the short form of CI."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ferrero_dagster.sandbox.bench.measuring import Row, measured
from ferrero_dagster.sandbox.bench.performance import written

_DOCUMENT = Path(__file__).parents[3] / "docs" / "PERFORMANCE.md"


def main() -> int:
    """Measure, tell, and say whether the counts are as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--size-bytes", type=int, default=256 << 10)
    parser.add_argument("--latency-ms", type=float, nargs="*", default=[0, 40, 200])
    parser.add_argument("--write", action="store_true", help="write docs/PERFORMANCE.md")
    wanted = parser.parse_args()
    rows = measured(files=wanted.files, size_bytes=wanted.size_bytes, latencies_ms=wanted.latency_ms)
    Console(width=140).print(_table(rows))
    if wanted.write:
        _DOCUMENT.write_text(written(rows), encoding="utf-8")
    return 0 if all(row.is_whole for row in rows) else 1


def _table(rows: list[Row]) -> Table:
    table = Table(*Row.HEAD, title="Side by side; the ratios count, seconds differ from machine to machine")
    for row in rows:
        table.add_row(*row.cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
