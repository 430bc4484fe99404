"""What an audit looks for outside, a campaign at a time: which files the rows say are in Box and in the DAM."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.domain.audit import Owned
from ferrero_dagster.domain.files import ToBox, Transfer
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.finals import CountedFinal
from ferrero_dagster.tracking.overview import is_locked

#: Names no route: masters of the cron scripts that no transfer of ours has taken over.
OF_CRON_SCRIPTS = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsInDam:
    """The finals that a campaign has in the DAM, and what else may lie in their folders."""

    finals: tuple[CountedFinal, ...]
    #: That they came by.
    route: str
    #: Assets of ours among those that were listed.
    known: Collection[DamId]
    #: Whether masters are taken from such a folder, too, so that people put assets there.
    is_source: bool


def next_campaign(cursor: Cursor, route: str, after: str, *, days: float | None) -> DamId | None:
    """The first campaign after this one that has masters in Box by the route, or by the cron scripts alone.

    With `days`, only one of whose masters has arrived since.
    """
    moved = """SELECT min(campaign_id) AS id FROM transfers
               WHERE route = %(route)s AND campaign_id > %(after)s AND state = 'moved'
                 AND coalesce(moved_at > now() - %(days)s * interval '1 day', TRUE)"""
    by_cron = f"""SELECT campaign_id AS id FROM master_assets m WHERE campaign_id > %(after)s AND {_IS_BY_CRON}
                    AND coalesce(updated_at > now() - %(days)s * interval '1 day', TRUE)
                  ORDER BY campaign_id LIMIT 1"""
    cursor.execute(by_cron if route == OF_CRON_SCRIPTS else moved, {"route": route, "after": after, "days": days})
    row = cursor.fetchone()
    return row["id"] if row else None


_IS_BY_CRON = """m.status = 'active' AND m.box_file_id IS NOT NULL AND m.original_id IS NULL
    AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id)"""


def box_folders(cursor: Cursor, route: str, campaign_id: DamId) -> list[BoxId]:
    """The folders that were made for the campaign's files on this route."""
    cursor.execute(
        """
        SELECT DISTINCT box_folder_id FROM campaign_rounds
        WHERE route = %s AND campaign_id = %s AND box_folder_id IS NOT NULL ORDER BY 1
        """,
        (route, campaign_id),
    )
    return [row["box_folder_id"] for row in cursor.fetchall()]


def masters_in_box(cursor: Cursor, route: str, campaign_id: DamId) -> list[ToBox]:
    """What the rows say is in Box; of what the cron scripts moved only ids and name are known."""
    if route == OF_CRON_SCRIPTS:
        cursor.execute(_MASTERS_BY_CRON, {"campaign_id": campaign_id})
    else:
        cursor.execute(_MASTERS, {"campaign_id": campaign_id, "route": route})
    return [Transfer(**row) for row in cursor.fetchall()]


_MASTERS = """
SELECT id, route, campaign_id, source_id, source_version, source_name, tracking_id, state, attempts, target_id,
       target_name, size_bytes, sha1_hex, copies
FROM transfers WHERE route = %(route)s AND campaign_id = %(campaign_id)s AND state = 'moved' ORDER BY id
"""
_MASTERS_BY_CRON = f"""
SELECT 0 AS id, '' AS route, campaign_id, coalesce(opentext_id::text, '') AS source_id, '' AS source_version,
       coalesce(asset_name, opentext_id::text, tracking_id) AS source_name, tracking_id, 'moved' AS state,
       0 AS attempts, box_file_id::text AS target_id, NULL AS target_name, NULL::bigint AS size_bytes,
       NULL AS sha1_hex, 0 AS copies
FROM master_assets m WHERE campaign_id = %(campaign_id)s AND {_IS_BY_CRON} ORDER BY tracking_id
"""


def owned(
    cursor: Cursor,
    routes: Routes,
    route: str,
    campaign_id: DamId,
    *,
    files: Collection[BoxId],
    typed: Collection[TrackingId],
) -> Owned | None:
    """What the rows say of these files and tracking IDs; None while a run is at work on the campaign."""
    names = [one.name for one in routes.masters]
    if any(is_locked(cursor, f"{name}:{campaign_id}") for name in names):
        return None
    return Owned(
        route=route,
        campaign_id=campaign_id,
        files=_known_files(cursor, names, [one.name for one in routes.finals], files),
        copies=_known_tracking_ids(cursor, names, typed),
    )


def _known_files(
    cursor: Cursor, masters: list[str], finals: list[str], files: Collection[BoxId]
) -> dict[BoxId, TrackingId | None]:
    cursor.execute(
        "SELECT target_id AS id, tracking_id FROM transfers WHERE route = ANY(%s) AND target_id = ANY(%s)",
        (masters, list(files)),
    )
    known = {row["id"]: row["tracking_id"] for row in cursor.fetchall()}
    if unknown := [file_id for file_id in files if file_id not in known]:
        cursor.execute(
            """
            SELECT box_file_id::text AS id, tracking_id FROM master_assets WHERE box_file_id::text = ANY(%(ids)s)
            UNION ALL
            SELECT file_id, NULL FROM agency_files WHERE route = ANY(%(finals)s) AND file_id = ANY(%(ids)s)
            """,
            {"ids": unknown, "finals": finals},
        )
        known |= {row["id"]: row["tracking_id"] for row in cursor.fetchall()}
    return known


