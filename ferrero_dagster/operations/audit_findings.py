"""How findings of the audit are told, wherever they are shown."""

from ferrero_dagster.domain import audit
from ferrero_dagster.domain.audit import Finding
from ferrero_dagster.tracking.findings import KnownFinding

#: The oldest; the tracking database has them all.
MAX_SHOWN = 500
Row = dict[str, str]


def finding_row(known: KnownFinding) -> Row:
    """A finding as a line of a table."""
    found = known.finding
    return {
        "finding": found.kind,
        "file": found.name,
        "tracking_id": found.tracking_id or "",
        "campaign": known.campaign,
        "detail": found.detail,
        "since": known.found_at.isoformat(timespec="seconds"),
        "what_to_do": what_to_do(found),
    }


def what_to_do(finding: Finding) -> str:
    """What helps, also for a kind that only an older version knew."""
    kind = audit.KINDS.get(finding.kind)
    return kind.do if kind else "See whether it is still so."
