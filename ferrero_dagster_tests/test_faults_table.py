"""docs/FAULTS.md tells the truth: all 56 faults are there, and every test that it names exists."""

import re
from pathlib import Path

_TESTS = Path(__file__).parent
_TABLE = _TESTS.parent / "docs" / "FAULTS.md"


def test_every_test_named_in_the_table_of_faults_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", _TABLE.read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in _TESTS.rglob("test_*.py")]
    existing = {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}
    assert len(named) > 50
    assert named - existing == set()


def test_every_fault_has_a_row_that_says_something() -> None:
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \| [^|]*\|$", _TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 57))
    assert all(said.strip() for _, said in rows)
