"""What Dagster calls a campaign: given once, and never to two."""

from alembic import op

revision = "0010"
down_revision = "0009"

_PARTITION_KEYS = """
ALTER TABLE campaign_status ADD COLUMN partition_key TEXT;
COMMENT ON COLUMN campaign_status.partition_key IS 'Its partition in Dagster; NULL until a look first starts it.';
CREATE UNIQUE INDEX ferrero_campaign_status_partition_key ON campaign_status (partition_key);
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(_PARTITION_KEYS)
