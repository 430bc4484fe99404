"""How the demo ends: whoever tells it to, and however often, it stops what it started."""

import signal
import subprocess
import sys

import pytest

_PROGRAM = """
import os, signal
from ferrero_dagster.sandbox.demo import end_when_told
end_when_told()
try:
    print("up", flush=True)
    signal.pause()
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGHUP)
    print("stopped all", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_in_order_and_a_second_one_does_not_cut_that_short(number):
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopped all\n"
    assert process.returncode == 0
