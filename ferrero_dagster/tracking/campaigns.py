"""`campaign_status`: what we know of each campaign, and the patience that each route has with it (SPEC 3, 7).

The columns `<prefix>_retry_count`, `_last_retry_at`, `_permanently_failed`, `_failure_reason` are the cron scripts';
people reset them by SQL. What they say therefore counts more than our own columns beside them: never more strikes than
polls, and nothing to wait for without a time of the last attempt.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg2.sql import SQL, Composable, Identifier

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.partition_keys import partition_keys_for
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.filling import filled
from ferrero_dagster.tracking.storable import fitted

#: What each route has in `campaign_status`, after its prefix and `_`. The seeds name the first four for a1; the others
#: have the same meaning. `error_count` says how many of the counted polls were genuine errors.
ROUTE_COLUMNS = {
    "retry_count": "INTEGER DEFAULT 0",
    "last_retry_at": "TIMESTAMP",
    "permanently_failed": "BOOLEAN DEFAULT FALSE",
    "failure_reason": "TEXT",
    "max_retries": "INTEGER",
    "error_count": "INTEGER NOT NULL DEFAULT 0",
    "stuck_since": "TIMESTAMPTZ",
    "last_error_at": "TIMESTAMPTZ",
}
#: Stands for a status where the DAM does not have the campaign any more.
GONE = "gone"

_INSERT = f"""
INSERT INTO campaign_status AS known
    (campaign_id, campaign_number, campaign_name, campaign_type, status, seen_at, status_since{{columns}})
VALUES (%(id)s, %(number)s, {fitted("campaign_status", "campaign_name", "%(name)s")}, %(type)s, %(status)s,
        now(), now(){{values}})
"""
# As texts: of other types the blanks would be read, too, and a word that an ENUM lacks would not be compared.
_CAMPAIGN = """campaign_id::text AS id, coalesce(campaign_number::text, '') AS number,
       coalesce(campaign_name::text, campaign_id::text) AS name, coalesce(status::text, '') AS status,
       coalesce(campaign_type, '') AS type"""
_LONGEST_UNSEEN_FIRST = "ORDER BY greatest(seen_at, unread_at) NULLS FIRST, campaign_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a campaign was looked at in vain on one route; all zero for a campaign never seen."""

    #: Polls with an empty folder or a genuine error, since the last success or reset.
    retry_count: int = 0
    #: How many of these were genuine errors ("strikes").
    error_count: int = 0
    since_last_retry_s: float | None = None
    last_error_at: datetime | None = None
    since_last_error_s: float | None = None
    permanently_failed: bool = False
    failure_reason: str | None = None
    max_retries: int | None = None
    stuck_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """A campaign that looks fail to read, whatever its route; `looks` counts where the rest of the DAM answered."""

    looks: int
    since: datetime
    lasted_s: float


def _insert(cursor: Cursor) -> str:
    columns, values = filled(cursor, "campaign_status")
    return _INSERT.format(columns=columns, values=values)


def note_found(cursor: Cursor, campaign: Campaign) -> None:
    """Remember a campaign that a search found; idempotent.

    The index may lag: where the database knows another status, that one stays until the campaign itself is read.
    """
    cursor.execute(
        f"""
        {_insert(cursor)}
        ON CONFLICT (campaign_id) DO UPDATE SET
            campaign_number = excluded.campaign_number, campaign_name = excluded.campaign_name,
            campaign_type = coalesce(known.campaign_type, excluded.campaign_type), status = excluded.status,
            seen_at = now(), status_since = coalesce(known.status_since, now())
        WHERE coalesce(known.status, excluded.status) = excluded.status
        """,
        asdict(campaign),
    )


def note_named(cursor: Cursor, campaign: Campaign) -> None:
    """Remember a campaign of which little more than its id is known; one that has a row keeps it as it is."""
    cursor.execute(f"{_insert(cursor)} ON CONFLICT (campaign_id) DO NOTHING", asdict(campaign))


