"""Requests to Box and the DAM, counted by day and kind."""

from alembic import op

revision = "0026"
down_revision = "0025"

_COUNTS = """
CREATE TABLE request_counts (
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    day DATE NOT NULL,
    calls BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (service, kind, day)
);
COMMENT ON TABLE request_counts IS 'Requests by day of the site''s time zone; what is sent again counts again.';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_COUNTS)
