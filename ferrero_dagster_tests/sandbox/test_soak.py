"""What `make soak` prints: each row can be wrong, and one that is wrong is the exit code. Nothing is started here."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from ferrero_dagster.sandbox.soak.__main__ import report
from ferrero_dagster.sandbox.soak.findings import (
    Finding,
    Tick,
    exactly,
    mails,
    no_red_tick,
    red_ticks_name,
    ticks_in_time,
    within,
)
from ferrero_dagster.sandbox.soak.scenarios import SCENARIOS

QUICK, LONG = Tick(took_s=3), Tick(took_s=60.1, error="Unable to reach the user code server")
LOCKED = Tick(took_s=8, error="waited 5 s for a lock that somebody holds")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (exactly("files", 2, 2), exactly("files", 2, 3)),
        (within("mail", 60, 59), within("mail", 60, 60)),
        (within("mail", 60, 59), within("mail", 60, None)),
        (ticks_in_time([QUICK]), ticks_in_time([QUICK, LONG])),
        (ticks_in_time([QUICK]), ticks_in_time([])),
        (no_red_tick([QUICK]), no_red_tick([QUICK, LONG])),
        (red_ticks_name("somebody", [QUICK, LOCKED]), red_ticks_name("somebody", [LOCKED, LONG])),
        (red_ticks_name("somebody", [QUICK, LOCKED]), red_ticks_name("somebody", [QUICK])),
    ],
)
def test_each_kind_of_row_is_right_or_wrong(right, wrong):
    assert (right.is_right, wrong.is_right) == (True, False)


@pytest.mark.parametrize(
    ("subjects", "wrong"),
    [
        (["✅ one", "❌ DAM is slow"], []),
        (["✅ one"], ["mails “is slow”"]),
        (["❌ DAM is slow", "❌ Box is slow"], ["mails “is slow”"]),
        (["❌ DAM is slow", "❌ a run failed"], ["mails of other trouble"]),
        (["❌ DAM is slow", "✅ one", "✅ one"], ["mails that came twice"]),
    ],
)
def test_a_mail_that_is_missing_or_one_too_many_is_seen(subjects, wrong):
    assert [one.what for one in mails(subjects, {"is slow": 1}) if not one.is_right] == wrong


def breaks_off(name):
    yield exactly(name, 1, 1)
    raise KeyError(name)


@pytest.mark.parametrize(
    ("found", "code", "last"),
    [
        (lambda name: [exactly(name, 1, 1)], 0, "ok"),
        (lambda name: [exactly(name, 1, 2 if name == "first" else 1)], 1, "ok"),
        (lambda name: [Finding(name, "[b]", "[/b]", is_right=False)], 1, "NOT"),
        (breaks_off, 1, "NOT"),
    ],
    ids=["all right", "the first one wrong", "all wrong", "breaks off"],
)
def test_one_wrong_row_is_the_exit_code_and_all_scenarios_are_in_the_table(found, code, last):
    printed = io.StringIO()
    console = Console(file=printed, width=130)
    assert report(console, ["first", "second"], found) == code
    rows = [line for line in printed.getvalue().splitlines() if line.startswith("│")]
    assert [any(name in row for row in rows) for name in ("first", "second")] == [True, True]
    assert rows[-1].split("│")[-2].strip() == last


def test_one_scenario_can_be_chosen_by_name():
    command = [sys.executable, "-m", "ferrero_dagster.sandbox.soak", "--only", "no such"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert all(name in refused.stderr for name in SCENARIOS)
