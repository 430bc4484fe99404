"""Errors that nobody foresaw: what they hit, how often, and since when."""

from alembic import op

revision = "0015"
down_revision = "0014"

_UNFORESEEN = """
CREATE TABLE unforeseen_errors (
    id BIGSERIAL PRIMARY KEY,
    reference TEXT NOT NULL,
    turn TEXT NOT NULL,
    about TEXT NOT NULL DEFAULT '',
    campaign_id TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL,
    run_id TEXT,
    times INTEGER NOT NULL DEFAULT 1,
    first_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (reference, turn, about, campaign_id)
);
COMMENT ON TABLE unforeseen_errors IS 'Errors that nobody foresaw, by the turn that each has ended.';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_UNFORESEEN)
