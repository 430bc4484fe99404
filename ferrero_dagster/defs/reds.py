"""Reads what is red in Dagster: whoever ticks watches over all others, since one that is stuck cannot tell it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import takewhile
from typing import Any

import dagster as dg

from ferrero_dagster.defs.ageing import OVERDUE_CHECK
from ferrero_dagster.defs.agency_tables import CHECK
from ferrero_dagster.defs.internals import ENDED_CHECKS, InstigatorState, TickStatus
from ferrero_dagster.defs.looks import Watched, sensor_looks
from ferrero_dagster.defs.resources import TrackingResource
from ferrero_dagster.domain import errors
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.reds import Red
from ferrero_dagster.domain.unforeseen import without_secrets
from ferrero_dagster.domain.words import minutes
from ferrero_dagster.operations.reds import tell_reds
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.reds import KnownRed
from ferrero_dagster.transfer.unforeseen import Turn, ended

#: Of these every file or campaign is told by itself.
_TOLD_ONE_BY_ONE = {CHECK, OVERDUE_CHECK}
_FINISHED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
_MAX_COUNTED = 100
SILENT_INTERVALS = 3
_MAX_MESSAGE_LENGTH = 600
#: What Dagster wraps around what was really wrong.
_WRAPPERS = {"SensorExecutionError", "ScheduleExecutionError", "DagsterUserCodeExecutionError"}
#: A daemon says every half minute that it lives.
HEARTBEAT_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What is watched."""

    ticking: Sequence[Watched] = ()
    checks: Sequence[dg.AssetCheckKey] = ()

    @classmethod
    def of(cls, repository: dg.RepositoryDefinition) -> "Watch":
        """All that a code location defines."""
        ticking: list[Watched] = [*repository.sensor_defs, *repository.schedule_defs]
        return cls(ticking=ticking, checks=list(repository.asset_checks_defs_by_key))


def watch(context: dg.SensorEvaluationContext, tracking: TrackingResource, database: Database) -> None:
    """Write down and tell what is red; what goes wrong here stops nothing else."""
    if context.repository_def:
        try:
            with ended(database, Turn(name="watching ticks"), context.log.error):
                tell(context.instance, Watch.of(context.repository_def), tracking, database)
        except FerreroError as error:
            context.log.warning("What is red in Dagster was not written down: %s", error)


def tell(
    instance: dg.DagsterInstance, watched: Watch, tracking: TrackingResource, database: Database
) -> list[KnownRed]:
    """Write down and tell what is red, and return it."""
    return database.transact(tell_reds, find_reds(instance, watched), tracking.site)


def find_reds(instance: dg.DagsterInstance, watched: Watch) -> list[Red]:
    """All that is red now; what people have switched off is not."""
    return [
        *_red_ticks(instance, watched.ticking),
        *dead_daemons(instance),
        *_failed_checks(instance, watched.checks),
    ]


def _red_ticks(instance: dg.DagsterInstance, watched: Sequence[Watched]) -> Iterator[Red]:
    states = {state.name: state for state in instance.all_instigator_state()}
    now = datetime.now(timezone.utc)
    for look in sensor_looks(instance, watched):
        if look.is_running:
            name, state = f"{look.kind} {look.name}", states.get(look.name)
            failed = _failed_ticks(instance, state) if state else []
            if failed:
                yield _red(name, failed)
            elif look.is_silent(now, intervals=SILENT_INTERVALS):
                since = f"since {look.last_look_at:%Y-%m-%d %H:%M UTC}" if look.last_look_at else "yet"
                message = f"{name} has not looked {since}, though it is switched on: see whether the daemon runs."
                # Told when it lasts: after a restart all look at once.
                yield Red(name=name, message=message, began_at=now, last_at=now)


def _failed_ticks(instance: dg.DagsterInstance, state: InstigatorState) -> Sequence[Any]:
    """Those of the last ticks that failed in a row, the latest first; none where the last one did not."""
    ids = (state.instigator_origin_id, state.selector_id)
    latest = instance.get_ticks(*ids, limit=1, statuses=_FINISHED)
    if not latest or latest[0].status is not TickStatus.FAILURE:
        return []
    ticks = instance.get_ticks(*ids, limit=_MAX_COUNTED, statuses=_FINISHED)
    return list(takewhile(lambda tick: tick.status is TickStatus.FAILURE, ticks))


def _red(name: str, failed: Sequence[Any]) -> Red:
    message, heals = _told(failed[0].error)
    return Red(
        name=name,
        message=message,
        began_at=_moment(failed[-1].timestamp),
        last_at=_moment(failed[0].timestamp),
        times=len(failed),
        heals=heals,
    )


def _told(error: Any) -> tuple[str, bool]:
    """What went wrong, as one sentence without secrets, and whether it may heal by itself."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.cause
    ours = next((one for one in chain if one.cls_name == dg.Failure.__name__), None)
    shown = ours or next((one for one in chain if one.cls_name not in _WRAPPERS), None)
    if shown is None:
        return "The tick failed without a reason.", True
    text = " ".join(shown.message.partition(": ")[2].split()) or shown.message
    if any("Deadline Exceeded" in one.message for one in chain):
        text = f"The tick took longer than Dagster waits for one, or the code server does not answer. {text}"
    kinds = [getattr(errors, one.cls_name or "", None) for one in chain]
    heals = all(kind.retry for kind in kinds if isinstance(kind, type) and issubclass(kind, errors.FerreroError))
    return (text if ours else without_secrets(text))[:_MAX_MESSAGE_LENGTH], heals


def dead_daemons(instance: dg.DagsterInstance) -> Iterator[Red]:
    """Daemons that were alive once and are no more."""
    now = datetime.now(timezone.utc)
    for kind, status in instance.get_daemon_statuses().items():
        if status.last_heartbeat:
            last = _moment(status.last_heartbeat.timestamp)
            if (now - last).total_seconds() > HEARTBEAT_S:
                name = f"Daemon {kind}"
                message = f"{name} has not been alive for {minutes((now - last).total_seconds())}: restart the daemon."
                yield Red(name=name, message=message, began_at=last, last_at=now)


def _failed_checks(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> Iterator[Red]:
    """Checks of no single campaign; a campaign's own tell what the mails of its runs told.

    What a run has only planned says nothing yet.
    """
    asked = [key for key in checks if key.name not in _TOLD_ONE_BY_ONE]
    storage = instance.event_log_storage
    for key, record in ((key, storage.get_asset_check_execution_history(key, 1, status=ENDED_CHECKS)) for key in asked):
        evaluation = record[0].evaluation if record else None
        if evaluation and not evaluation.passed and not evaluation.partition:
            at = _moment(record[0].create_timestamp)
            message = evaluation.description or f"The check {key.name} of {key.asset_key.to_user_string()} fails."
            name = f"Check {key.name}"
            yield Red(name=name, message=without_secrets(message), began_at=at, last_at=at, heals=False)


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, timezone.utc)
