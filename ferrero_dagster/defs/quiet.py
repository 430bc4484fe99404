"""Ticks in quiet hours: most of them do not look, and say when the next look comes."""

from datetime import datetime, timezone

import dagster as dg

from ferrero_dagster.config.site import Site


def skipped(context: dg.SensorEvaluationContext, site: Site) -> dg.SensorResult | None:
    """The result of a tick that is not to look; None where it is.

    Whoever tests the sensor on its page looks at once, as Dagster knows of no tick before that.
    """
    last = context.last_tick_completion_time
    before = datetime.fromtimestamp(last, timezone.utc) if last else None
    next_look = site.quiet_hours.next_look(datetime.now(timezone.utc), last=before)
    if next_look is None:
        return None
    return dg.SensorResult(
        skip_reason=f"Quiet hours: the next look comes at {next_look:%H:%M} ({site.time_zone}). To look at once, "
        "choose Preview tick result on this sensor's page."
    )