def note_seen(cursor: Cursor, campaign: Campaign) -> None:
    """Remember the campaign as its folder in the DAM shows it now; idempotent."""
    cursor.execute(
        f"""
        {_insert(cursor)}
        ON CONFLICT (campaign_id) DO UPDATE SET
            campaign_number = excluded.campaign_number, campaign_name = excluded.campaign_name,
            campaign_type = excluded.campaign_type, status = excluded.status, seen_at = now(),
            status_since = CASE WHEN known.status = excluded.status THEN coalesce(known.status_since, now())
                                ELSE now() END,
            unread_since = NULL, unread_at = NULL, unread_looks = 0
        """,
        asdict(campaign),
    )


def doubtful(
    cursor: Cursor, *, status: str, campaign_type: str, found: Collection[DamId], limit: int
) -> list[Campaign]:
    """The campaigns of which a search and the database say different things, as the database knows them.

    Those that were not seen for longest come first, so that all get their turn.
    """
    cursor.execute(
        f"""
        SELECT {_CAMPAIGN} FROM campaign_status
        WHERE (status::text = %(status)s AND coalesce(campaign_type, %(type)s) = %(type)s)
              <> (campaign_id = ANY(%(found)s))
        {_LONGEST_UNSEEN_FIRST} LIMIT %(limit)s
        """,
        {"status": status, "type": campaign_type, "found": list(found), "limit": limit},
    )
    return [Campaign(**row) for row in cursor.fetchall()]


def in_status(cursor: Cursor, statuses: Collection[str], *, limit: int) -> list[Campaign]:
    """Campaigns that are in one of these statuses as far as we know, those that were not seen for longest first."""
    cursor.execute(
        f"SELECT {_CAMPAIGN} FROM campaign_status WHERE status::text = ANY(%s) {_LONGEST_UNSEEN_FIRST} LIMIT %s",
        (list(statuses), limit),
    )
    return [Campaign(**row) for row in cursor.fetchall()]


def known(cursor: Cursor, campaign_ids: Collection[DamId]) -> list[Campaign]:
    """These campaigns, in this order, as the DAM showed them last; of one never seen only the id is known."""
    cursor.execute(
        f"""
        SELECT {_CAMPAIGN} FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (campaign_id, place)
        LEFT JOIN campaign_status USING (campaign_id) ORDER BY place
        """,
        (list(campaign_ids),),
    )
    return [Campaign(**row) for row in cursor.fetchall()]


def called(cursor: Cursor, word: str) -> list[Campaign]:
    """The campaign with this id, or else those with this number, exactly this name, or this partition."""
    cursor.execute(
        f"""
        SELECT {_CAMPAIGN} FROM campaign_status
        WHERE %(word)s IN (campaign_id, campaign_number, campaign_name, partition_key)
        ORDER BY campaign_id <> %(word)s, campaign_id
        """,
        {"word": word},
    )
    found = [Campaign(**row) for row in cursor.fetchall()]
    return found[:1] if found and found[0].id == word else found


def permanently_failed(cursor: Cursor, prefix: str, *, for_days: float = 0) -> list[Campaign]:
    """The campaigns that a route has given up, for at least so many days; the latest first."""
    cursor.execute(
        SQL(
            f"""
            SELECT {_CAMPAIGN} FROM campaign_status
            WHERE {{permanently_failed}}
              AND ({{last_retry_at}} IS NULL OR {{last_retry_at}} <= now() - make_interval(secs => 86400 * %s))
            ORDER BY {{last_retry_at}} DESC NULLS LAST
            """
        ).format(**columns_of(prefix)),
        (for_days,),
    )
    return [Campaign(**row) for row in cursor.fetchall()]


def note_unread(cursor: Cursor, campaign_id: DamId, *, is_its_own: bool) -> Unread | None:
    """Remember that a look could not read the campaign; None where it is not in the database.

    `is_its_own` tells the campaign's own trouble from that of the whole DAM.
    """
    cursor.execute(
        """
        UPDATE campaign_status SET unread_since = coalesce(unread_since, now()), unread_at = now(),
               unread_looks = unread_looks + %s::int
        WHERE campaign_id = %s
        RETURNING unread_looks AS looks, unread_since AS since,
                  extract(epoch FROM now() - unread_since)::float8 AS lasted_s
        """,
        (is_its_own, campaign_id),
    )
    row = cursor.fetchone()
    return Unread(**row) if row else None


