"""`notifications`: messages written in the transaction of the fact they tell, and what became of them."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from ferrero_dagster.tracking.database import Cursor

Channel = Literal["mail", "webhook"]
#: Held by whoever sends, so that no message is sent by two at once and they leave in order.
SENDING_LOCK = "ferrero:outbox"


class Fact(Protocol):
    """What a message tells; `messages.facts` has them all."""

    @property
    def template(self) -> str:
        """The public name of the message."""

    def model_dump_json(self) -> str:
        """The fact as it is kept until the message is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A row of the outbox without its fact."""

    id: int
    template: str
    channel: Channel
    state: Literal["waiting", "sent", "set_aside"]
    attempts: int
    last_error: str | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """A message to send; `message_id` stays the same however often it is tried."""

    id: int
    channel: Channel
    template: str
    fact: dict[str, Any]
    message_id: str
    attempts: int
    last_error: str | None
    delivered_to: list[str]
    refused_by: list[str]
    created_at: datetime


def add(
    cursor: Cursor, fact: Fact, dedupe_key: str, *, channel: Channel = "mail", campaign_id: str | None = None
) -> bool:
    """Write a message, once per `dedupe_key` for ever; False where it was written before."""
    cursor.execute(
        """
        INSERT INTO notifications (dedupe_key, channel, template, campaign_id, fact, message_id)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (dedupe_key) DO NOTHING
        """,
        (dedupe_key, channel, fact.template, campaign_id, fact.model_dump_json(), uuid.uuid4().hex),
    )
    return cursor.rowcount == 1


def add_mails(cursor: Cursor, facts_by_key: Mapping[str, Fact], *, campaign_id: str | None = None) -> None:
    """Write many mails by their dedupe keys with one statement, each once per key for ever."""
    facts = facts_by_key.values()
    cursor.execute(
        """
        INSERT INTO notifications (channel, campaign_id, template, fact, dedupe_key, message_id)
        SELECT 'mail', %s, template, fact, dedupe_key, replace(gen_random_uuid()::text, '-', '')
        FROM unnest(%s::text[], %s::jsonb[], %s::text[]) AS m (template, fact, dedupe_key)
        ON CONFLICT (dedupe_key) DO NOTHING
        """,
        (
            campaign_id,
            [fact.template for fact in facts],
            [fact.model_dump_json() for fact in facts],
            list(facts_by_key),
        ),
    )


def next_due(cursor: Cursor, channels: Collection[Channel]) -> Notification | None:
    """The oldest message of these channels that is due, if any; a campaign's webhooks never overtake each other."""
    cursor.execute(
        """
        SELECT id, channel, template, fact, message_id, attempts, last_error, delivered_to, refused_by, created_at
        FROM notifications n WHERE state = 'waiting' AND next_attempt_at <= now() AND channel = ANY(%s)
          AND NOT (channel = 'webhook' AND EXISTS (
              SELECT FROM notifications e WHERE e.id < n.id AND e.campaign_id = n.campaign_id
              AND e.channel = 'webhook' AND e.state = 'waiting'))
        ORDER BY id LIMIT 1
        """,
        (list(channels),),
    )
    row = cursor.fetchone()
    return Notification(**row) if row else None


def unwritten(cursor: Cursor, dedupe_keys: Collection[str]) -> set[str]:
    """Which of these keys no message was written with."""
    cursor.execute(
        "SELECT key FROM unnest(%s::text[]) AS key WHERE NOT EXISTS (SELECT FROM notifications WHERE dedupe_key = key)",
        (list(dedupe_keys),),
    )
    return {row["key"] for row in cursor.fetchall()}


_MESSAGES = "SELECT id, template, channel, state, attempts, last_error, created_at FROM notifications"


def messages(cursor: Cursor, ids: Collection[int]) -> list[Message]:
    """The messages with these numbers."""
    cursor.execute(f"{_MESSAGES} WHERE id = ANY(%s) ORDER BY id", (list(ids),))
    return [Message(**row) for row in cursor.fetchall()]


def unsent_messages(cursor: Cursor) -> list[Message]:
    """All messages that wait or were set aside, the oldest first."""
    cursor.execute(f"{_MESSAGES} WHERE state <> 'sent' ORDER BY id")
    return [Message(**row) for row in cursor.fetchall()]


def mark_sent(
    cursor: Cursor, notification_id: int, *, delivered_to: Collection[str], refused_by: Collection[str]
) -> None:
    """Everybody who can be reached has it."""
    cursor.execute(
        """
        UPDATE notifications SET state = 'sent', sent_at = now(), attempts = attempts + 1, delivered_to = %s,
               refused_by = %s, last_error = NULL
        WHERE id = %s
        """,
        (list(delivered_to), list(refused_by), notification_id),
    )


def postpone(
    cursor: Cursor,
    notification_id: int,
    *,
    error: str,
    pause_s: float,
    delivered_to: Collection[str] = (),
    refused_by: Collection[str] = (),
) -> None:
    """This message could not be delivered to everybody yet; the others go on."""
    cursor.execute(
        """
        UPDATE notifications SET attempts = attempts + 1, last_error = %s, delivered_to = %s, refused_by = %s,
               next_attempt_at = now() + make_interval(secs => %s)
        WHERE id = %s
        """,
        (error, list(delivered_to), list(refused_by), pause_s, notification_id),
    )


def set_message_aside(cursor: Cursor, notification_id: int, *, error: str, refused_by: Collection[str] = ()) -> None:
    """This message can never be delivered as it is; a person decides (`resend_notifications`)."""
    cursor.execute(
        """
        UPDATE notifications SET state = 'set_aside', attempts = attempts + 1, last_error = %s, refused_by = %s
        WHERE id = %s
        """,
        (error, list(refused_by), notification_id),
    )


def resend(cursor: Cursor, message_id: int) -> None:
    """Let the message wait to be sent as if for the first time, to everybody; its Message-ID stays."""
    cursor.execute(
        """
        UPDATE notifications SET state = 'waiting', attempts = 0, next_attempt_at = now(), last_error = NULL,
               sent_at = NULL, delivered_to = '{}', refused_by = '{}'
        WHERE id = %s
        """,
        (message_id,),
    )


def messages_about(
    cursor: Cursor, tracking_ids: Collection[str], file_names: Collection[str]
) -> list[tuple[Message, datetime | None, list[str]]]:
    """The messages that name one of these masters or files, each with when it left and to whom, the oldest first."""
    cursor.execute(
        """
        SELECT id, template, channel, state, attempts, last_error, created_at, sent_at, delivered_to FROM notifications
        WHERE fact->>'file_name' = ANY(%(names)s) OR fact->>'original_name' = ANY(%(names)s)
           OR EXISTS (SELECT FROM unnest(%(ids)s::text[]) AS id
                      WHERE strpos(fact::text, format('"tracking_id": "%%s"', id)) > 0)
        ORDER BY id
        """,
        {"ids": list(tracking_ids), "names": list(file_names)},
    )
    rows = [(row.pop("sent_at"), row.pop("delivered_to"), row) for row in cursor.fetchall()]
    return [(Message(**row), sent_at, delivered_to) for sent_at, delivered_to, row in rows]
