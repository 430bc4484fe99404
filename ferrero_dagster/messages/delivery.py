"""Empties the outbox: renders what is due and hands it over, in order, each message once (SPEC 8, FAULTS 43, 44).

What renders is imported once there is something to render: a run's process has more urgent things to do.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from ferrero_dagster.clients import mail, webhook
from ferrero_dagster.config.deadline import NEVER, Deadline
from ferrero_dagster.domain.errors import Incident, PermanentError, SystemUnavailable, TransientError, Unforeseen
from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.domain.unforeseen import foreseen
from ferrero_dagster.domain.words import minutes
from ferrero_dagster.messages.facts import (
    CampaignComplete,
    Fact,
    FinalsComplete,
    PermanentlyFailed,
    WorkflowError,
    fact_from_json,
    webhook_body,
)
from ferrero_dagster.tracking import outages, outbox
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.outages import Outage
from ferrero_dagster.tracking.outbox import Channel, Notification

if TYPE_CHECKING:
    from ferrero_dagster.messages.rendering import MailContext, RenderedMail

_LOGGER = logging.getLogger(__name__)
Fate = Literal["sent", "postponed", "set aside"]

_SYSTEMS: dict[Channel, str] = {"mail": mail.SYSTEM, "webhook": webhook.SYSTEM}
_SETTINGS: dict[Channel, str] = {
    "mail": "FERRERO_MAIL_TO or FERRERO_MAIL_ERRORS_TO",
    "webhook": "FERRERO_MAKE_WEBHOOK_URL",
}
_MAX_ATTEMPTS = 12
#: How often a mail may leave of which we never hear whether it was taken.
_MAX_DOUBTS = 3
_FAILURES_BEFORE_MAIL = 4
_LONGEST_PAUSE_S = 3600.0
_LONGEST_PROBE_PAUSE_S = 300.0
_SILENCE_S = 1800.0


@dataclass(frozen=True, kw_only=True)
class PostOffice:
    """Where messages go and how they look."""

    server: mail.SmtpServer
    sender: MailAddress
    #: Addresses by audience.
    recipients: dict[str, tuple[MailAddress, ...]]
    webhook_url: str | None = field(repr=False)
    context: MailContext
    #: When the delivery ends, also in the middle of a message.
    deadline: Deadline = NEVER


@dataclass(slots=True)
class Delivered:
    """What a delivery did; `down` holds the channels that cannot be used now, with the reason."""

    fates: Counter[Fate] = field(default_factory=Counter)
    down: dict[Channel, str] = field(default_factory=dict)

    def count(self, fate: Fate) -> None:
        """One more message ended so."""
        self.fates[fate] += 1

    def __str__(self) -> str:
        parts = [f"{number} {fate}" for fate, number in self.fates.items()]
        parts += [f"{channel} waits: {reason}" for channel, reason in self.down.items()]
        return ", ".join(parts) or "nothing to send"


def deliver(database: Database, office: PostOffice, *, deadline_s: float = 30) -> Delivered:
    """Send what is due; another process that is sending already is left to it.

    A channel that is down is left alone until a growing pause is over, at most five minutes, or an hour where it asks
    for that; its messages wait, in order. A message that only some recipients, or Make.com, refuse for now is
    postponed; the others go on, of webhooks only those of other campaigns. No message begins after `deadline_s`, or two
    thirds of the office's own time; one that its deadline cuts waits for the next delivery, and if it was the first,
    its channel counts as down.

    Raises:
        SystemUnavailable: PostgreSQL cannot be used; what was sent and not written down is sent again.
    """
    done = Delivered()
    with database.lock(outbox.SENDING_LOCK) as lock:
        if lock is None:
            return done
        done.down = _still_down(database)
        ends = time.monotonic() + min(deadline_s, office.deadline.left_s * 2 / 3)
        while time.monotonic() < ends:
            channels = [channel for channel in _SYSTEMS if channel not in done.down]
            due = database.transact(outbox.next_due, channels=channels)
            if due is None:
                break
            lock.confirm()
            _deliver_one(database, office, due, done)
    return done


def _still_down(database: Database) -> dict[Channel, str]:
    known = database.transact(outages.open_outages)
    paused = {o.system: o.message for o in known if o.since_last_failure_s < _probe_pause_s(o)}
    return {channel: paused[system] for channel, system in _SYSTEMS.items() if system in paused}


def _probe_pause_s(outage: Outage) -> float:
    growing_s = min(5 * 2.0 ** min(outage.failures, 10), _LONGEST_PROBE_PAUSE_S)
    return max(growing_s, min(outage.asked_pause_s, _LONGEST_PAUSE_S))


def _deliver_one(database: Database, office: PostOffice, due: Notification, done: Delivered) -> None:
    try:
        with foreseen():
            delivery = _hand_over(office, due, _fact_of(due))
    except Incident as error:
        done.down[due.channel] = str(error)
        if office.deadline.is_over and done.fates:
            return  # it had less than its time
        database.transact(_note_outage, channel=due.channel, error=error)
        return
    except (PermanentError, Unforeseen) as error:
        if isinstance(error, Unforeseen):
            _LOGGER.error("%s", error.trace)  # noqa: TRY400  # the trace is in it, without what may be secret
        done.count("set aside")
        database.transact(_set_aside, due, str(error))
        return
    if delivery.in_doubt:
        done.down[due.channel] = delivery.reason
    outcome = database.transact(_note, due, delivery)
    done.count(outcome)


def _fact_of(due: Notification) -> Fact:
    try:
        return fact_from_json(due.fact)
    except ValidationError:
        raise PermanentError("its stored fact cannot be read", code="fact unreadable") from None


def _note_outage(cursor: Cursor, channel: Channel, error: Incident) -> None:
    """A long outage of Make.com is mailed; what one of the mail server does, see `check_mail_leaves`."""
    # Nobody is mailed that mails do not leave, but how long they have not is told.
    resumes = channel != "mail"
    asked_s = error.retry_after_s if isinstance(error, SystemUnavailable) else None
    outage = outages.note_failure(
        cursor, _SYSTEMS[channel], str(error), kind=error.code, resumes=resumes, asked_pause_s=asked_s or 0
    )
    if channel == "webhook" and outage.failures >= _FAILURES_BEFORE_MAIL:
        fact = WorkflowError(
            headline=f"{outage.system} cannot be used",
            explanation=str(error),
            what_to_do="Nothing, if it comes back by itself: the webhooks wait, in order, and each is sent once.",
            times=(("Since", outage.began_at),),
        )
        outbox.add(cursor, fact, f"outage:{outage.id}")


def check_mail_leaves(database: Database) -> None:
    """Tell whoever looks at Dagster that no mail leaves, since no mail can tell it.

    Raises:
        SystemUnavailable: the mail server has been out, or refused us, for so long that somebody should know.
    """
    for outage in database.transact(outages.open_outages):
        if outage.system == mail.SYSTEM and outage.lasted_s >= _SILENCE_S:
            raise SystemUnavailable(
                mail.SYSTEM,
                f"For {minutes(outage.lasted_s)} no mail could be sent: {outage.message} All mails wait meanwhile, "
                "also those about errors; `ferrero-dagster status` lists them.",
            )


def _hand_over(office: PostOffice, due: Notification, fact: Fact) -> mail.Delivery:
    if due.channel == "webhook":
        assert isinstance(fact, CampaignComplete | FinalsComplete | PermanentlyFailed)
        if not office.webhook_url:
            raise PermanentError("FERRERO_MAKE_WEBHOOK_URL is not set any more.", code="no webhook")
        body = webhook_body(fact, due.created_at, office.context.links)
        try:
            limits = replace(webhook.LIMITS, deadline=office.deadline)
            webhook.post(office.webhook_url, body, message_id=due.message_id, limits=limits)
        except TransientError as error:
            return mail.Delivery(delivered=(), later=(webhook.SYSTEM,), reason=str(error))
        return mail.Delivery(delivered=(webhook.SYSTEM,))
    from ferrero_dagster.messages.rendering import render

    rendered = render(fact, office.context, is_short=mail.IN_DOUBT in (due.last_error or ""))
    try:
        delivery = _post(office, due, fact, rendered)
        if not (delivery.in_doubt and rendered.is_enclosing):
            return delivery
    except PermanentError as error:
        _LOGGER.warning("Message %d goes without tables, pictures and attachments: %s", due.id, error)
        return _post(office, due, fact, render(fact, office.context, is_short=True))
    except SystemUnavailable:
        if not rendered.is_enclosing:
            raise
    # Some servers hang up on a message that is too large for them.
    _check_server(office, fact)
    return _post(office, due, fact, render(fact, office.context, is_short=True))


def _check_server(office: PostOffice, fact: Fact) -> None:
    """Raise what a server meets that cannot be used for any message."""
    mail.check(office.server, office.sender.bare, [address.bare for address in office.recipients[fact.audience]])


def _post(office: PostOffice, due: Notification, fact: Fact, rendered: RenderedMail) -> mail.Delivery:
    from ferrero_dagster.messages.rendering import build_email

    everybody = office.recipients[fact.audience]
    message = build_email(
        rendered,
        sender=office.sender,
        recipients=everybody,
        message_id=f"<{due.message_id}@{office.sender.domain}>",
        list_id=f"<ferrero-dagster.{office.sender.domain}>",
        date=due.created_at,
    )
    done_with = {*due.delivered_to, *due.refused_by}
    open_ones = [address.bare for address in everybody if address.bare not in done_with]
    server = replace(office.server, deadline=office.deadline)
    return mail.send(server, message, sender=office.sender.bare, recipients=open_ones)


def _note(cursor: Cursor, due: Notification, delivery: mail.Delivery) -> Fate:
    """Write down what became of a message."""
    if delivery.in_doubt:
        _note_outage(cursor, channel=due.channel, error=SystemUnavailable(mail.SYSTEM, delivery.reason))
    else:
        outages.note_success(cursor, _SYSTEMS[due.channel])
    open_ones = delivery.later + delivery.in_doubt
    is_last_try = due.attempts + 1 >= (_MAX_DOUBTS if delivery.in_doubt else _MAX_ATTEMPTS)
    lost = delivery.refused + open_ones if is_last_try else delivery.refused
    delivered = [*due.delivered_to, *delivery.delivered]
    refused = [*due.refused_by, *lost]
    # Once a day for each address, however many messages it refuses.
    if lost:
        is_told = due.channel == "webhook" or delivery.in_doubt
        reason = delivery.reason if is_told else f"Refused: {', '.join(lost)}"
        _alert(cursor, due, reason, key=f"{due.created_at:%Y-%m-%d}:{', '.join(lost)}")
    if open_ones and not is_last_try:
        if due.channel == "webhook" and due.attempts + 1 == _FAILURES_BEFORE_MAIL:
            _warn_of_refusals(cursor, due, delivery.reason)
        # One in doubt waits as its server does, so that none overtakes it.
        pause_s = 0 if delivery.in_doubt else min(30 * 2.0**due.attempts, _LONGEST_PAUSE_S)
        outbox.postpone(
            cursor, due.id, error=delivery.reason, pause_s=pause_s, delivered_to=delivered, refused_by=refused
        )
        return "postponed"
    if delivered:
        outbox.mark_sent(cursor, due.id, delivered_to=delivered, refused_by=refused)
        return "sent"
    outbox.set_message_aside(cursor, due.id, error=delivery.reason, refused_by=refused)
    return "set aside"


def _warn_of_refusals(cursor: Cursor, due: Notification, reason: str) -> None:
    """Whoever can mend Make.com hears of it, once a day, while the webhooks are still tried."""
    fact = WorkflowError(
        headline="Make.com takes no webhooks",
        explanation=reason,
        what_to_do=f"Look whether the scenario is on and its queue has room, and check {_SETTINGS['webhook']}. "
        "Each webhook is tried for some hours and then set aside; resend_notifications sends it all the same.",
        times=(("Written", due.created_at),),
    )
    outbox.add(cursor, fact, f"webhooks-refused:{due.created_at:%Y-%m-%d}")


def _set_aside(cursor: Cursor, due: Notification, reason: str) -> None:
    outbox.set_message_aside(cursor, due.id, error=reason)
    _alert(cursor, due, reason, key=str(due.id))


def _alert(cursor: Cursor, due: Notification, reason: str, *, key: str) -> None:
    if due.template == WorkflowError.template:
        return  # a complaint about a complaint would go the same way
    fact = WorkflowError(
        headline=f"A message could not be delivered: {due.template}",
        explanation=reason,
        what_to_do=f"If an address is wrong, correct {_SETTINGS[due.channel]}; then run resend_notifications.",
        times=(("Written", due.created_at),),
        details=(("Notification", str(due.id)),),
    )
    outbox.add(cursor, fact, f"undeliverable:{key}")
