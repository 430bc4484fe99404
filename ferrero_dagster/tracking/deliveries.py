"""What was delivered before, as people choose it to have it again: by tracking ID, name or campaign."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.finals import CountedFinal


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Files by tracking ID, by exact name, or of campaigns, by their ids."""

    tracking_ids: Sequence[str]
    names: Sequence[str]
    campaign_ids: Sequence[DamId]

    def values(self) -> dict[str, Any]:
        """For a query."""
        return {"tracking_ids": [*self.tracking_ids], "names": [*self.names], "campaigns": [*self.campaign_ids]}


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveredMaster:
    """A master that went to Box; `route` and `transfer_id` are None for one of the cron scripts."""

    tracking_id: TrackingId
    name: str
    box_name: str | None
    campaign_id: DamId | None
    route: str | None
    transfer_id: int | None
    asset_id: DamId | None
    original_id: DamId | None
    box_file_id: BoxId
    is_active: bool
    #: It was chosen by its tracking ID, whatever came after it.
    is_named: bool

    @property
    def content(self) -> DamId | None:
        """What its content versions have in common, as far as the tables know."""
        return self.original_id or self.asset_id


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveredFinal(CountedFinal):
    """A final that was imported; of one of the cron scripts neither the route nor its file in Box is known."""

    box_name: str | None
    campaign_id: DamId | None
    route: str | None
    transfer_id: int | None
    box_file_id: BoxId | None
    etag: str | None
    sha1_hex: str | None
    #: Whether finals of its master are awaited.
    is_active: bool
    is_named: bool


_MASTERS = """
SELECT m.tracking_id, coalesce(t.source_name, m.asset_name, m.opentext_id, m.tracking_id) AS name,
       t.target_name AS box_name, coalesce(t.campaign_id, m.campaign_id) AS campaign_id, t.route, t.id AS transfer_id,
       coalesce(t.source_id, m.opentext_id) AS asset_id,
       coalesce(CASE WHEN coalesce(t.source_id, m.opentext_id) = m.opentext_id THEN m.original_id END,
                t.source_id, m.opentext_id) AS original_id,
       coalesce(t.target_id, m.box_file_id) AS box_file_id,
       m.status::text IS NOT DISTINCT FROM 'active' AS is_active, m.tracking_id = ANY(%(tracking_ids)s) AS is_named
FROM master_assets m LEFT JOIN transfers t ON t.tracking_id = m.tracking_id AND t.route = ANY(%(routes)s)
WHERE coalesce(t.target_id, m.box_file_id) IS NOT NULL AND (t.id IS NULL OR t.target_id IS NOT NULL)
"""
_FINALS = """
SELECT d.tracking_id, t.source_name AS box_name, coalesce(t.campaign_id, m.campaign_id) AS campaign_id, t.route,
       CASE WHEN d.derivative_filename ~ '[.][^._]*$' THEN d.derivative_filename
            ELSE concat_ws('.', d.derivative_filename, nullif(ltrim(d.file_extension, '.'), '')) END AS name,
       t.id AS transfer_id, t.source_id AS box_file_id, t.source_version AS etag, t.sha1_hex, t.md5_hex,
       coalesce(t.size_bytes, d.size_bytes) AS size_bytes, d.dam_asset_id AS asset_id, m.upload_directory AS folder_id,
       m.status::text IS NOT DISTINCT FROM 'active' AS is_active, d.tracking_id = ANY(%(tracking_ids)s) AS is_named
FROM derivative_assets d JOIN master_assets m USING (tracking_id) LEFT JOIN transfers t ON t.id = d.transfer_id
WHERE d.status = 'active'
"""
_CHOSEN = """
SELECT * FROM found
WHERE is_named OR campaign_id = ANY(%(campaigns)s)
   OR name = ANY(%(names)s) OR box_name = ANY(%(names)s)
"""


def delivered_masters(cursor: Cursor, routes: Collection[str], choice: Choice) -> list[DeliveredMaster]:
    """The chosen masters that were in Box once, along any of these routes, the oldest transfer first."""
    cursor.execute(
        f"WITH found AS ({_MASTERS}) {_CHOSEN} ORDER BY campaign_id, transfer_id NULLS FIRST, tracking_id",
        choice.values() | {"routes": list(routes)},
    )
    return [DeliveredMaster(**row) for row in cursor.fetchall()]


def delivered_finals(cursor: Cursor, choice: Choice) -> list[DeliveredFinal]:
    """The chosen finals that count, each in its last version."""
    cursor.execute(f"WITH found AS ({_FINALS}) {_CHOSEN} ORDER BY campaign_id, route, name", choice.values())
    return [DeliveredFinal(**row) for row in cursor.fetchall()]
