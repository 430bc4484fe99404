"""Whether Dagster does its work, by its own database: asked from outside, when daemon and code server may be gone."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import dagster as dg

from ferrero_dagster.defs.looks import sensor_looks
from ferrero_dagster.defs.reds import SILENT_INTERVALS, Watch, dead_daemons
from ferrero_dagster.domain.words import counted

_STUCK = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]


def troubles_in_dagster(instance: dg.DagsterInstance, watched: Watch, longest: timedelta) -> list[str]:
    """A sentence for each daemon that is not alive and each sensor or schedule that is on and has no good tick.

    Runs that have waited for longer are one sentence together; in the queue they may, while others work.
    """
    return [*_daemons(instance), *_silent(instance, watched), *_stuck_runs(instance, longest)]


def _daemons(instance: dg.DagsterInstance) -> Iterator[str]:
    yield from (red.message for red in dead_daemons(instance))
    for kind, status in instance.get_daemon_statuses().items():
        if status.last_heartbeat is None:
            yield f"Daemon {kind} has never been alive: start the daemon."


def _silent(instance: dg.DagsterInstance, watched: Watch) -> Iterator[str]:
    now = datetime.now(timezone.utc)
    for look in sensor_looks(instance, watched.ticking):
        if look.is_silent(now, intervals=SILENT_INTERVALS):
            since = f"since {_told(look.last_look_at)}" if look.last_look_at else "yet"
            yield f"{look.kind} {look.name} is switched on and had no good tick {since}."


def _stuck_runs(instance: dg.DagsterInstance, longest: timedelta) -> list[str]:
    before = datetime.now(timezone.utc) - longest
    is_working = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) > 0
    statuses = _STUCK if is_working else [*_STUCK, dg.DagsterRunStatus.QUEUED]
    waiting = dg.RunsFilter(statuses=statuses, created_before=before)
    oldest = instance.get_run_records(waiting, limit=1, ascending=True)
    if not oldest:
        return []
    count = counted(instance.get_runs_count(waiting), "run", "has not begun", "have not begun")
    run, since = oldest[0].dagster_run, _told(oldest[0].create_timestamp)
    return [f"{count}, the oldest ({run.job_name}, {run.run_id}) since {since}."]


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M UTC}"
