"""When each file was seen first: its time to arrive runs from then, not from when a run took it up."""

from alembic import op

revision = "0004"
down_revision = "0003"

_FIRST_SEEN = """
ALTER TABLE transfers ADD COLUMN first_seen_at TIMESTAMPTZ;
UPDATE transfers SET first_seen_at = created_at;
ALTER TABLE transfers ALTER COLUMN first_seen_at SET DEFAULT now(), ALTER COLUMN first_seen_at SET NOT NULL;
COMMENT ON COLUMN transfers.first_seen_at IS 'When a sensor saw the file, or the campaign ready with it.';
"""


def upgrade() -> None:
    """Add the column; of older files only the beginning of their transfer is known."""
    op.execute(_FIRST_SEEN)
