"""How far the looks at the agency's folder have come in Box's stream of events."""

from alembic import op

revision = "0025"
down_revision = "0024"

_LOOKS = """
CREATE TABLE agency_looks (
    route TEXT PRIMARY KEY,
    position TEXT,
    rules TEXT NOT NULL,
    listed_at TIMESTAMPTZ
);
COMMENT ON TABLE agency_looks IS 'Since which position of Box''s events the agency folder is as agency_files says.';
COMMENT ON COLUMN agency_looks.position IS 'NULL: Box tells us no events, so that every look lists the folder.';
COMMENT ON COLUMN agency_looks.rules IS 'Digest of the settings that files were judged by.';
COMMENT ON COLUMN agency_looks.listed_at IS 'Of the last whole listing; NULL: one is to be made.';
CREATE INDEX agency_files_waiting ON agency_files (route) WHERE state IN ('settling', 'ready');
CREATE INDEX agency_files_without_master ON agency_files (route, tracking_id)
    WHERE state = 'refused' AND problems IS NULL AND tracking_id IS NOT NULL;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_LOOKS)
