"""`file_events`: what happened to each file; PostgreSQL writes them itself, whoever changes a row (migration 0021)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEvent:
    """A change of a row: which, and its new values."""

    at: datetime
    file_table: str
    row_id: int
    changed: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedFile:
    """A file that moved, or was to move, along one route."""

    id: int
    route: str
    campaign_id: DamId
    tracking_id: TrackingId
    source_id: str
    source_name: str
    target_id: str | None
    target_name: str | None
    state: str


def traced_files(cursor: Cursor, word: str) -> list[TracedFile]:
    """What has this tracking ID, id in the DAM or in Box, or name in any case, and whatever shares its tracking ID."""
    cursor.execute(
        """
        WITH dropped AS (
            SELECT file_id FROM agency_files WHERE %(word)s IN (tracking_id, file_id) OR lower(name) = lower(%(word)s)
        ), found AS (
            SELECT tracking_id FROM transfers
            WHERE %(word)s IN (tracking_id, source_id, target_id) OR source_id IN (SELECT file_id FROM dropped)
               OR lower(%(word)s) IN (lower(source_name), lower(target_name))
            UNION SELECT tracking_id FROM master_assets WHERE %(word)s IN (tracking_id, opentext_id, box_file_id)
        )
        SELECT id, route, campaign_id, tracking_id, source_id, source_name, target_id, target_name, state
        FROM transfers JOIN found USING (tracking_id) ORDER BY created_at, id
        """,
        {"word": word},
    )
    return [TracedFile(**row) for row in cursor.fetchall()]


def agency_versions(cursor: Cursor, word: str, file_ids: Collection[str]) -> list[tuple[int, BoxId, str]]:
    """Row, file id and name of each version of these files, and of what has this name or id, in the agency's folder."""
    cursor.execute(
        """
        SELECT id, file_id, name FROM agency_files
        WHERE file_id = ANY(%(ids)s) OR file_id IN (
            SELECT file_id FROM agency_files
            WHERE %(word)s IN (tracking_id, file_id) OR lower(name) = lower(%(word)s))
        ORDER BY first_seen_at, id
        """,
        {"word": word, "ids": list(file_ids)},
    )
    return [(row["id"], BoxId(row["file_id"]), row["name"]) for row in cursor.fetchall()]


def events_of(cursor: Cursor, transfer_ids: Collection[int], agency_ids: Collection[int]) -> list[FileEvent]:
    """What happened to these rows, the latest last."""
    cursor.execute(
        """
        SELECT at, file_table, row_id, changed FROM file_events
        WHERE (file_table = 'transfers' AND row_id = ANY(%s)) OR (file_table = 'agency_files' AND row_id = ANY(%s))
        ORDER BY at, id
        """,
        (list(transfer_ids), list(agency_ids)),
    )
    return [FileEvent(**row) for row in cursor.fetchall()]


def events_of_masters(cursor: Cursor, tracking_ids: Collection[TrackingId]) -> dict[TrackingId, list[FileEvent]]:
    """What happened so far to each of these masters and its finals, the latest last; quick, however many others are."""
    cursor.execute(
        """
        WITH files AS (SELECT id, route, source_id, tracking_id FROM transfers WHERE tracking_id = ANY(%s)),
        rows AS (
            SELECT 'transfers' AS file_table, id AS row_id, tracking_id FROM files
            UNION SELECT 'agency_files', a.id, f.tracking_id
            FROM agency_files a JOIN files f ON a.route = f.route AND a.file_id = f.source_id
        )
        SELECT tracking_id, at, file_table, row_id, changed
        FROM file_events JOIN rows USING (file_table, row_id) ORDER BY at, file_events.id
        """,
        (list(tracking_ids),),
    )
    found: dict[TrackingId, list[FileEvent]] = {id_: [] for id_ in tracking_ids}
    for row in cursor.fetchall():
        found[row.pop("tracking_id")].append(FileEvent(**row))
    return found


def forget_before(cursor: Cursor, days: float, *, most: int) -> int:
    """Delete what is older than so many days, at most so many rows at once; how many it was."""
    cursor.execute(
        """
        DELETE FROM file_events WHERE id IN (
            SELECT id FROM file_events WHERE at < now() - %s * interval '1 day' ORDER BY at LIMIT %s)
        """,
        (days, most),
    )
    return cursor.rowcount
