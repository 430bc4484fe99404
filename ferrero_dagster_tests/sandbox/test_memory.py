"""What a process has had of memory is its own."""

import subprocess
import sys

from ferrero_dagster.sandbox.memory import peak_bytes

_SMALL = "from ferrero_dagster.sandbox.memory import peak_bytes; print(peak_bytes())"


def test_a_small_process_is_small_whoever_started_it():
    large = bytearray(300 << 20)
    assert peak_bytes() > len(large)
    said = subprocess.run([sys.executable, "-c", _SMALL], capture_output=True, check=True, text=True)
    assert 0 < int(said.stdout) < 100 << 20


def test_what_was_given_back_counts():
    before = peak_bytes()
    large = bytearray(before + (50 << 20))
    del large
    assert peak_bytes() > before + (50 << 20)
