"""Each kind of trouble with a system is an outage of its own, which knows whether people were told of it."""

from alembic import op

revision = "0006"
down_revision = "0005"

_OUTAGES = """
ALTER TABLE outages
    ADD COLUMN kind TEXT NOT NULL DEFAULT '',
    ADD COLUMN mailed BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX outages_open;
CREATE UNIQUE INDEX outages_open ON outages (system, kind) WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_OUTAGES)
