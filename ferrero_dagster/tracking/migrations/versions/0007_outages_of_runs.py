"""An outage that a run met is told from one that only looks met."""

from alembic import op

revision = "0007"
down_revision = "0006"

_OUTAGES = """
ALTER TABLE outages ADD COLUMN by_run BOOLEAN NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN outages.by_run IS 'Whether a run met it: a look that succeeds proves nothing then.';
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(_OUTAGES)