def _known_tracking_ids(cursor: Cursor, masters: list[str], typed: Collection[TrackingId]) -> Mapping[TrackingId, int]:
    """Those that a row has, and how many further files of each may lie there: older ones, and one on its way."""
    cursor.execute(
        """
        SELECT tracking_id, coalesce(max(t.copies), 0) + count(*) FILTER (WHERE t.state <> 'moved') AS copies
        FROM (SELECT tracking_id::text FROM master_assets WHERE tracking_id = ANY(%(typed)s)
              UNION SELECT tracking_id FROM pending_masters WHERE tracking_id = ANY(%(typed)s)
              UNION SELECT tracking_id FROM transfers WHERE tracking_id = ANY(%(typed)s)) AS known
        LEFT JOIN (SELECT tracking_id, copies, state FROM transfers
                   WHERE route = ANY(%(masters)s) AND tracking_id = ANY(%(typed)s)) AS t USING (tracking_id)
        GROUP BY tracking_id
        """,
        {"typed": list(typed), "masters": masters},
    )
    return {row["tracking_id"]: row["copies"] for row in cursor.fetchall()}


def next_campaign_with_finals(cursor: Cursor, after: str, *, days: float | None) -> DamId | None:
    """The first campaign after this one that has masters, and finals of them; with `days` as `next_campaign`."""
    cursor.execute(
        """
        SELECT campaign_id AS id FROM master_assets m
        WHERE campaign_id > %(after)s AND EXISTS (
            SELECT FROM derivative_assets d
            WHERE d.tracking_id = m.tracking_id AND d.status = 'active'
              AND coalesce(d.created_at > now() - %(days)s * interval '1 day', TRUE))
        ORDER BY campaign_id LIMIT 1
        """,
        {"after": after, "days": days},
    )
    row = cursor.fetchone()
    return row["id"] if row else None


def finals_in_dam(cursor: Cursor, campaign_id: DamId) -> list[CountedFinal]:
    """The active finals of the campaign's masters, as they were imported."""
    cursor.execute(
        """
        SELECT CASE WHEN d.derivative_filename ~ '[.][^._]*$' THEN d.derivative_filename
                    ELSE concat_ws('.', d.derivative_filename, nullif(ltrim(d.file_extension, '.'), '')) END AS name,
               d.tracking_id, d.dam_asset_id::text AS asset_id, m.upload_directory::text AS folder_id,
               coalesce(t.size_bytes, d.size_bytes) AS size_bytes, t.md5_hex
        FROM master_assets m JOIN derivative_assets d USING (tracking_id) LEFT JOIN transfers t ON t.id = d.transfer_id
        WHERE m.campaign_id = %s AND d.status = 'active' ORDER BY d.tracking_id, 1, d.dam_asset_id
        """,
        (campaign_id,),
    )
    return [CountedFinal(**row) for row in cursor.fetchall()]


def known_in_dam(cursor: Cursor, routes: Routes, campaign_id: DamId, listed: Collection[DamId]) -> FinalsInDam | None:
    """The finals, read anew beside what is known of these assets; None while a run is at work on the campaign."""
    finals, masters = [one.name for one in routes.finals], [one.name for one in routes.masters]
    if any(is_locked(cursor, f"{name}:{campaign_id}") for name in finals):
        return None
    values = {"ids": list(listed), "finals": finals, "masters": masters, "campaign_id": campaign_id}
    cursor.execute(
        """
        SELECT target_id AS id, FALSE AS is_source FROM transfers
        WHERE route = ANY(%(finals)s) AND target_id = ANY(%(ids)s)
        UNION ALL
        SELECT dam_asset_id::text, FALSE FROM derivative_assets JOIN master_assets m USING (tracking_id)
        WHERE m.campaign_id = %(campaign_id)s AND dam_asset_id IS NOT NULL
        UNION ALL
        SELECT opentext_id::text, TRUE FROM master_assets WHERE opentext_id::text = ANY(%(ids)s)
        UNION ALL
        SELECT source_id, TRUE FROM transfers
        WHERE route = ANY(%(masters)s) AND campaign_id = %(campaign_id)s AND source_id = ANY(%(ids)s)
        """,
        values,
    )
    rows = cursor.fetchall()
    cursor.execute(
        "SELECT coalesce(min(route), '') AS route FROM transfers WHERE route = ANY(%(finals)s) "
        "AND campaign_id = %(campaign_id)s",
        values,
    )
    return FinalsInDam(
        route=cursor.fetchall()[0]["route"],
        finals=tuple(finals_in_dam(cursor, campaign_id)),
        known={row["id"] for row in rows},
        is_source=any(row["is_source"] for row in rows),
    )
