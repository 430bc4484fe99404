"""`final_scores`: which CreativeX score each of our finals went into the DAM with, and what came later (SPEC 12)."""

import json

from ferrero_dagster.domain.creativex import SentScore
from ferrero_dagster.domain.ids import TrackingId
from ferrero_dagster.tracking.database import Cursor

#: SQL: the version of a final that came before the content `sha1`; none where the same content comes once more.
BEFORE = """
SELECT * FROM (
    SELECT d.created_at::timestamptz AS arrived_at, d.sha1_hex, f.fingerprint, f.url
    FROM derivative_assets d LEFT JOIN final_scores f USING (transfer_id)
    WHERE d.tracking_id = %(tracking_id)s AND %(name)s IN (
        d.derivative_filename, d.derivative_filename || '.' || ltrim(d.file_extension, '.'))
    ORDER BY d.created_at DESC NULLS LAST, d.transfer_id DESC NULLS LAST LIMIT 1
) AS latest WHERE sha1_hex IS DISTINCT FROM %(sha1)s
"""


def is_link_of_before(cursor: Cursor, url: str, *, name: str, tracking_id: TrackingId, sha1_hex: str) -> bool:
    """Whether the version of the final that came before this content had the same link."""
    cursor.execute(
        f"SELECT FROM ({BEFORE}) AS before WHERE url = %(url)s",
        {"url": url, "name": name, "tracking_id": tracking_id, "sha1": sha1_hex},
    )
    return cursor.fetchone() is not None


def add(cursor: Cursor, transfer_id: int, sent: SentScore) -> None:
    """Remember what a final that has just arrived went into the DAM with; idempotent."""
    creativex = sent.creativex
    cursor.execute(
        """
        INSERT INTO final_scores (transfer_id, is_needed, score, url, place, fingerprint, is_old, scored_at, shown)
        VALUES (%(id)s, %(is_needed)s, %(score)s, %(url)s, %(place)s, %(fingerprint)s, %(is_old)s,
                CASE WHEN %(score)s IS NOT NULL THEN now() END, %(shown)s)
        ON CONFLICT (transfer_id) DO NOTHING
        """,
        {
            "id": transfer_id,
            "is_needed": sent.is_needed,
            "score": creativex.shown_score,
            "url": creativex.url,
            "place": creativex.place,
            "fingerprint": creativex.fingerprint,
            "is_old": creativex.is_old,
            "shown": json.dumps(dict(sent.shown)),
        },
    )
