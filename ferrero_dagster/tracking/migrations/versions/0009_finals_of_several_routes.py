"""Several ways back: each agency file belongs to a route, and each transfer says whether it shares its target."""

from alembic import op

revision = "0009"
down_revision = "0008"

_AGENCY_FILES = """
ALTER TABLE agency_files ADD COLUMN route TEXT;
UPDATE agency_files SET route = 'a2_to_a3';
ALTER TABLE agency_files
    ALTER COLUMN route SET NOT NULL,
    DROP CONSTRAINT agency_files_file_id_etag_key,
    ADD UNIQUE (route, file_id, etag);
"""

_TRANSFERS = """
ALTER TABLE transfers ADD COLUMN shares_target BOOLEAN NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN transfers.shares_target IS 'The DAM held the final already; another transfer may have it, too.';
UPDATE transfers SET shares_target = TRUE WHERE route = 'a2_to_a3' AND adopted;
DROP INDEX transfers_target;
CREATE UNIQUE INDEX transfers_target ON transfers (route, target_id) WHERE target_id IS NOT NULL AND NOT shares_target;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(_AGENCY_FILES)
    op.execute(_TRANSFERS)
