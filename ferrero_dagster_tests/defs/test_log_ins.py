"""OTMM counts sessions: one log-in at the DAM and one at Box serve all ticks of a process."""

import json
from pathlib import Path

import pytest

from ferrero_dagster.connections import Connections
from ferrero_dagster.operations.connection_checks import check_connections
from ferrero_dagster_tests.fix_sandbox import seen

SENSORS = ("a1_campaigns", "a5_campaigns", "b1_campaigns", "agency_files", "pending_notifications")


def everybody_ticks(cockpit):
    return [cockpit.preview(sensor) for sensor in SENSORS]


def log_ins(cockpit, *, times):
    return seen(cockpit.world.dam, path="/token$", times=times) and seen(cockpit.world.box, path="/token$", times=times)


def test_twenty_ticks_of_all_sensors_log_in_once(cockpit):
    for _ in range(20):
        everybody_ticks(cockpit)
    assert len(cockpit.world.dam.board.requests(path="/search")) == 60
    assert log_ins(cockpit, times=1)


@pytest.mark.fault(2)
def test_tokens_that_expire_between_ticks_are_renewed_once(cockpit):
    for _ in range(2):
        everybody_ticks(cockpit)
        cockpit.world.dam.store.expire_tokens()
        cockpit.world.box.store.expire_tokens()
    everybody_ticks(cockpit)
    assert log_ins(cockpit, times=3)


def test_a_changed_secret_is_used_at_the_next_tick(cockpit, monkeypatch, tmp_path):
    everybody_ticks(cockpit)
    config = json.loads(cockpit.world.box.config.read_text())
    config["boxAppSettings"]["clientSecret"] = "sesame"
    Path(tmp_path / "changed.json").write_text(json.dumps(config))
    monkeypatch.setenv("FERRERO_BOX_CONFIG", str(tmp_path / "changed.json"))
    monkeypatch.setenv("FERRERO_DAM_PASSWORD", "sesame")
    dam, *_, agency, _ = everybody_ticks(cockpit)
    assert dam.skip_reason.skip_message.startswith("The DAM refused our log-in (401)")
    assert agency.skip_reason.skip_message.startswith("Box refused our log-in (400")


def test_a_check_of_the_connections_is_not_content_with_a_kept_token(cockpit):
    everybody_ticks(cockpit)
    check_connections(Connections.from_environment())
    assert log_ins(cockpit, times=2)
    everybody_ticks(cockpit)
    assert log_ins(cockpit, times=2)
