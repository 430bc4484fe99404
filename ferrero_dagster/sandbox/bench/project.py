"""This project's own run of a campaign, in a process of its own: `python -m ….bench.project JOB KEY`."""

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import dagster as dg

from ferrero_dagster.connections import Connections
from ferrero_dagster.definitions import definitions
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.sandbox.bench.counting import count_statements
from ferrero_dagster.sandbox.memory import peak_bytes
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer.finals.look import FinalsLooker


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a run cost."""

    #: From the start of its step until the last of its files was where it belongs, which is all that a copier does.
    moving_s: float
    #: From before Dagster made the run until its end: the status is set, the mails have left.
    seconds: float
    cpu_s: float
    peak_bytes: int
    #: Statements and new connections in Dagster's storage; statements in ours.
    dagster_statements: int
    dagster_connections: int
    our_statements: int
    is_success: bool


def measured_run(environment: dict[str, str], job: str, partition_key: str) -> Measured:
    """Run a job for a partition in a new process, whose imports do not count."""
    command = [sys.executable, "-m", __name__, job, partition_key]
    done = subprocess.run(  # noqa: S603  # our own command
        command,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"The run ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _main(job: str, partition_key: str) -> None:
    counted: Counter[str] = Counter()
    count_statements(counted)
    repository = definitions().get_repository_def()
    _look(job)
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("campaigns", [partition_key])
        counted.clear()
        began = time.perf_counter()
        result = repository.get_job(job).execute_in_process(
            partition_key=partition_key, instance=instance, raise_on_error=False
        )
        seconds = time.perf_counter() - began
        all_statements = dict(counted)
        [step] = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_START)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(
        json.dumps(
            {
                "moving_s": _last_moved_at(job, partition_key) - step.timestamp,
                "seconds": seconds,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_bytes": peak_bytes(),
                "dagster_statements": all_statements["dagster"],
                "dagster_connections": all_statements.get("connections", 0),
                "our_statements": all_statements["ours"],
                "is_success": result.success,
            }
        )
    )


def _look(job: str) -> None:
    """Where the job brings finals: look at the agency's folder until they have settled."""
    connections = Connections.from_environment()
    site = connections.site
    for route in site.routes.finals:
        if route.name == job:
            with connections.database() as database:
                looker = FinalsLooker(
                    open_agency=connections.agency,
                    route=route,
                    folder_id=BoxId(connections.box_folders[route.inbox]),
                    database=database,
                    site=site,
                )
                for _ in range(site.agency.settle_looks):
                    looker.look(running=(), on_route=0)


def _last_moved_at(job: str, campaign_id: str) -> float:
    """When the last file had arrived, and was deleted where it came from, in seconds since 1970."""
    with Connections.from_environment().database() as database:
        rows = database.transact(_moments, job, campaign_id)
    return max(rows, default=0.0)


def _moments(cursor: Cursor, route: str, campaign_id: str) -> list[float]:
    cursor.execute(
        "SELECT extract(epoch FROM greatest(moved_at, deleted_at))::float8 AS at FROM transfers "
        "WHERE route = %s AND campaign_id = %s AND moved_at IS NOT NULL",
        (route, campaign_id),
    )
    return [row["at"] for row in cursor.fetchall()]


if __name__ == "__main__":
    _main(*sys.argv[1:])
