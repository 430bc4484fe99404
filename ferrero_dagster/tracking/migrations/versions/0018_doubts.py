"""Whose trouble a failure was taken for: the file's own, or perhaps the whole system's, and how often that was open."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the columns."""
    op.execute(
        """
        ALTER TABLE transfers
            ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0, ADD COLUMN blame TEXT, ADD COLUMN blamed_at TIMESTAMPTZ
        """
    )
