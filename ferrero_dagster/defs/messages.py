"""Sends what a run has written to the outbox; the sensor `pending_notifications` sends what could not be sent then."""

import contextlib
import logging
from contextlib import ExitStack

import dagster as dg

from ferrero_dagster.config.deadline import Deadline
from ferrero_dagster.defs.failures import as_failures
from ferrero_dagster.defs.reds import watch
from ferrero_dagster.defs.resources import MailResource, TrackingResource, WebhookResource
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.messages.delivery import check_mail_leaves, deliver


def deliver_at_once(
    log: logging.Logger, tracking: TrackingResource, mail: MailResource, webhook: WebhookResource
) -> None:
    """Send what is due; what cannot be sent now waits, and no file waits for it."""
    if webhook.url is None:
        log.info("FERRERO_MAKE_WEBHOOK_URL is not set: Make.com is told nothing.")
    with contextlib.suppress(FerreroError), tracking.database() as database:
        log.info("Messages: %s.", deliver(database, mail.post_office(webhook)))


def build_pending_notifications(*, default_status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor `pending_notifications`; it starts no runs."""

    @dg.sensor(
        name="pending_notifications",
        minimum_interval_seconds=30,
        default_status=default_status,
        description=(
            "Sends mails and webhooks that wait in the outbox because mail server or Make.com was out, in order and "
            "each once, and tells what is red in Dagster. It starts no runs; its ticks say what was sent and what "
            "waits, and fail while no mail could leave for half an hour."
        ),
    )
    def pending_notifications(
        context: dg.SensorEvaluationContext, tracking: TrackingResource, mail: MailResource, webhook: WebhookResource
    ) -> dg.SkipReason:
        with as_failures(), ExitStack() as stack:
            deadline = Deadline.after(tracking.site.looks.budget_s)
            database = stack.enter_context(tracking.database("pending_notifications", deadline=deadline))
            watch(context, tracking, database)
            delivered = deliver(database, mail.post_office(webhook, deadline))
            check_mail_leaves(database)
        return dg.SkipReason(f"Messages: {delivered}.")

    return pending_notifications
