"""What Dagster has not been told of yet; and metadata are written once, where the master is, not also on its way."""

from alembic import op

revision = "0027"
down_revision = "0026"

_TABLE = """
CREATE TABLE untold_files (
    transfer_id BIGINT PRIMARY KEY,
    run_id TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE untold_files IS 'Files that have moved and whose event Dagster has not got yet.';
ALTER TABLE pending_masters DROP COLUMN description, DROP COLUMN full_metadata, DROP COLUMN extracted_fields;
"""


def upgrade() -> None:
    """Make the table; what has moved by now has its event."""
    op.execute(_TABLE)
