"""Turns at Box and the DAM, shared by all processes and machines."""

from alembic import op

revision = "0023"
down_revision = "0022"

_ALLOWANCES = """
CREATE TABLE request_allowances (
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    spent_at DOUBLE PRECISION[] NOT NULL DEFAULT '{}',
    spent INTEGER[] NOT NULL DEFAULT '{}',
    claimed_by INTEGER NOT NULL DEFAULT 0,
    claimed_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (account, kind)
);
COMMENT ON TABLE request_allowances IS 'What was handed out in the last minute; seconds of this server''s clock.';
COMMENT ON COLUMN request_allowances.claimed_by IS 'Nobody below this priority gets any until claimed_until.';
"""

_PAUSES = """
CREATE TABLE request_pauses (
    account TEXT PRIMARY KEY,
    until TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE request_pauses IS 'Until when a service wants to be left alone (Retry-After), by our clock.';
"""

_PARALLEL = """
CREATE TABLE parallel_requests (
    account TEXT NOT NULL,
    holder TEXT NOT NULL,
    places INTEGER NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, holder)
);
COMMENT ON TABLE parallel_requests IS 'How many requests each process may have under way; those of a dead one expire.';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(_ALLOWANCES)
    op.execute(_PAUSES)
    op.execute(_PARALLEL)
