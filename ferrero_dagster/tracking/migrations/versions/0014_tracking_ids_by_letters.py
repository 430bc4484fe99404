"""Tracking IDs are looked up without regard to case, too: for suggestions, and before a new one is given."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX IF NOT EXISTS master_assets_tracking_id_letters ON master_assets (lower(tracking_id))")