def unread(cursor: Cursor, campaign_ids: Collection[DamId]) -> dict[DamId, float]:
    """Which of these campaigns the looks failed to read, and how many seconds ago the last did."""
    cursor.execute(
        """
        SELECT campaign_id, extract(epoch FROM now() - unread_at)::float8 AS since_s FROM campaign_status
        WHERE campaign_id = ANY(%s) AND unread_at IS NOT NULL
        """,
        (list(campaign_ids),),
    )
    return {row["campaign_id"]: row["since_s"] for row in cursor.fetchall()}


def partition_keys(cursor: Cursor, campaigns: Iterable[Campaign]) -> dict[DamId, str]:
    """The partition key of each of these campaigns by its id; one that has none gets one, for ever (SPEC 10)."""
    by_id = {campaign.id: campaign for campaign in campaigns}
    keys = {id_: key for key, id_ in _partitions(cursor, "campaign_id", by_id)}
    missing = [campaign for id_, campaign in by_id.items() if id_ not in keys]
    if missing:
        # Two looks at once shall not choose the same key for two campaigns, nor two keys for one.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('ferrero:partition_keys', 0))")
        keys |= {id_: key for key, id_ in _partitions(cursor, "campaign_id", by_id)}
    return keys | {campaign.id: _give_key(cursor, campaign) for campaign in missing if campaign.id not in keys}


def partitions(cursor: Cursor, keys: Iterable[str]) -> dict[str, DamId]:
    """The ids of the campaigns that these partition keys stand for; unknown keys are missing."""
    return dict(_partitions(cursor, "partition_key", keys))


def _partitions(cursor: Cursor, column: str, values: Iterable[str]) -> list[tuple[str, DamId]]:
    cursor.execute(
        "SELECT partition_key, campaign_id FROM campaign_status "
        f"WHERE {column} = ANY(%s) AND partition_key IS NOT NULL",
        (list(values),),
    )
    return [(row["partition_key"], row["campaign_id"]) for row in cursor.fetchall()]


def _give_key(cursor: Cursor, campaign: Campaign) -> str:
    wanted = list(partition_keys_for(campaign))
    taken = {key for key, _ in _partitions(cursor, "partition_key", wanted)}
    key = next(key for key in wanted if key not in taken)
    # Of a campaign that only its masters tell of there is no row yet.
    note_named(cursor, campaign)
    cursor.execute("UPDATE campaign_status SET partition_key = %s WHERE campaign_id = %s", (key, campaign.id))
    return key


def note_status(cursor: Cursor, campaign_id: DamId, status: str) -> None:
    """Remember a status that we set and read back."""
    cursor.execute(
        "UPDATE campaign_status SET status = %s, status_since = now(), seen_at = now() WHERE campaign_id = %s",
        (status, campaign_id),
    )


def patience(cursor: Cursor, prefix: str, campaign_ids: Iterable[DamId]) -> dict[DamId, Patience]:
    """The patience of each campaign known to the database; the others are missing from the answer."""
    cursor.execute(
        SQL(
            """
            SELECT campaign_id, coalesce({retry_count}, 0) AS retry_count,
                   {strikes} AS error_count,
                   extract(epoch FROM now() - {last_retry_at})::float8 AS since_last_retry_s,
                   CASE WHEN {last_retry_at} IS NOT NULL THEN {last_error_at} END AS last_error_at,
                   {since_last_error_s} AS since_last_error_s,
                   coalesce({permanently_failed}, FALSE) AS permanently_failed,
                   {failure_reason} AS failure_reason, {max_retries} AS max_retries,
                   CASE WHEN coalesce({retry_count}, 0) = 0 THEN NULL ELSE {stuck_since} END AS stuck_since
            FROM campaign_status WHERE campaign_id = ANY(%s)
            """
        ).format(**columns_of(prefix)),
        (list(campaign_ids),),
    )
    return {row.pop("campaign_id"): Patience(**row) for row in cursor.fetchall()}


