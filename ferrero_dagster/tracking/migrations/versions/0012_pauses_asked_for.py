"""How long a system asked us to wait is known to the next process, too."""

from alembic import op

revision = "0012"
down_revision = "0011"

_OUTAGES = """
ALTER TABLE outages ADD COLUMN asked_pause_s DOUBLE PRECISION NOT NULL DEFAULT 0;
COMMENT ON COLUMN outages.asked_pause_s IS 'Seconds that it asked us to wait at its last failure (Retry-After).';
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(_OUTAGES)
