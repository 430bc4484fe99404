"""From which status a campaign is advanced, and who asked for it."""

from alembic import op

revision = "0013"
down_revision = "0012"

_ADVANCES = """
ALTER TABLE campaign_rounds ADD COLUMN advancing_from TEXT, ADD COLUMN advancing_by TEXT;
COMMENT ON COLUMN campaign_rounds.advancing_from IS 'The status that we are about to replace.';
COMMENT ON COLUMN campaign_rounds.advancing_by IS 'The person who asked for it; NULL where it follows by itself.';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_ADVANCES)
