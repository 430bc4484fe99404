"""Uploads in parts that the next run may go on with."""

from alembic import op

revision = "0024"
down_revision = "0023"

_SESSIONS = """
CREATE TABLE upload_sessions (
    id BIGSERIAL PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    part_bytes BIGINT NOT NULL,
    transfer_id BIGINT NOT NULL,
    source_version TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    md5_hex TEXT NOT NULL,
    folder_id TEXT NOT NULL,
    name TEXT NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    used_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE upload_sessions IS 'Uploads of large files to Box that have begun and not ended.';
COMMENT ON COLUMN upload_sessions.session_id IS 'Box''s.';
COMMENT ON COLUMN upload_sessions.md5_hex IS 'As the DAM gives it; empty where it does not.';
CREATE INDEX upload_sessions_transfer ON upload_sessions (transfer_id);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_SESSIONS)
