"""When a campaign's last genuine error was, apart from its last poll; and campaigns that looks fail to read."""

from alembic import op

revision = "0005"
down_revision = "0004"

_LAST_ERROR = "ALTER TABLE campaign_status ADD COLUMN {prefix}_last_error_at TIMESTAMPTZ"

_UNREAD = """
ALTER TABLE campaign_status
    ADD COLUMN unread_since TIMESTAMPTZ,
    ADD COLUMN unread_at TIMESTAMPTZ,
    ADD COLUMN unread_looks INTEGER NOT NULL DEFAULT 0;
COMMENT ON COLUMN campaign_status.unread_since IS 'Since when looks fail to read the campaign; NULL: they do not.';
COMMENT ON COLUMN campaign_status.unread_looks IS 'Looks at which the campaign failed and not the whole DAM.';
"""


def upgrade() -> None:
    """Add the columns; older errors count from the last poll."""
    for prefix in ("a1", "a5", "b1"):
        op.execute(_LAST_ERROR.format(prefix=prefix))
    op.execute(_UNREAD)
