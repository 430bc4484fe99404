"""How many files of a master hold other content in Box by now, so that it was delivered beside them."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE transfers ADD COLUMN copies INTEGER NOT NULL DEFAULT 0")
