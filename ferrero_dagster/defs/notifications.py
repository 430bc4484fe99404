"""The sensor that sends what could not be sent at once."""

import dagster as dg

from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.resources import FerreroResource


def build_pending_notifications(*, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor `pending_notifications`; it starts no runs."""

    @dg.sensor(
        name="pending_notifications",
        minimum_interval_seconds=30,
        default_status=default_status,
        description=(
            "Sends mails and webhooks that wait in the outbox because mail server or Make.com was out, in order and "
            "each once. It starts no runs; its ticks say what was sent and what waits."
        ),
    )
    def pending_notifications(ferrero: FerreroResource) -> dg.SkipReason:
        from ferrero_dagster.messages.delivery import deliver

        with as_failures():
            connections = ferrero.connections()
            with connections.database() as database:
                return dg.SkipReason(f"Messages: {deliver(database, connections.post_office)}.")

    return pending_notifications
