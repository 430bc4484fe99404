"""`campaign_status`: what we know of each campaign, and the patience that each route has with it (SPEC 3, 7).

The columns `<prefix>_retry_count`, `_last_retry_at`, `_permanently_failed`, `_failure_reason` are the cron scripts';
people reset them by SQL. A `retry_count` of 0 therefore always means a clean slate, whatever our own columns say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg2.sql import SQL, Composable, Identifier

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import fitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a campaign was looked at in vain on one route; all zero for a campaign never seen."""

    #: Polls with an empty folder or a genuine error, since the last success or reset.
    retry_count: int = 0
    #: How many of these were genuine errors ("strikes").
    error_count: int = 0
    since_last_retry_s: float | None = None
    permanently_failed: bool = False
    failure_reason: str | None = None
    max_retries: int | None = None
    stuck_since: datetime | None = None


def note_seen(cursor: Cursor, campaign: Campaign) -> None:
    """Remember the campaign as the DAM shows it now; idempotent."""
    cursor.execute(
        f"""
        INSERT INTO campaign_status AS known
            (campaign_id, campaign_number, campaign_name, campaign_type, status, seen_at, status_since)
        VALUES (%(id)s, %(number)s, {fitted("campaign_status", "campaign_name", "%(name)s")},
                %(type)s, %(status)s, now(), now())
        ON CONFLICT (campaign_id) DO UPDATE SET
            campaign_number = excluded.campaign_number, campaign_name = excluded.campaign_name,
            campaign_type = excluded.campaign_type, status = excluded.status, seen_at = now(),
            status_since = CASE WHEN known.status = excluded.status THEN coalesce(known.status_since, now())
                                ELSE now() END
        """,
        {
            "id": campaign.id, "number": campaign.number, "name": campaign.name,
            "type": campaign.type, "status": campaign.status,
        },
    )  # fmt: skip


def note_status(cursor: Cursor, campaign_id: str, status: str) -> None:
    """Remember a status that we set and read back."""
    cursor.execute(
        "UPDATE campaign_status SET status = %s, status_since = now(), seen_at = now() WHERE campaign_id = %s",
        (status, campaign_id),
    )


def patience(cursor: Cursor, prefix: str, campaign_ids: Iterable[str]) -> dict[str, Patience]:
    """The patience of each campaign known to the database; the others are missing from the answer."""
    cursor.execute(
        SQL(
            """
            SELECT campaign_id, coalesce({retry_count}, 0) AS retry_count,
                   CASE WHEN coalesce({retry_count}, 0) = 0 THEN 0 ELSE {error_count} END AS error_count,
                   extract(epoch FROM now() - {last_retry_at})::float8 AS since_last_retry_s,
                   coalesce({permanently_failed}, FALSE) AS permanently_failed,
                   {failure_reason} AS failure_reason, {max_retries} AS max_retries,
                   CASE WHEN coalesce({retry_count}, 0) = 0 THEN NULL ELSE {stuck_since} END AS stuck_since
            FROM campaign_status WHERE campaign_id = ANY(%s)
            """
        ).format(**_columns(prefix)),
        (list(campaign_ids),),
    )
    return {row.pop("campaign_id"): Patience(**row) for row in cursor.fetchall()}


def count_poll(
    cursor: Cursor, prefix: str, campaign_id: str, *, error: str | None = None, min_interval_s: float = 0
) -> bool:
    """Count one poll in vain, of an empty folder or with a genuine `error`; False where it was counted already.

    One poll is counted at most once in `min_interval_s`, however many ticks and previews look; a last one that lies in
    the future, as when the server's clock was set back, does not stop it.
    """
    cursor.execute(
        SQL(
            """
            UPDATE campaign_status SET
                {error_count} = CASE WHEN coalesce({retry_count}, 0) = 0 THEN 0 ELSE {error_count} END
                              + (%(error)s::text IS NOT NULL)::int,
                {stuck_since} = CASE WHEN coalesce({retry_count}, 0) = 0 THEN now() ELSE {stuck_since} END,
                {retry_count} = coalesce({retry_count}, 0) + 1,
                {last_retry_at} = now(),
                {failure_reason} = coalesce(%(error)s, {failure_reason})
            WHERE campaign_id = %(id)s
              AND ({last_retry_at} IS NULL OR coalesce({retry_count}, 0) = 0 OR {last_retry_at} > clock_timestamp()
                   OR {last_retry_at} <= now() - make_interval(secs => %(min_interval_s)s))
            """
        ).format(**_columns(prefix)),
        {"id": campaign_id, "error": error, "min_interval_s": min_interval_s},
    )
    return cursor.rowcount == 1


def mark_permanently_failed(cursor: Cursor, prefix: str, campaign_id: str) -> None:
    """Give the campaign up until somebody resets it."""
    cursor.execute(
        SQL("UPDATE campaign_status SET {permanently_failed} = TRUE WHERE campaign_id = %s").format(**_columns(prefix)),
        (campaign_id,),
    )


def reset(cursor: Cursor, prefix: str, campaign_ids: Iterable[str]) -> None:
    """Give the campaigns a clean slate on this route; exactly the reset of the seeds."""
    cursor.execute(
        SQL(
            """
            UPDATE campaign_status SET {retry_count} = 0, {last_retry_at} = NULL, {permanently_failed} = FALSE,
                   {failure_reason} = NULL
            WHERE campaign_id = ANY(%s)
            """
        ).format(**_columns(prefix)),
        (list(campaign_ids),),
    )


def _columns(prefix: str) -> dict[str, Composable]:
    names = (
        "retry_count", "last_retry_at", "permanently_failed", "failure_reason", "max_retries", "error_count",
        "stuck_since",
    )  # fmt: skip
    return {name: Identifier(f"{prefix}_{name}") for name in names}
