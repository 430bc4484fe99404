"""What is red in Dagster, and since when."""

from alembic import op

revision = "0017"
down_revision = "0016"

_REDS = """
CREATE TABLE reds (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL,
    cause TEXT NOT NULL,
    message TEXT NOT NULL,
    times INTEGER NOT NULL,
    began_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    heals BOOLEAN NOT NULL,
    ended_at TIMESTAMPTZ,
    mailed_at TIMESTAMPTZ,
    UNIQUE (name, cause)
);
COMMENT ON TABLE reds IS 'Sensors, schedules, daemons and checks that are or were red in Dagster.';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_REDS)
