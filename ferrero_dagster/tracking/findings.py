"""`audit_findings`: each difference that audits found, since when, whether it is still there."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from ferrero_dagster.domain.audit import Finding
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.database import Cursor

_KEPT_GONE_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFinding:
    """A finding that is there, since `found_at`; `campaign` is the campaign for people."""

    finding: Finding
    campaign: str
    found_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingCounts:
    """How many there are, and of these how many are new, and how many are gone, since a moment."""

    open: int
    new: int
    gone: int


def note_found(cursor: Cursor, pass_id: int, findings: Collection[Finding]) -> None:
    """These are there; one that was gone begins anew. Idempotent."""
    for finding in findings:
        cursor.execute(
            """
            INSERT INTO audit_findings AS known (key, kind, about, name, detail, route, campaign_id, tracking_id, thing,
                                                 thing_id, pass_id)
            VALUES (%(key)s, %(kind)s, %(about)s, %(name)s, %(detail)s, %(route)s, %(campaign_id)s, %(tracking_id)s,
                    %(thing)s, %(thing_id)s, %(pass_id)s)
            ON CONFLICT (key) DO UPDATE SET
                name = excluded.name, detail = excluded.detail, route = excluded.route,
                campaign_id = excluded.campaign_id, tracking_id = excluded.tracking_id, pass_id = excluded.pass_id,
                found_at = CASE WHEN known.gone_at IS NULL THEN known.found_at ELSE now() END,
                last_seen_at = now(), gone_at = NULL
            """,
            asdict(finding) | {"key": finding.key, "pass_id": pass_id},
        )


def leave(cursor: Cursor, pass_id: int, campaign_id: DamId) -> None:
    """This pass could not look at the campaign: what was found of it before is not taken for gone."""
    cursor.execute(
        "UPDATE audit_findings SET pass_id = %s WHERE campaign_id = %s AND gone_at IS NULL", (pass_id, campaign_id)
    )


def note_gone(cursor: Cursor, pass_id: int, campaign_id: DamId | None) -> None:
    """What a pass that is through, of all or of one campaign, has not found again is gone."""
    cursor.execute(
        """
        UPDATE audit_findings SET gone_at = now()
        WHERE gone_at IS NULL AND pass_id < %(pass_id)s
          AND (%(campaign_id)s IS NULL OR campaign_id = %(campaign_id)s)
        """,
        {"pass_id": pass_id, "campaign_id": campaign_id},
    )
    cursor.execute("DELETE FROM audit_findings WHERE gone_at < now() - %s * interval '1 day'", (_KEPT_GONE_DAYS,))


def open_findings(cursor: Cursor, *, limit: int, campaign_id: DamId | None = None) -> list[KnownFinding]:
    """What is there, the oldest first."""
    cursor.execute(
        """
        SELECT f.kind, f.about, f.name, f.detail, f.route, f.campaign_id, f.tracking_id, f.thing, f.thing_id,
               coalesce(nullif(concat_ws(' ', campaign_number, campaign_name), ''), f.campaign_id, '') AS campaign,
               found_at, last_seen_at
        FROM audit_findings f LEFT JOIN campaign_status USING (campaign_id)
        WHERE gone_at IS NULL AND (%(campaign_id)s IS NULL OR f.campaign_id = %(campaign_id)s)
        ORDER BY found_at, f.kind, f.name, f.id LIMIT %(limit)s
        """,
        {"campaign_id": campaign_id, "limit": limit},
    )
    return [_known(row) for row in cursor.fetchall()]


def _known(row: dict[str, object]) -> KnownFinding:
    life = {name: row.pop(name) for name in ("campaign", "found_at", "last_seen_at")}
    return KnownFinding(finding=Finding(**row), **life)  # type: ignore[arg-type]  # as the columns are


def count(cursor: Cursor, since: datetime, campaign_id: DamId | None = None) -> FindingCounts:
    """How many there are, new and gone since then."""
    cursor.execute(
        """
        SELECT count(*) FILTER (WHERE gone_at IS NULL) AS open,
               count(*) FILTER (WHERE gone_at IS NULL AND found_at >= %(since)s) AS new,
               count(*) FILTER (WHERE gone_at >= %(since)s) AS gone
        FROM audit_findings WHERE %(campaign_id)s IS NULL OR campaign_id = %(campaign_id)s
        """,
        {"since": since, "campaign_id": campaign_id},
    )
    return FindingCounts(**cursor.fetchall()[0])
