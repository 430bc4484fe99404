"""A chain of custody: each change of a file's row is kept, by whatever hand it is made, in the change's transaction."""

from alembic import op

revision = "0021"
down_revision = "0020"

#: The function runs with our rights and our tables' schema, so that a change made by another role is kept, too.
_EVENTS = """
CREATE TABLE file_events (
    id BIGSERIAL PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    file_table TEXT NOT NULL,
    row_id BIGINT NOT NULL,
    changed JSONB NOT NULL
);
COMMENT ON TABLE file_events IS 'What happened to each file, the latest last; rows are only ever added.';
CREATE INDEX file_events_row ON file_events (file_table, row_id);
CREATE INDEX file_events_at ON file_events (at);

CREATE FUNCTION ferrero_note_file_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    before JSONB := '{}';
    changed JSONB;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := jsonb_strip_nulls(to_jsonb(OLD));
    END IF;
    SELECT jsonb_object_agg(key, value) INTO changed FROM jsonb_each(to_jsonb(NEW))
    WHERE key NOT IN ('id', 'created_at', 'updated_at', 'first_seen_at', 'last_seen_at', 'looks', 'template',
                      'next_attempt_at', 'blamed_at')
      AND coalesce(value, 'null') IS DISTINCT FROM coalesce(before -> key, 'null');
    IF changed IS NOT NULL THEN
        IF TG_OP = 'UPDATE' AND changed ? 'state' THEN
            changed := changed || jsonb_build_object('state_before', OLD.state);
        END IF;
        INSERT INTO file_events (file_table, row_id, changed) VALUES (TG_TABLE_NAME, NEW.id, changed);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ferrero_keep_file_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of file_events are never changed';
END $$;
CREATE TRIGGER ferrero_file_events BEFORE UPDATE ON file_events FOR EACH ROW EXECUTE FUNCTION ferrero_keep_file_event();
"""

#: Of what happened before only the first and the last is known.
_OF_BEFORE = """
INSERT INTO file_events (at, file_table, row_id, changed)
SELECT created_at, 'transfers', id, jsonb_strip_nulls(jsonb_build_object(
           'route', route, 'campaign_id', campaign_id, 'source_id', source_id, 'source_version', source_version,
           'source_name', source_name, 'tracking_id', tracking_id, 'state', 'pending'))
FROM transfers
UNION ALL
SELECT moved_at, 'transfers', id, jsonb_strip_nulls(to_jsonb(t)) || '{"state_before": "pending", "state": "moved"}'
FROM transfers t WHERE moved_at IS NOT NULL
UNION ALL
SELECT first_seen_at, 'agency_files', id, jsonb_strip_nulls(to_jsonb(f)) - 'template' FROM agency_files f
ORDER BY 1;
"""

_TRIGGERS = """
CREATE TRIGGER ferrero_transfers AFTER INSERT OR UPDATE ON transfers
    FOR EACH ROW EXECUTE FUNCTION ferrero_note_file_event();
CREATE TRIGGER ferrero_agency_files AFTER INSERT OR UPDATE ON agency_files
    FOR EACH ROW EXECUTE FUNCTION ferrero_note_file_event();
"""


def upgrade() -> None:
    """Make the table and what fills it."""
    op.execute(_EVENTS)
    op.execute(_OF_BEFORE)
    op.execute(_TRIGGERS)
