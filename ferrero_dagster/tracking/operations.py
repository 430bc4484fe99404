"""`operations`: what people did by hand; and what they choose from: campaigns, set-aside files, masters, messages."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from psycopg2.sql import SQL, Identifier

from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownCampaign:
    """A campaign as the database knows it."""

    id: str
    number: str | None
    name: str | None

    def __str__(self) -> str:
        return f"{self.number or ''} {self.name or ''}".strip() or self.id


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAsideFile:
    """A file that was given up until somebody releases it."""

    id: int
    route: str
    campaign_id: str
    tracking_id: str
    source_name: str
    attempts: int
    last_error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveMaster:
    """A master that finals are awaited for; `name` and `campaign` as people call them, as far as they are known."""

    tracking_id: str
    name: str
    campaign: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A row of the outbox without its fact."""

    id: int
    template: str
    channel: str
    state: Literal["waiting", "sent", "set_aside"]
    attempts: int
    last_error: str | None


def record(
    cursor: Cursor,
    *,
    operation: str,
    done_by: str,
    target: str,
    before: dict[str, Any],
    after: dict[str, Any],
    run_id: str | None,
) -> None:
    """Write down what somebody did, in the transaction that does it."""
    cursor.execute(
        """
        INSERT INTO operations (operation, done_by, target, before, after, run_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (operation, done_by, target, json.dumps(before), json.dumps(after), run_id),
    )


def campaigns_called(cursor: Cursor, word: str) -> list[KnownCampaign]:
    """The campaign with this id, or else those with this number or exactly this name."""
    cursor.execute(
        """
        SELECT campaign_id AS id, campaign_number AS number, campaign_name AS name FROM campaign_status
        WHERE campaign_id = %(word)s OR campaign_number = %(word)s OR campaign_name = %(word)s
        ORDER BY campaign_id <> %(word)s, campaign_id
        """,
        {"word": word},
    )
    found = [KnownCampaign(**row) for row in cursor.fetchall()]
    return found[:1] if found and found[0].id == word else found


def permanently_failed(cursor: Cursor, prefix: str, *, for_days: float = 0) -> list[KnownCampaign]:
    """The campaigns that a route has given up, for at least so many days; the latest first."""
    cursor.execute(
        SQL(
            """
            SELECT campaign_id AS id, campaign_number AS number, campaign_name AS name FROM campaign_status
            WHERE {failed} AND ({last} IS NULL OR {last} <= now() - make_interval(secs => 86400 * %s))
            ORDER BY {last} DESC NULLS LAST
            """
        ).format(failed=Identifier(f"{prefix}_permanently_failed"), last=Identifier(f"{prefix}_last_retry_at")),
        (for_days,),
    )
    return [KnownCampaign(**row) for row in cursor.fetchall()]


def set_aside_files(cursor: Cursor) -> list[SetAsideFile]:
    """All files that were given up, both directions; the oldest first."""
    cursor.execute(
        """
        SELECT id, route, campaign_id, tracking_id, source_name, attempts, last_error
        FROM transfers WHERE state = 'set_aside' ORDER BY id
        """
    )
    return [SetAsideFile(**row) for row in cursor.fetchall()]


def release_file(cursor: Cursor, transfer_id: int) -> None:
    """Let the next run try the file as if for the first time."""
    cursor.execute(
        """
        UPDATE transfers SET state = 'pending', attempts = 0, set_aside_at = NULL, updated_at = now()
        WHERE id = %s AND state = 'set_aside'
        """,
        (transfer_id,),
    )


def active_masters(cursor: Cursor, tracking_ids: Collection[str]) -> list[ActiveMaster]:
    """The active ones among these masters."""
    cursor.execute(
        """
        SELECT tracking_id, coalesce(asset_name, opentext_id, 'unknown') AS name,
               coalesce(nullif(concat_ws(' ', campaign_number, campaign_name), ''), campaign_id, 'unknown') AS campaign
        FROM master_assets m LEFT JOIN campaign_status USING (campaign_id)
        WHERE tracking_id = ANY(%s) AND m.status = 'active' ORDER BY tracking_id
        """,
        (list(tracking_ids),),
    )
    return [ActiveMaster(**row) for row in cursor.fetchall()]


def withdraw_master(cursor: Cursor, tracking_id: str) -> None:
    """No final is awaited for the master any more."""
    cursor.execute(
        "UPDATE master_assets SET status = 'withdrawn', updated_at = now() "
        "WHERE tracking_id = %s AND status = 'active'",
        (tracking_id,),
    )


def messages(cursor: Cursor, ids: Collection[int] | None = None) -> list[Message]:
    """These messages, or without `ids` all that were set aside."""
    which = "state = 'set_aside'" if ids is None else "id = ANY(%s)"
    cursor.execute(
        f"SELECT id, template, channel, state, attempts, last_error FROM notifications WHERE {which} ORDER BY id",
        () if ids is None else (list(ids),),
    )
    return [Message(**row) for row in cursor.fetchall()]


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
