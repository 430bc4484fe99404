"""When sensors and schedules last looked, as Dagster remembers their ticks."""

from collections.abc import Sequence
from datetime import datetime, timezone

import dagster as dg

from ferrero_dagster.defs.internals import InstigatorState, ScheduleInstigatorData, TickStatus
from ferrero_dagster.domain.report_sections import SensorLook

Watched = dg.SensorDefinition | dg.ScheduleDefinition
#: Both schedules tick every hour.
_SCHEDULE_INTERVAL_S = 3600


def sensor_looks(instance: dg.DagsterInstance, watched: Sequence[Watched]) -> list[SensorLook]:
    """Which of the sensors and schedules are switched on, and when each last ended a look without failing."""
    states = {state.name: state for state in instance.all_instigator_state()}
    return [_sensor_look(instance, definition, states.get(definition.name)) for definition in watched]


def _sensor_look(instance: dg.DagsterInstance, definition: Watched, state: InstigatorState | None) -> SensorLook:
    interval_s: float = _SCHEDULE_INTERVAL_S
    if isinstance(definition, dg.SensorDefinition):
        interval_s = definition.minimum_interval_seconds or 0
    return SensorLook(
        name=definition.name,
        kind="Schedule" if isinstance(definition, dg.ScheduleDefinition) else "Sensor",
        is_running=state.is_running if state else definition.default_status.value == "RUNNING",
        interval_s=interval_s,
        last_look_at=_last_look(instance, state) if state else None,
    )


def _last_look(instance: dg.DagsterInstance, state: InstigatorState) -> datetime | None:
    good = [TickStatus.SUCCESS, TickStatus.SKIPPED]
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1, statuses=good)
    moments = [tick.timestamp for tick in ticks]
    # Of a schedule Dagster knows when it was switched on: its first hour is no silence.
    if isinstance(state.instigator_data, ScheduleInstigatorData) and state.instigator_data.start_timestamp:
        moments.append(state.instigator_data.start_timestamp)
    return datetime.fromtimestamp(max(moments), timezone.utc) if moments else None
