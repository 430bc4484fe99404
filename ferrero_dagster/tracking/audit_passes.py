"""`audit_passes`: how far an audit has come, so that the next start goes on there."""

from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditPass:
    """A passage through everything, or one campaign; `after` is the last that was looked at in its `phase`."""

    id: int
    campaign_id: DamId | None
    phase: str
    after: str
    calls: int
    started_at: datetime


_COLUMNS = "id, nullif(campaign_id, '') AS campaign_id, phase, after, calls, started_at"


def begin(cursor: Cursor, campaign_id: DamId | None, *, phase: str) -> AuditPass:
    """The pass that was begun and not ended, or a new one in this `phase`."""
    values = {"campaign_id": campaign_id or "", "phase": phase}
    cursor.execute(
        """
        INSERT INTO audit_passes (campaign_id, phase) VALUES (%(campaign_id)s, %(phase)s)
        ON CONFLICT (campaign_id) WHERE finished_at IS NULL DO NOTHING
        """,
        values,
    )
    cursor.execute(
        f"SELECT {_COLUMNS} FROM audit_passes WHERE campaign_id = %(campaign_id)s AND finished_at IS NULL", values
    )
    return AuditPass(**cursor.fetchall()[0])


def note_progress(cursor: Cursor, pass_id: int, *, phase: str, after: str, calls: int) -> None:
    """It has come so far, with so many calls in all."""
    cursor.execute(
        "UPDATE audit_passes SET phase = %s, after = %s, calls = %s WHERE id = %s",
        (phase, after, calls, pass_id),
    )


def finish(cursor: Cursor, pass_id: int) -> None:
    """It is through; older ones are forgotten."""
    cursor.execute("UPDATE audit_passes SET finished_at = now() WHERE id = %s", (pass_id,))
    cursor.execute("DELETE FROM audit_passes WHERE finished_at < now() - interval '30 days'")


def last_finished_at(cursor: Cursor) -> datetime | None:
    """When the last passage through everything ended."""
    cursor.execute("SELECT max(finished_at) AS at FROM audit_passes WHERE campaign_id = ''")
    at: datetime | None = cursor.fetchall()[0]["at"]
    return at
