"""`ferrero-dagster health`: one who watches from outside hears of all that lasts too long, and never waits long."""

import json
import os
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from ferrero_dagster.cli import main
from ferrero_dagster_tests.defs.test_reds import TIMED_OUT, Ticks
from ferrero_dagster_tests.tracking.silence import silence


def health(*arguments):
    result = CliRunner().invoke(main, ["health", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout.splitlines()


def alive(cockpit):
    now = time.time()
    for kind in cockpit.instance.get_required_daemon_types():
        cockpit.instance.add_daemon_heartbeat(DaemonHeartbeat(now, kind, None, []))


@pytest.mark.fault(76)
def test_where_all_is_well_one_line_says_so_and_the_exit_code_is_0(cockpit):
    alive(cockpit)
    Ticks(cockpit).tick(ago_s=60)
    assert health() == (0, ["All is well."])
    assert json.loads("".join(health("--json")[1])) == {"troubles": []}


@pytest.mark.fault(76)
def test_every_trouble_is_a_line(cockpit):
    cockpit.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "SENSOR", None, []))
    Ticks(cockpit).tick(TIMED_OUT, ago_s=10)
    Ticks(cockpit, "failed_runs").tick(ago_s=3600)
    create_run_for_test(cockpit.instance, job_name="a1_to_a2", status=dg.DagsterRunStatus.NOT_STARTED)
    cockpit.world.sql(
        "INSERT INTO outages (system, began_at, message) VALUES ('DAM', now() - interval '2 hours', 'It answers 503.')",
        "INSERT INTO reds (name, cause, message, times, began_at, last_at, heals)"
        " VALUES ('Check x', 'x', 'It fails.', 1, now() - interval '2 hours', now(), TRUE)",
        "INSERT INTO notifications (dedupe_key, channel, template, fact, message_id, created_at)"
        " VALUES ('x', 'mail', 'a1_to_a2_complete', '{}', 'x', now() - interval '2 hours')",
    )
    exit_code, lines = health()
    assert exit_code == 1
    for said in (
        "DAM cannot be used since ",
        "Check x is red since ",
        "1 message waits, the oldest (a1_to_a2_complete) since ",
        "Daemon SENSOR has not been alive for 60 min",
        "Daemon SCHEDULER has never been alive",
        "Sensor a1_campaigns is switched on and had no good tick yet.",
        "Sensor failed_runs is switched on and had no good tick since ",
    ):
        assert [line for line in lines if line.startswith(said)], said
    assert not [line for line in lines if "not begun" in line], "it has just been queued"
    assert "1 run has not begun, the oldest (a1_to_a2, " in str(health("--minutes", "0")[1])


@pytest.mark.fault(76)
def test_databases_that_are_away_are_two_lines_without_a_password(cockpit, monkeypatch):
    monkeypatch.setenv("FERRERO_DATABASE_URL", "postgresql://ferrero:s3cret@127.0.0.1:1/x")
    _use_postgresql(monkeypatch, "postgresql://ferrero:s3cret@127.0.0.1:1/x")
    exit_code, lines = health()
    assert (exit_code, len(lines)) == (1, 2)
    assert lines[0].startswith("The tracking database could not be asked: ")
    assert lines[1].startswith("Dagster could not be asked (")
    assert "s3cret" not in str(lines)


@pytest.mark.fault(76)
def test_a_database_that_takes_us_in_and_keeps_silent_is_not_waited_for(cockpit, monkeypatch):
    alive(cockpit)
    with silence(cockpit.world.database_url) as (proxy, address):
        proxy.at = b"user"
        _use_postgresql(monkeypatch, address)
        began = time.monotonic()
        exit_code, lines = health("--wait", "6")
        assert (exit_code, time.monotonic() - began < 30) == (1, True)
    assert lines == ["Not everything was answered within 6 s: see whether PostgreSQL answers."]


@pytest.mark.fault(76)
def test_without_dagsters_home_the_line_says_what_to_set(cockpit, monkeypatch):
    said = "Dagster could not be asked: Not set in the environment: DAGSTER_HOME; set it as for the daemon."
    # Undone before the instance takes its own back: after it, it would be set for all tests that follow.
    with monkeypatch.context() as without:
        without.delenv("DAGSTER_HOME")
        assert health() == (1, [said])


def _use_postgresql(monkeypatch, address):
    home = Path(os.environ["DAGSTER_HOME"])
    storage = {"module": "ferrero_dagster.defs.storage", "class": "EnvironmentStorage"}
    (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": {"custom": storage}}))
    monkeypatch.setenv("DAGSTER_PG_URL", address)
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "60")
