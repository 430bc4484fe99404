"""`final_scores`: which CreativeX score each of our finals went into the DAM with, and what came later (SPEC 12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.domain.creativex import SentScore
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import json_text

#: SQL: the version of a final `w` that came before its content `w.sha1`; none where the same content comes once more.
BEFORE = """
SELECT * FROM (
    SELECT d.created_at::timestamptz AS arrived_at, d.sha1_hex, f.fingerprint, f.url
    FROM derivative_assets d LEFT JOIN final_scores f USING (transfer_id)
    WHERE d.tracking_id = w.tracking_id AND w.name IN (
        d.derivative_filename, d.derivative_filename || '.' || ltrim(d.file_extension, '.'))
    ORDER BY d.created_at DESC NULLS LAST, d.transfer_id DESC NULLS LAST LIMIT 1
) AS latest WHERE sha1_hex IS DISTINCT FROM w.sha1
"""


def is_link_of_before(cursor: Cursor, url: str, *, name: str, tracking_id: TrackingId, sha1_hex: str) -> bool:
    """Whether the version of the final that came before this content had the same link."""
    cursor.execute(
        f"""
        SELECT FROM (SELECT %(name)s AS name, %(tracking_id)s AS tracking_id, %(sha1)s AS sha1) AS w,
            LATERAL ({BEFORE}) AS before WHERE url = %(url)s
        """,
        {"url": url, "name": name, "tracking_id": tracking_id, "sha1": sha1_hex},
    )
    return cursor.fetchone() is not None


def add(cursor: Cursor, sent: Mapping[int, SentScore]) -> None:
    """Remember what finals that have just arrived went into the DAM with, by transfer id; idempotent."""
    rows = [
        {"transfer_id": transfer_id, "is_needed": one.is_needed, "sent": one.fields}
        | {"score": one.creativex.shown_score, "url": one.creativex.url, "place": one.creativex.place}
        | {"fingerprint": one.creativex.fingerprint, "is_old": one.creativex.is_old}
        for transfer_id, one in sent.items()
    ]
    cursor.execute(
        """
        INSERT INTO final_scores (transfer_id, is_needed, score, url, place, fingerprint, is_old, scored_at, sent)
        SELECT transfer_id, is_needed, score, url, place, fingerprint, is_old,
               CASE WHEN score IS NOT NULL THEN now() END, sent
        FROM jsonb_to_recordset(%s) AS r (transfer_id BIGINT, is_needed BOOLEAN, score TEXT, url TEXT, place TEXT,
                                          fingerprint TEXT, is_old BOOLEAN, sent JSONB)
        ON CONFLICT (transfer_id) DO NOTHING
        """,
        (json_text(rows),),
    )


# --- scores that come later --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class LateScore:
    """A final that is in the DAM, and the newest row of the scores table that says other than it went there with."""

    transfer_id: int
    campaign_id: DamId
    tracking_id: TrackingId
    #: Its name in Box and in the DAM, and its id there.
    source_name: str
    clean_name: str
    asset_id: DamId
    #: The fields of CreativeX as we sent them.
    sent: list[dict[str, Any]]
    attempts: int
    score: str | None
    url: str | None
    fingerprint: str


def bring(cursor: Cursor, late: LateScore, *, score: str | None, url: str | None, fields: list[dict[str, Any]]) -> None:
    """The DAM has the late score, in these fields; idempotent."""
    cursor.execute(
        """
        UPDATE final_scores SET score = coalesce(%(score)s, score), url = coalesce(%(url)s, url),
               place = 'scores_table', fingerprint = %(fingerprint)s, late_fingerprint = %(fingerprint)s,
               is_old = FALSE, scored_at = CASE WHEN %(score)s IS NOT NULL THEN coalesce(scored_at, now()) END,
               sent = %(sent)s, looked_at = now(), late_attempts = 0
        WHERE transfer_id = %(id)s
        """,
        {"id": late.transfer_id, "score": score, "url": url, "fingerprint": late.fingerprint}
        | {"sent": json_text(fields)},
    )


def leave(cursor: Cursor, late: LateScore) -> None:
    """This row of the scores table is done with, though the DAM does not have it; idempotent."""
    cursor.execute(
        "UPDATE final_scores SET late_fingerprint = %s, looked_at = now(), late_attempts = 0 WHERE transfer_id = %s",
        (late.fingerprint, late.transfer_id),
    )


def count_late_attempt(cursor: Cursor, late: LateScore) -> None:
    """The DAM did not take the score this time; others have their turn first."""
    cursor.execute(
        "UPDATE final_scores SET late_attempts = %s, looked_at = now() WHERE transfer_id = %s",
        (late.attempts + 1, late.transfer_id),
    )


# --- finals without one ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class UnscoredFinal:
    """A final in the DAM that needs a score and has none, or that of an earlier version."""

    name: str
    tracking_id: TrackingId
    campaign: str
    since: datetime
    is_old: bool


def unscored(cursor: Cursor, *, days: float, limit: int) -> list[UnscoredFinal]:
    """Those of the last days, the newest first."""
    cursor.execute(
        """
        SELECT t.target_name AS name, t.tracking_id, t.moved_at AS since, f.is_old,
               coalesce(nullif(concat_ws(' ', campaign_number, campaign_name), ''), t.campaign_id) AS campaign
        FROM final_scores f JOIN transfers t ON t.id = f.transfer_id
        JOIN derivative_assets d ON d.transfer_id = t.id AND d.status = 'active'
        LEFT JOIN campaign_status c ON c.campaign_id = t.campaign_id
        WHERE f.is_needed AND (f.score IS NULL OR f.is_old) AND t.moved_at > now() - %s * interval '1 day'
        ORDER BY t.moved_at DESC, t.id DESC LIMIT %s
        """,
        (days, limit),
    )
    return [UnscoredFinal(**row) for row in cursor.fetchall()]


def unscored_of_day(cursor: Cursor, begins: datetime, ends: datetime) -> int:
    """How many finals that arrived in this time had no score at its end."""
    cursor.execute(
        """
        SELECT count(*) AS finals FROM final_scores f JOIN transfers t ON t.id = f.transfer_id
        WHERE f.is_needed AND t.moved_at >= %s AND t.moved_at < %s AND (scored_at IS NULL OR scored_at >= %s)
        """,
        (begins, ends, ends),
    )
    return int(cursor.fetchall()[0]["finals"])
