"""`derivative_assets`: the finals that went back into the DAM, and which campaigns have all of theirs (SPEC 4.6, 4.7).

A final is `active` until one of the same name and tracking ID comes after it, and then `replaced`, or what the column
takes instead.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ferrero_dagster.config.routes import FinalsRoute, Routes
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.filling import filled
from ferrero_dagster.tracking.neighbours import first_accepted
from ferrero_dagster.tracking.refusals import not_kept

#: What `status` says of a final that another came after: the first word that the column takes.
REPLACED = ("replaced", "inactive", "archived")


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFinal:
    """What we remember of a final; `asset_id` and `sha1_hex` are None in rows of the cron scripts."""

    tracking_id: TrackingId
    asset_id: DamId | None
    sha1_hex: str | None
    is_ours: bool


def add_active(cursor: Cursor, transfer_ids: Collection[int]) -> None:
    """Finals that just arrived take the place of those of their names and masters; call it once for each arrival.

    Raises:
        RefusedByDatabase: the table does not keep its row as it is written.
    """
    first_accepted(
        cursor,
        """
        UPDATE derivative_assets d SET status = %(word)s FROM transfers t
        WHERE t.id = ANY(%(ids)s) AND d.tracking_id = t.tracking_id AND derivative_filename = target_name
          AND status = 'active'
        """,
        {"ids": list(transfer_ids)},
        REPLACED,
    )
    columns, values = filled(cursor, "derivative_assets")
    cursor.execute(
        f"""
        INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status, campaign_id,
                                       dam_asset_id, box_file_id, sha1_hex, size_bytes, transfer_id{columns})
        SELECT tracking_id, target_name, substring(target_name FROM '[^.]*$'), 'active', campaign_id, target_id,
               source_id, sha1_hex, size_bytes, id{values}
        FROM transfers WHERE id = ANY(%s) ORDER BY id
        RETURNING transfer_id, status::text
        """,
        (list(transfer_ids),),
    )
    kept = {row["transfer_id"] for row in cursor.fetchall() if row["status"] == "active"}
    if kept != {*transfer_ids}:
        raise not_kept("derivative_assets")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteCampaign:
    """A campaign whose every master has a final; `key` is another for other masters, and after each advance."""

    id: DamId
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AwaitedMaster:
    """A master that finals are awaited for, and the names under which they came, if any did."""

    campaign_id: DamId
    tracking_id: TrackingId
    name: str
    #: Names in the agency's folder; of a cron script's final its clean name, made to look like one.
    final_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedFinal:
    """A final that a campaign counts, as it was imported; of cron scripts' finals only name and folder are known."""

    name: str
    tracking_id: TrackingId
    asset_id: DamId | None
    folder_id: DamId | None
    size_bytes: int | None
    md5_hex: str | None


#: Masters that finals are awaited for and the finals that count: of the content versions of an asset the newest, and
#: while a campaign is in rework only what has arrived since it came into it.
_AWAITED = """
WITH stages AS (
    SELECT campaign_id, status, CASE WHEN status = %(rework)s THEN coalesce((
               SELECT max(closed_at) FROM campaign_rounds r WHERE r.campaign_id = c.campaign_id
                  AND r.route = ANY(%(rework_routes)s) AND outcome = 'advanced'), status_since, now())
           END AS counts_from
    FROM (SELECT campaign_id, coalesce(%(status)s, status::text) AS status, status_since FROM campaign_status) AS c
    WHERE status = ANY(%(statuses)s) AND (%(ids)s::text[] IS NULL OR campaign_id = ANY(%(ids)s))
), awaited AS (
    SELECT DISTINCT ON (m.campaign_id, coalesce(m.original_id, m.opentext_id, m.tracking_id))
           m.campaign_id, stages.status, counts_from, m.tracking_id,
           coalesce(asset_name, opentext_id, m.tracking_id) AS name
    FROM master_assets m JOIN stages USING (campaign_id)
    WHERE m.status = 'active'
    ORDER BY m.campaign_id, coalesce(m.original_id, m.opentext_id, m.tracking_id),
             m.created_at DESC NULLS LAST, m.updated_at DESC NULLS LAST
), arrived AS (
    SELECT d.*, coalesce(t.source_name,
               concat_ws('_', '1000000', regexp_replace(d.derivative_filename, '[.][^._]*$', ''), d.tracking_id) || '.'
               || coalesce(substring(d.derivative_filename FROM '[.]([^._]*)$'), ltrim(d.file_extension, '.'), '')
           ) AS final_name
    FROM awaited JOIN derivative_assets d USING (tracking_id) LEFT JOIN transfers t ON t.id = d.transfer_id
    WHERE d.status = 'active' AND (counts_from IS NULL OR t.moved_at >= counts_from)
)
"""

_COMPLETE = f"""
{_AWAITED}
SELECT campaign_id AS id, md5(concat_ws(' ', min(awaited.status), extract(epoch FROM min(counts_from)),
           (SELECT count(*) FROM campaign_rounds r
            WHERE r.route = %(route)s AND r.campaign_id = awaited.campaign_id AND outcome = 'advanced'),
           string_agg(tracking_id, ' ' ORDER BY tracking_id))) AS key
FROM awaited
WHERE NOT EXISTS (
    SELECT FROM campaign_rounds r
    WHERE r.route = %(route)s AND r.campaign_id = awaited.campaign_id AND r.outcome = 'advanced'
      AND NOT EXISTS (
          SELECT FROM transfers t WHERE t.route = r.route AND t.campaign_id = r.campaign_id
            AND t.moved_at > r.closed_at)
      AND NOT EXISTS (
          SELECT FROM master_assets w WHERE w.campaign_id = r.campaign_id AND w.status IS DISTINCT FROM 'active'
            AND w.updated_at > r.closed_at))
GROUP BY campaign_id
HAVING bool_and(EXISTS (SELECT FROM arrived WHERE arrived.tracking_id = awaited.tracking_id))
ORDER BY campaign_id
"""


