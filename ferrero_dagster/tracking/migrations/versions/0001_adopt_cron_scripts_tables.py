"""The three tables of the cron scripts: made where they are missing, adopted where they exist (SPEC 7).

Nothing is dropped and no column of theirs is changed. Their time columns have no zone, so ours beside them do, and ages
are computed in SQL, where both mean the same.
"""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE IF NOT EXISTS master_assets (id BIGSERIAL PRIMARY KEY, tracking_id VARCHAR(6) NOT NULL UNIQUE);
ALTER TABLE master_assets
    ADD COLUMN IF NOT EXISTS opentext_id TEXT,
    ADD COLUMN IF NOT EXISTS box_file_id TEXT,
    ADD COLUMN IF NOT EXISTS full_metadata JSONB,
    ADD COLUMN IF NOT EXISTS upload_directory TEXT,
    ADD COLUMN IF NOT EXISTS description TEXT,
    ADD COLUMN IF NOT EXISTS campaign_id TEXT,
    ADD COLUMN IF NOT EXISTS status TEXT DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS created_at TIMESTAMP DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at TIMESTAMP DEFAULT now();
CREATE TABLE IF NOT EXISTS derivative_assets (id BIGSERIAL PRIMARY KEY);
ALTER TABLE derivative_assets
    ADD COLUMN IF NOT EXISTS tracking_id VARCHAR(6) NOT NULL,
    ADD COLUMN IF NOT EXISTS derivative_filename TEXT,
    ADD COLUMN IF NOT EXISTS file_extension TEXT,
    ADD COLUMN IF NOT EXISTS status TEXT DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS created_at TIMESTAMP DEFAULT now();
CREATE TABLE IF NOT EXISTS campaign_status (campaign_id TEXT PRIMARY KEY);
ALTER TABLE campaign_status
    ADD COLUMN IF NOT EXISTS campaign_number TEXT,
    ADD COLUMN IF NOT EXISTS campaign_name TEXT,
    ADD COLUMN IF NOT EXISTS status TEXT;
"""

_OUR_COLUMNS = """
ALTER TABLE master_assets
    ADD COLUMN IF NOT EXISTS original_id TEXT,
    ADD COLUMN IF NOT EXISTS asset_name TEXT,
    ADD COLUMN IF NOT EXISTS extracted_fields JSONB;
ALTER TABLE campaign_status
    ADD COLUMN IF NOT EXISTS campaign_type TEXT,
    ADD COLUMN IF NOT EXISTS seen_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS status_since TIMESTAMPTZ;
"""

# The seeds name the first four for a1; the other routes get them with the same meaning. `error_count` is how many of
# the counted polls were genuine errors, `stuck_since` when the present stuck period began.
_ROUTE_COLUMNS = """
ALTER TABLE campaign_status
    ADD COLUMN IF NOT EXISTS {prefix}_retry_count INTEGER DEFAULT 0,
    ADD COLUMN IF NOT EXISTS {prefix}_last_retry_at TIMESTAMP,
    ADD COLUMN IF NOT EXISTS {prefix}_permanently_failed BOOLEAN DEFAULT FALSE,
    ADD COLUMN IF NOT EXISTS {prefix}_failure_reason TEXT,
    ADD COLUMN IF NOT EXISTS {prefix}_max_retries INTEGER,
    ADD COLUMN IF NOT EXISTS {prefix}_error_count INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS {prefix}_stuck_since TIMESTAMPTZ;
"""

_UNIQUE = """
DO $$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = '{table}'::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = '{column}'
    ) THEN
        CREATE UNIQUE INDEX ferrero_{table}_{column} ON {table} ({column});
    END IF;
END $$;
"""

_INDEXES = """
CREATE INDEX IF NOT EXISTS ferrero_master_assets_campaign ON master_assets (campaign_id);
CREATE INDEX IF NOT EXISTS ferrero_master_assets_opentext ON master_assets (opentext_id);
CREATE INDEX IF NOT EXISTS ferrero_derivative_assets_tracking ON derivative_assets (tracking_id);
CREATE INDEX IF NOT EXISTS ferrero_derivative_assets_name ON derivative_assets (derivative_filename);
CREATE INDEX IF NOT EXISTS ferrero_campaign_status_status ON campaign_status (status);
"""


def upgrade() -> None:
    """Make or adopt the tables; safe to run again."""
    op.execute(_TABLES)
    op.execute(_OUR_COLUMNS)
    for prefix in ("a1", "a5", "b1"):
        op.execute(_ROUTE_COLUMNS.format(prefix=prefix))
    op.execute(_UNIQUE.format(table="master_assets", column="tracking_id"))
    op.execute(_UNIQUE.format(table="campaign_status", column="campaign_id"))
    op.execute(_INDEXES)
