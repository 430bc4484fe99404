"""Looks at everything at once: what waits, what is stuck, what is out; changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg2.sql import SQL, Identifier

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.campaigns import ROUTE_COLUMNS, columns_of
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignState:
    """A campaign that a route has not finished, or has given up."""

    id: DamId
    number: str | None
    name: str | None
    status: str | None
    #: Polls of an empty folder or with a genuine error, and how many of them were errors.
    retry_count: int
    error_count: int
    since_last_error_s: float | None
    permanently_failed: bool
    failure_reason: str | None
    stuck_since: datetime | None
    #: Runs of the present round that ended without moving everything.
    failed_attempts: int
    since_last_failure_s: float | None
    moved_files: int
    open_files: int
    last_file_error: str | None
    #: A run moves it just now.
    is_moving: bool
    #: No run goes on with it by itself: files that a person wanted once more have not arrived.
    is_redelivery: bool


def campaign_states(cursor: Cursor, route: str, prefix: str, status_before: str) -> list[CampaignState]:
    """The campaigns in the route's status, with an open round or an unfinished redelivery, by number and name."""
    cursor.execute(
        SQL(_CAMPAIGN_STATES).format(
            is_locked=SQL(_IS_LOCKED).format(name=SQL("%(route)s || ':' || c.campaign_id")), **columns_of(prefix)
        ),
        {"route": route, "status": status_before},
    )
    return [CampaignState(**row) for row in cursor.fetchall()]


# Whether some process holds an advisory lock of `Database.lock`, seen without touching it.
_IS_LOCKED = """hashtextextended({name}, 0) IN (
    SELECT classid::bigint << 32 | objid::bigint
    FROM pg_locks JOIN pg_database d ON d.oid = pg_locks.database AND d.datname = current_database()
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
)"""

# A retry_count of 0 means a clean slate, whatever our own columns say: people reset it by SQL.
_CAMPAIGN_STATES = """
SELECT c.campaign_id AS id, campaign_number AS number, campaign_name AS name, status,
       coalesce({retry_count}, 0) AS retry_count,
       {strikes} AS error_count, {since_last_error_s} AS since_last_error_s,
       coalesce({permanently_failed}, FALSE) AS permanently_failed, {failure_reason} AS failure_reason,
       CASE WHEN coalesce({retry_count}, 0) = 0 THEN NULL ELSE {stuck_since} END AS stuck_since,
       coalesce(r.failed_attempts, 0) AS failed_attempts,
       extract(epoch FROM now() - r.last_failed_at)::float8 AS since_last_failure_s,
       t.moved_files, t.open_files, t.last_file_error,
       {is_locked} AS is_moving, c.status::text IS DISTINCT FROM %(status)s AND r.id IS NULL AS is_redelivery
FROM campaign_status c
LEFT JOIN campaign_rounds r ON r.campaign_id = c.campaign_id AND r.route = %(route)s AND r.closed_at IS NULL
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'moved') AS moved_files,
           count(*) FILTER (WHERE state IN ('pending', 'set_aside')) AS open_files,
           max(last_error) FILTER (WHERE state IN ('pending', 'set_aside')) AS last_file_error
    FROM transfers WHERE route = %(route)s AND campaign_id = c.campaign_id
) t
WHERE c.status::text = %(status)s OR r.id IS NOT NULL OR c.campaign_id IN (
    SELECT campaign_id FROM transfers WHERE route = %(route)s AND state = 'pending' AND target_id IS NOT NULL)
ORDER BY campaign_number, campaign_name, c.campaign_id
"""


def is_locked(cursor: Cursor, name: str) -> bool:
    """Whether some process holds the advisory lock `name` now."""
    cursor.execute(SQL("SELECT {} AS locked").format(SQL(_IS_LOCKED).format(name=SQL("%s"))), (name,))
    return bool(cursor.fetchall()[0]["locked"])


def locked_campaigns(cursor: Cursor, route: str) -> set[DamId]:
    """Ids of the campaigns that some process moves or advances on this route now."""
    is_locked = SQL(_IS_LOCKED).format(name=SQL("%s || ':' || campaign_id"))
    cursor.execute(SQL("SELECT campaign_id FROM campaign_status WHERE {}").format(is_locked), (route,))
    return {row["campaign_id"] for row in cursor.fetchall()}


def missing_columns(cursor: Cursor, routes: Iterable[MastersRoute]) -> list[str]:
    """The columns of routes that `campaign_status` lacks: a row was added since the last `schema.upgrade`."""
    cursor.execute(
        """
        SELECT name FROM unnest(%s::text[]) AS name WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = 'campaign_status'::regclass AND attname = name AND NOT attisdropped)
        """,
        ([f"{route.column_prefix}_{column}" for route in routes for column in ROUTE_COLUMNS],),
    )
    return [row["name"] for row in cursor.fetchall()]


def schema_version(cursor: Cursor, version_table: str) -> str:
    """The version that `schema.upgrade` left.

    Raises:
        ConfigurationError: there are no tables yet.
    """
    cursor.execute(SQL("SELECT version_num FROM {}").format(Identifier(version_table)))
    row = cursor.fetchone()
    return str(row["version_num"]) if row else "none"
