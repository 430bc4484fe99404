"""Since when this database has been ours: what was due before it, such as a daily report, nobody misses."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the table, with its row."""
    op.execute(
        """
        CREATE TABLE installations (installed_at TIMESTAMPTZ NOT NULL DEFAULT now());
        COMMENT ON TABLE installations IS 'Since when ferrero_dagster has used this database; one row.';
        INSERT INTO installations DEFAULT VALUES;
        """
    )
