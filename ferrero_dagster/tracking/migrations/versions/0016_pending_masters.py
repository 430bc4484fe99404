"""Masters whose files are still to be moved have a table of our own: `master_assets.status` has rules of its owner."""

from alembic import op

revision = "0016"
down_revision = "0015"

_TABLE = """
CREATE TABLE pending_masters (
    tracking_id TEXT PRIMARY KEY,
    opentext_id TEXT NOT NULL,
    original_id TEXT,
    asset_name TEXT,
    campaign_id TEXT,
    upload_directory TEXT,
    description TEXT,
    full_metadata JSONB NOT NULL DEFAULT '{}',
    extracted_fields JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE pending_masters IS 'Masters under a tracking ID whose files are not in Box yet.';
CREATE INDEX pending_masters_letters ON pending_masters (lower(tracking_id));
"""
#: Only what we made; a cron script's row of such a status stays.
_MOVE = """
WITH moved AS (
    DELETE FROM master_assets m WHERE status::text = 'pending' AND opentext_id IS NOT NULL
       AND EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id AND t.state <> 'moved')
    RETURNING *
)
INSERT INTO pending_masters (tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory,
                             description, full_metadata, extracted_fields)
SELECT tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory, description,
       coalesce(full_metadata, '{}'), extracted_fields
FROM moved;
"""


def upgrade() -> None:
    """Make the table and move what is on its way there."""
    op.execute(_TABLE)
    op.execute(_MOVE)
