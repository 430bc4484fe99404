"""Tables of our own: transfers, rounds of campaigns, outages, notifications to send."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TRANSFERS = """
CREATE TABLE transfers (
    id BIGSERIAL PRIMARY KEY,
    route TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    source_version TEXT NOT NULL,
    source_name TEXT NOT NULL,
    tracking_id VARCHAR(6) NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'moved', 'set_aside', 'withdrawn')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ,
    last_error TEXT,
    last_error_code TEXT,
    size_bytes BIGINT,
    sha1_hex CHAR(40),
    md5_hex CHAR(32),
    source_hash TEXT CHECK (source_hash IN ('given', 'computed')),
    target_id TEXT,
    target_name TEXT,
    adopted BOOLEAN NOT NULL DEFAULT FALSE,
    job_id TEXT,
    run_id TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    moved_at TIMESTAMPTZ,
    UNIQUE (route, campaign_id, source_id, source_version)
);
COMMENT ON TABLE transfers IS 'One content version of one file on one route: intent first, proof last.';
CREATE INDEX transfers_open ON transfers (route, campaign_id) WHERE state <> 'moved';
CREATE INDEX transfers_tracking_id ON transfers (tracking_id);
CREATE INDEX transfers_moved_at ON transfers (moved_at);
-- One Box file or DAM asset is the result of one transfer only (FAULTS 14).
CREATE UNIQUE INDEX transfers_target ON transfers (route, target_id) WHERE target_id IS NOT NULL;
"""

_ROUNDS = """
CREATE TABLE campaign_rounds (
    id BIGSERIAL PRIMARY KEY,
    route TEXT NOT NULL,
    campaign_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    failed_attempts INTEGER NOT NULL DEFAULT 0,
    last_failed_at TIMESTAMPTZ,
    advancing_at TIMESTAMPTZ,
    closed_at TIMESTAMPTZ,
    outcome TEXT CHECK (outcome IN ('advanced', 'overtaken')),
    UNIQUE (route, campaign_id, round)
);
COMMENT ON TABLE campaign_rounds IS 'One passage of a campaign along a route; set back by a person, it opens the next.';
CREATE UNIQUE INDEX campaign_rounds_open ON campaign_rounds (route, campaign_id) WHERE closed_at IS NULL;
"""

_OUTAGES = """
CREATE TABLE outages (
    id BIGSERIAL PRIMARY KEY,
    system TEXT NOT NULL,
    began_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    failures INTEGER NOT NULL DEFAULT 1,
    last_failure_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    message TEXT NOT NULL,
    ended_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX outages_open ON outages (system) WHERE ended_at IS NULL;
"""

_NOTIFICATIONS = """
CREATE TABLE notifications (
    id BIGSERIAL PRIMARY KEY,
    dedupe_key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),
    template TEXT NOT NULL,
    campaign_id TEXT,
    fact JSONB NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'set_aside')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    delivered_to TEXT[] NOT NULL DEFAULT '{}',
    refused_by TEXT[] NOT NULL DEFAULT '{}',
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    sent_at TIMESTAMPTZ
);
COMMENT ON TABLE notifications IS 'The outbox: written in the transaction of the fact it reports, sent afterwards.';
CREATE INDEX notifications_waiting ON notifications (next_attempt_at) WHERE state = 'waiting';
"""


def upgrade() -> None:
    """Make the tables."""
    for statements in (_TRANSFERS, _ROUNDS, _OUTAGES, _NOTIFICATIONS):
        op.execute(statements)