def complete_campaigns(
    cursor: Cursor, routes: Routes, route: FinalsRoute, campaign_ids: Collection[DamId] | None = None
) -> list[CompleteCampaign]:
    """Campaigns in a status that the route advances, whose every active master has an active final (SPEC 4.7).

    A campaign that was advanced before, and set back by a person, is complete again once a further final has arrived or
    a master was withdrawn. `campaign_ids` narrows the question; a campaign without masters is not complete.
    """
    cursor.execute(_COMPLETE, _values(routes, route, campaign_ids))
    return [CompleteCampaign(**row) for row in cursor.fetchall()]


def awaited_masters(
    cursor: Cursor,
    routes: Routes,
    route: FinalsRoute,
    campaign_ids: Collection[DamId],
    *,
    status: str | None = None,
) -> list[AwaitedMaster]:
    """The masters of campaigns in a status that the route advances; `status` is theirs, if not as the table has it."""
    cursor.execute(
        f"""
        {_AWAITED}
        SELECT campaign_id, tracking_id, name, ARRAY(
            SELECT final_name FROM arrived WHERE arrived.tracking_id = awaited.tracking_id ORDER BY 1) AS final_names
        FROM awaited ORDER BY campaign_id, name, tracking_id
        """,
        _values(routes, route, campaign_ids) | {"status": status},
    )
    return [AwaitedMaster(**{**row, "final_names": tuple(row["final_names"])}) for row in cursor.fetchall()]


def counted_finals(
    cursor: Cursor, routes: Routes, route: FinalsRoute, campaign_id: DamId, *, status: str | None = None
) -> list[CountedFinal]:
    """The finals that make a campaign complete; `status` is its own, if not as the table has it."""
    cursor.execute(
        f"""
        {_AWAITED}
        SELECT CASE WHEN d.derivative_filename ~ '[.][^._]*$' THEN d.derivative_filename
                    ELSE concat_ws('.', d.derivative_filename, nullif(ltrim(d.file_extension, '.'), '')) END AS name,
               d.tracking_id, d.dam_asset_id AS asset_id, m.upload_directory AS folder_id,
               coalesce(t.size_bytes, d.size_bytes) AS size_bytes, t.md5_hex
        FROM arrived d JOIN master_assets m USING (tracking_id) LEFT JOIN transfers t ON t.id = d.transfer_id
        ORDER BY 1
        """,
        _values(routes, route, [campaign_id]) | {"status": status},
    )
    return [CountedFinal(**row) for row in cursor.fetchall()]


def _values(routes: Routes, route: FinalsRoute, campaign_ids: Collection[DamId] | None) -> dict[str, Any]:
    return {
        "statuses": [change.before for change in route.changes],
        "status": None,
        "rework": route.rework_status,
        "rework_routes": list(routes.leading_to(route, route.rework_status)),
        "route": route.name,
        "ids": None if campaign_ids is None else list(campaign_ids),
    }


def known_finals(
    cursor: Cursor, tracking_id: TrackingId, *, name: str, folder_id: DamId, asset_ids: Collection[DamId]
) -> list[KnownFinal]:
    """Whose these assets are, and whose finals of this name the folder got; the latest first.

    Ours is what was delivered under our tracking ID or that of another content version of the same master, and an
    asset that is our master itself, sent to the agency for rework.
    """
    cursor.execute(
        """
        WITH ours AS (SELECT * FROM master_assets WHERE tracking_id = %(tracking_id)s)
        SELECT %(tracking_id)s AS tracking_id, asset_id, NULL AS sha1_hex, TRUE AS is_ours, 0 AS rank, 0 AS latest
        FROM ours, unnest(ARRAY[opentext_id::text, original_id::text]) AS asset_id
        WHERE asset_id = ANY(%(asset_ids)s)
        UNION ALL
        SELECT d.tracking_id, d.dam_asset_id, d.sha1_hex,
               d.tracking_id = %(tracking_id)s
               OR coalesce(m.campaign_id = ours.campaign_id AND coalesce(m.original_id, m.opentext_id)
                           = coalesce(ours.original_id, ours.opentext_id), FALSE),
               1, coalesce(d.transfer_id, 0)
        FROM derivative_assets d
        LEFT JOIN master_assets m ON m.tracking_id = d.tracking_id
        LEFT JOIN ours ON TRUE
        WHERE d.tracking_id IS NOT NULL AND (d.dam_asset_id = ANY(%(asset_ids)s)
           OR (lower(d.derivative_filename) = lower(%(name)s) AND m.upload_directory = %(folder_id)s))
        ORDER BY rank, latest DESC
        """,
        {"tracking_id": tracking_id, "name": name, "folder_id": folder_id, "asset_ids": list(asset_ids)},
    )
    columns = ("tracking_id", "asset_id", "sha1_hex", "is_ours")
    return [KnownFinal(**{column: row[column] for column in columns}) for row in cursor.fetchall()]
