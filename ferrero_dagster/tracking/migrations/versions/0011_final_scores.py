"""Which score each final went into the DAM with, so that a later one, or an old one, is recognised."""

from alembic import op

revision = "0011"
down_revision = "0010"

_FINAL_SCORES = """
CREATE TABLE final_scores (
    transfer_id BIGINT PRIMARY KEY,
    is_needed BOOLEAN NOT NULL,
    score TEXT,
    url TEXT,
    place TEXT,
    fingerprint TEXT,
    is_old BOOLEAN NOT NULL DEFAULT FALSE,
    scored_at TIMESTAMPTZ,
    sent JSONB NOT NULL DEFAULT '[]',
    looked_at TIMESTAMPTZ,
    late_attempts INTEGER NOT NULL DEFAULT 0,
    late_fingerprint TEXT
);
COMMENT ON COLUMN final_scores.is_needed IS 'Documents of some asset types have no score.';
COMMENT ON COLUMN final_scores.fingerprint IS 'Of the row of the scores table that it came from.';
COMMENT ON COLUMN final_scores.scored_at IS 'Since when the DAM has a score; NULL while there is none.';
COMMENT ON COLUMN final_scores.sent IS 'The fields of CreativeX as we sent them, but those that a person set.';
COMMENT ON COLUMN final_scores.late_fingerprint IS 'Of the last row that came after the final and is done with.';
CREATE INDEX ferrero_final_scores_unscored ON final_scores (transfer_id) WHERE is_needed AND score IS NULL;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_FINAL_SCORES)
