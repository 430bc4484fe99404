"""The demo with routes of one's own; and how it ends: whoever tells it to, it stops what it started."""

import signal
import socket
import subprocess
import sys
from contextlib import closing

import pytest
import yaml

from ferrero_dagster.sandbox.serving import HOST
from ferrero_dagster_tests.config.test_routes import FINALS, INBOX, MASTERS

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


def free_ports(number):
    """The first of so many free ports in a row."""
    for first in range(20_000, 60_000, number):
        if all(is_free(first + place) for place in range(number)):
            return first
    raise AssertionError


def is_free(port):
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) != 0


@pytest.mark.timeout(900)
def test_files_travel_along_the_rows_that_a_site_adds_by_real_ticks_and_runs(tmp_path):
    rows = {"c1_to_c2": MASTERS, "b2_to_b3": FINALS}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({"routes": rows, "box": INBOX}, sort_keys=False))
    words = ["demo", "--check", "--fresh", "--state", tmp_path / "state", "--site-config", tmp_path / "site.yaml"]
    demo = subprocess.run(
        [sys.executable, "-m", "ferrero_dagster.cli", *words, "--port", str(free_ports(6))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for row in ("c1_to_c2: status in the DAM", "b2_to_b3: finals in the DAM", "b2_to_b3: mail of the campaign"):
        assert row in demo.stdout
