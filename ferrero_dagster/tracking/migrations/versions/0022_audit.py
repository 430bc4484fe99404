"""What audits find, and how far they have come."""

from alembic import op

revision = "0022"
down_revision = "0021"

_FINDINGS = """
CREATE TABLE audit_findings (
    id BIGSERIAL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL,
    route TEXT NOT NULL DEFAULT '',
    campaign_id TEXT,
    tracking_id TEXT,
    thing TEXT NOT NULL,
    thing_id TEXT NOT NULL,
    pass_id BIGINT NOT NULL,
    found_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    gone_at TIMESTAMPTZ
);
COMMENT ON TABLE audit_findings IS 'Where tables, Box and the DAM differ, as audits found it.';
COMMENT ON COLUMN audit_findings.pass_id IS 'The last audit that found it, or could not look.';
CREATE INDEX audit_findings_open ON audit_findings (found_at) WHERE gone_at IS NULL;
"""

_PASSES = """
CREATE TABLE audit_passes (
    id BIGSERIAL PRIMARY KEY,
    campaign_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    after TEXT NOT NULL DEFAULT '',
    calls BIGINT NOT NULL DEFAULT 0,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ
);
COMMENT ON COLUMN audit_passes.campaign_id IS 'Empty: of all campaigns.';
CREATE UNIQUE INDEX audit_passes_open ON audit_passes (campaign_id) WHERE finished_at IS NULL;
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(_FINDINGS)
    op.execute(_PASSES)
