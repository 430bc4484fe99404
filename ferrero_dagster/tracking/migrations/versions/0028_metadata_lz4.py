"""Metadata of masters are compressed with lz4 where PostgreSQL has it: its own pglz costs more than all the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

#: No row before PostgreSQL 14, which knows pglz only.
_CHOICES = "SELECT unnest(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"


def upgrade() -> None:
    """What is stored already stays as it is."""
    if "lz4" in op.get_bind().execute(sa.text(_CHOICES)).scalars():
        op.execute("ALTER TABLE master_assets ALTER COLUMN full_metadata SET COMPRESSION lz4")
