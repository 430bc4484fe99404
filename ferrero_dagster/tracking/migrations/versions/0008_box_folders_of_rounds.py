"""The Box folder of a round is kept: a campaign that is renamed between two runs does not get its files in two."""

from alembic import op

revision = "0008"
down_revision = "0007"

_BOX_FOLDER = """
ALTER TABLE campaign_rounds ADD COLUMN box_folder_id TEXT;
COMMENT ON COLUMN campaign_rounds.box_folder_id IS 'Where the round''s files go; NULL before the first run.';
"""


def upgrade() -> None:
    """Add the column; open rounds find their folder by name once more."""
    op.execute(_BOX_FOLDER)