def count_poll(
    cursor: Cursor, prefix: str, campaign_id: DamId, *, error: str | None = None, min_interval_s: float = 0
) -> bool:
    """Count one poll in vain, of an empty folder or with a genuine `error`; False where it was counted already.

    One poll is counted at most once in `min_interval_s`, however many ticks and previews look; a last one that lies in
    the future, as when the server's clock was set back, does not stop it.
    """
    cursor.execute(
        SQL(
            """
            UPDATE campaign_status SET
                {error_count} = {strikes} + (%(error)s::text IS NOT NULL)::int,
                {last_error_at} = CASE WHEN %(error)s::text IS NULL THEN {last_error_at} ELSE now() END,
                {stuck_since} = CASE WHEN coalesce({retry_count}, 0) = 0 THEN now() ELSE {stuck_since} END,
                {retry_count} = coalesce({retry_count}, 0) + 1,
                {last_retry_at} = now(),
                {failure_reason} = coalesce(%(error)s, {failure_reason})
            WHERE campaign_id = %(id)s
              AND ({last_retry_at} IS NULL OR coalesce({retry_count}, 0) = 0 OR {last_retry_at} > clock_timestamp()
                   OR {last_retry_at} <= now() - make_interval(secs => %(min_interval_s)s))
            """
        ).format(**columns_of(prefix)),
        {"id": campaign_id, "error": error, "min_interval_s": min_interval_s},
    )
    return cursor.rowcount == 1


def note_attempt(cursor: Cursor, prefix: str, campaign_id: DamId) -> None:
    """Note when a run failed without its being the campaign's fault; a reset by SQL takes that back, too."""
    cursor.execute(
        SQL("UPDATE campaign_status SET {last_retry_at} = now() WHERE campaign_id = %s").format(**columns_of(prefix)),
        (campaign_id,),
    )


def mark_permanently_failed(cursor: Cursor, prefix: str, campaign_id: DamId) -> None:
    """Give the campaign up until somebody resets it."""
    cursor.execute(
        SQL("UPDATE campaign_status SET {permanently_failed} = TRUE WHERE campaign_id = %s").format(
            **columns_of(prefix)
        ),
        (campaign_id,),
    )


def reset(cursor: Cursor, prefix: str, campaign_ids: Iterable[DamId]) -> None:
    """Give the campaigns a clean slate on this route; exactly the reset of the seeds."""
    cursor.execute(
        SQL(
            """
            UPDATE campaign_status SET {retry_count} = 0, {last_retry_at} = NULL, {permanently_failed} = FALSE,
                   {failure_reason} = NULL
            WHERE campaign_id = ANY(%s) AND ({retry_count}, {last_retry_at}, {permanently_failed}, {failure_reason})
                IS DISTINCT FROM (0, NULL, FALSE, NULL)
            """
        ).format(**columns_of(prefix)),
        (list(campaign_ids),),
    )


def reset_sql(prefix: str, campaign_id: DamId) -> str:
    """The seeds' reset of one campaign as text, for people to run by hand."""
    quoted_id = campaign_id.replace("'", "''")
    return (
        f"UPDATE campaign_status\nSET {prefix}_retry_count = 0,\n    {prefix}_last_retry_at = NULL,\n"
        f"    {prefix}_permanently_failed = FALSE,\n    {prefix}_failure_reason = NULL\n"
        f"WHERE campaign_id = '{quoted_id}';"
    )


#: Never more strikes than polls: people reset the polls by SQL, whole or in part.
_STRIKES = "greatest(0, least({error_count}, coalesce({retry_count}, 0)))"
#: Errors from before the column was there count from the last poll.
_SINCE_LAST_ERROR_S = """
CASE WHEN {last_retry_at} IS NOT NULL
     THEN extract(epoch FROM now() - least({last_error_at}, {last_retry_at}::timestamptz))::float8 END
"""


def columns_of(prefix: str) -> dict[str, Composable]:
    """The route's columns by their names without the prefix, and what follows from several of them, for queries."""
    columns: dict[str, Composable] = {name: Identifier(f"{prefix}_{name}") for name in ROUTE_COLUMNS}
    return {
        **columns,
        "strikes": SQL(_STRIKES).format(**columns),
        "since_last_error_s": SQL(_SINCE_LAST_ERROR_S).format(**columns),
    }
