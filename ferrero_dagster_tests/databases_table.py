"""docs/DATABASES.md: databases as customers may have them, each tried on several versions of PostgreSQL.

`make databases POSTGRES="DIR DIR"` tries them all, on the PostgreSQL of the tests and on those whose programs are in
these directories (`initdb`, `pg_ctl`, `postgres`), and writes the page. The tests compare it with what is the case.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ferrero_dagster_tests.databases import CASES, Outcome

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "DATABASES.md"
#: Where the tests write down what they find, instead of comparing it with the page.
FOUND_DIR = "FERRERO_DATABASES_FOUND"

HEAD = """\
# Databases that were tried

The tracking database is the customer's: its tables may have rules, owners and encodings that we know nothing of. Each
row is such a database, made anew, and what happens there: `db upgrade` where it is as the first column says, then
`check-connections` (encoding, tables, rows) and runs; where the upgrade is refused, these after an upgrade without the
rule, as if its owner had made it later. A row that is refused stops its own campaign or file only, and is told; missing
rights and a database that is read-only concern all.

A run is a campaign with one asset from the DAM to the agency, and its final back. “A master”, “a final” and “the status
A5” are rows that are tried and undone; `…` stands for ids.

Tried on PostgreSQL {versions}. `make databases POSTGRES="…"` writes this page; the SQL of each row is in
[databases.py](../ferrero_dagster_tests/databases.py), and the tests compare the page with what happens on one version.

| database | PostgreSQL | `db upgrade` | `check-connections` | runs |
|---|---|---|---|---|
"""
_ROW = re.compile(r"\| (?P<what>.*?) \| (?P<versions>[\d, -]+) \| (?P<cells>.*) \|")

_NUMBERS = {case.what: number for number, case in enumerate(CASES)}

Found = dict[str, dict[int, Outcome]]


def page(found: Found, releases: list[str]) -> str:
    """The whole of docs/DATABASES.md; `found` has outcomes by case and major version."""
    rows = (_row(case.what, versions, said) for case in CASES for said, versions in _alike(found[case.what]).items())
    return HEAD.format(versions=", ".join(releases)) + "".join(rows)


def _alike(outcomes: dict[int, Outcome]) -> dict[Outcome, list[int]]:
    alike: dict[Outcome, list[int]] = {}
    for version, said in sorted(outcomes.items()):
        alike.setdefault(said, []).append(version)
    return alike


def _row(what: str, versions: list[int], said: Outcome) -> str:
    return f"| {what} | {_span(versions)} | {_cells(said)} |\n"


def _cells(said: Outcome) -> str:
    return " | ".join((said.upgrade, said.checks, said.runs))


def _span(versions: list[int]) -> str:
    is_gapless = versions == list(range(versions[0], versions[-1] + 1))
    return f"{versions[0]}-{versions[-1]}" if is_gapless and versions[1:] else ", ".join(map(str, versions))


def cells_of(what: str, version: int) -> str | None:
    """What the page says of a case on a major version; None: nothing."""
    rows = filter(None, map(_ROW.fullmatch, PAGE.read_text(encoding="utf-8").splitlines()))
    return next((row["cells"] for row in rows if row["what"] == what and version in _versions(row["versions"])), None)


def _versions(span: str) -> set[int]:
    first, _, last = span.partition("-")
    return set(range(int(first), int(last) + 1)) if last else {int(version) for version in span.split(", ")}


def note(what: str, release: str, said: Outcome) -> str | None:
    """Keep what was found where it is being collected; else what the page says instead of it, None if that is this."""
    version = int(release.partition(".")[0])
    if found_dir := os.environ.get(FOUND_DIR):
        line = [what, release, said.upgrade, said.checks, said.runs]
        Path(found_dir, f"{version}-{_NUMBERS[what]}.json").write_text(json.dumps(line), encoding="utf-8")
        return None
    told = cells_of(what, version)
    return None if told == _cells(said) else f"{told}"


def _try(bin_dirs: list[str], found_dir: str) -> None:
    for bin_dir in ("", *bin_dirs):
        environment = {**os.environ, FOUND_DIR: found_dir, "FERRERO_TEST_POSTGRES": bin_dir}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", str(TESTS / "test_databases.py")]
        subprocess.run(command, env=environment, check=True)


def written(found_dir: str) -> str:
    """The page of what was found there."""
    found: Found = {case.what: {} for case in CASES}
    releases = {}
    for path in Path(found_dir).iterdir():
        what, release, *said = json.loads(path.read_text(encoding="utf-8"))
        version = int(release.partition(".")[0])
        found[what][version], releases[version] = Outcome(*said), release
    return page(found, [releases[version] for version in sorted(releases)])


def main(bin_dirs: list[str]) -> None:
    """Try all and write the page."""
    with TemporaryDirectory() as found_dir:
        _try(bin_dirs, found_dir)
        PAGE.write_text(written(found_dir), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
