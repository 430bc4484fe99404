"""A run Box → DAM that is killed at any boundary: the next one comes to the same end (FAULTS 30); and big files."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ferrero_dagster.sandbox.faults import Fault
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name, finals_moved
from ferrero_dagster_tests.transfer.finals.finals_process import environment, start

# At which request the process dies. It is not applied where a status is given: then nobody has seen it.
BOUNDARIES: dict[str, tuple[str, dict[str, Any]]] = {
    "log-in": ("DAM", {"path": "/oauth2/token"}),
    "campaign": ("DAM", {"path": "/folders/0+1$"}),
    "metadata": ("Box", {"path": "/metadata/"}),
    "content": ("Box", {"path": "/content$"}),
    "download": ("Box", {"path": "^/dl/"}),
    "second download": ("Box", {"path": "^/dl/", "skip": 1}),
    "target folder": ("DAM", {"path": "/children$"}),
    "import, not applied": ("DAM", {"method": "POST", "path": "/assets$", "status": 500}),
    "import, applied": ("DAM", {"method": "POST", "path": "/assets$"}),
    "second import, applied": ("DAM", {"method": "POST", "path": "/assets$", "skip": 1}),
    "job": ("DAM", {"path": "/jobs/"}),
    "second job": ("DAM", {"path": "/jobs/", "skip": 1}),
    "asset": ("DAM", {"method": "GET", "path": "/v6/assets$"}),
    "deletion, not applied": ("Box", {"method": "DELETE", "status": 500}),
    "deletion, applied": ("Box", {"method": "DELETE"}),
    "second deletion, applied": ("Box", {"method": "DELETE", "skip": 1}),
    "status, compared": ("DAM", {"method": "GET", "path": "/folders/0+1$", "skip": 1}),
    "status, not applied": ("DAM", {"method": "PATCH", "status": 500}),
    "status, applied": ("DAM", {"method": "PATCH"}),
    "read back": ("DAM", {"path": "/folders/0+1$", "skip": 2}),
}
_no_crash: list[dict[str, Any]] = []
Kill = Callable[[Callable[[], None]], Any]


def end_of_killed_run(agency: Agency, tmp_path: Path, before: Kill, after: Kill = lambda _: None) -> dict[str, Any]:
    """The end state when the first run is killed; `before` it starts and `after`, a function that kills it is given."""
    if not _no_crash:
        _no_crash.append(agency.end_state(finals_moved(agency)))
        agency.forget_everything()
    processes: list[ForkServerProcess] = []

    def kill():
        processes[0].kill()

    def killed_run():
        agency.settled_look()
        [campaign_id] = agency.sql("SELECT campaign_id FROM campaign_status")
        before(kill)
        processes.append(start(environment(agency.world, tmp_path), campaign_id)[0])
        after(kill)
        processes[0].join(30)
        assert processes[0].exitcode == -signal.SIGKILL

    campaign_id = finals_moved(agency, after_delivery=killed_run)
    return agency.end_state(campaign_id)


@pytest.mark.fault(30, 41)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_run_killed_at_a_request_changes_nothing_in_the_end(agency, tmp_path, boundary):
    system, where = BOUNDARIES[boundary]
    board = {"DAM": agency.world.dam, "Box": agency.world.box}[system].board
    state = end_of_killed_run(agency, tmp_path, lambda kill: board.add(Fault(before=kill, **where)))
    assert state == _no_crash[0]
    assert not board.armed
    assert len(agency.world.dam.board.requests("POST", "/assets$")) <= 4


@pytest.mark.fault(27, 30)
@pytest.mark.parametrize("table", ["transfers", "derivative_assets", "notifications", "campaign_rounds"])
def test_a_run_killed_within_a_transaction_changes_nothing_in_the_end(agency, tmp_path, table):
    with closing(psycopg2.connect(agency.world.database_url)) as connection, connection.cursor() as cursor:

        def block(_):
            cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")

        def kill_when_it_waits(kill):
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while agency.sql(waiting) == [0]:
                time.sleep(0.01)
            kill()
            connection.rollback()

        assert end_of_killed_run(agency, tmp_path, block, kill_when_it_waits) == _no_crash[0]


def test_a_final_of_300_mb_costs_no_more_memory_than_one_of_40(agency, tmp_path):
    campaign_id = agency.campaign("AAA001", "AAA002")
    growth_bytes = []
    for tracking_id, size_bytes in (("AAA001", 40_000_000), ("AAA002", 300_000_000)):
        with (tmp_path / tracking_id).open("wb") as file:
            file.truncate(size_bytes)
        agency.world.box.store.put_file(AGENCY_FOLDER, final_name(tracking_id), tmp_path / tracking_id)
        agency.settled_look()
        process, grown = start(environment(agency.world, tmp_path), campaign_id)
        assert grown.poll(60)
        growth_bytes.append(grown.recv())
        process.join(10)
    assert [asset.size_bytes for asset in agency.assets(campaign_id)] == [40_000_000, 300_000_000]
    assert growth_bytes[1] < growth_bytes[0] + 20_000_000
    assert agency.waiting() == []
