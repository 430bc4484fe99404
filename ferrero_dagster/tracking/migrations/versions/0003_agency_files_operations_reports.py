"""The way back: files in the agency's Box folder and the finals made of them; operations; daily reports."""

from alembic import op

revision = "0003"
down_revision = "0002"

_AGENCY_FILES = """
CREATE TABLE agency_files (
    id BIGSERIAL PRIMARY KEY,
    file_id TEXT NOT NULL,
    etag TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha1_hex TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('settling', 'ready', 'refused', 'gone')),
    looks INTEGER NOT NULL DEFAULT 1,
    template JSONB,
    tracking_id VARCHAR(6),
    campaign_id TEXT,
    reason TEXT,
    problems JSONB,
    first_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    refused_at TIMESTAMPTZ,
    gone_at TIMESTAMPTZ,
    UNIQUE (file_id, etag)
);
COMMENT ON TABLE agency_files IS 'A version of a file in the agency folder; renamed or replaced, it is a new one.';
CREATE INDEX agency_files_present ON agency_files (state) WHERE state <> 'gone';
CREATE INDEX agency_files_refused_at ON agency_files (refused_at) WHERE refused_at IS NOT NULL;
"""

_DERIVATIVES = """
ALTER TABLE derivative_assets
    ADD COLUMN IF NOT EXISTS campaign_id TEXT,
    ADD COLUMN IF NOT EXISTS dam_asset_id TEXT,
    ADD COLUMN IF NOT EXISTS box_file_id TEXT,
    ADD COLUMN IF NOT EXISTS sha1_hex TEXT,
    ADD COLUMN IF NOT EXISTS size_bytes BIGINT,
    ADD COLUMN IF NOT EXISTS transfer_id BIGINT;
CREATE UNIQUE INDEX derivative_assets_transfer ON derivative_assets (transfer_id) WHERE transfer_id IS NOT NULL;
ALTER TABLE transfers
    ADD COLUMN set_aside_at TIMESTAMPTZ,
    ADD COLUMN import_began_at TIMESTAMPTZ,
    ADD COLUMN deleted_at TIMESTAMPTZ;
COMMENT ON COLUMN transfers.deleted_at IS 'When the source was deleted from Box, the final being proven (a2_to_a3).';
-- The agency may deliver once more what the DAM holds already: that final is adopted, and shares its asset.
DROP INDEX transfers_target;
CREATE UNIQUE INDEX transfers_target ON transfers (route, target_id)
    WHERE target_id IS NOT NULL AND NOT (route = 'a2_to_a3' AND adopted);
"""

_OPERATIONS = """
CREATE TABLE operations (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT now(),
    operation TEXT NOT NULL,
    done_by TEXT NOT NULL,
    target TEXT NOT NULL,
    before JSONB,
    after JSONB,
    run_id TEXT
);
COMMENT ON TABLE operations IS 'What operators did by hand: who, when, to what, and how it was before and after.';
"""

_REPORTS = """
CREATE TABLE daily_reports (
    day DATE PRIMARY KEY,
    made_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    report JSONB NOT NULL
);
COMMENT ON TABLE daily_reports IS 'What the report of a day that is over said; made again it says the same.';
CREATE INDEX notifications_set_aside ON notifications (created_at) WHERE state = 'set_aside';
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (_AGENCY_FILES, _DERIVATIVES, _OPERATIONS, _REPORTS):
        op.execute(statements)
