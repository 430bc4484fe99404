"""The tracking database as the cron scripts left it, in several shapes, and the SQL that people run on it."""

from contextlib import closing

import psycopg2

#: As `database/migrations` of the cron scripts would make it.
USUAL = """
CREATE TABLE master_assets (
    id SERIAL PRIMARY KEY, tracking_id VARCHAR(6) NOT NULL UNIQUE, opentext_id VARCHAR(100) NOT NULL,
    box_file_id VARCHAR(50), full_metadata JSONB, upload_directory VARCHAR(100), description TEXT,
    campaign_id VARCHAR(50), status VARCHAR(20) DEFAULT 'active',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE derivative_assets (
    id SERIAL PRIMARY KEY, tracking_id VARCHAR(6) REFERENCES master_assets (tracking_id),
    derivative_filename VARCHAR(255), file_extension VARCHAR(10), status VARCHAR(20) DEFAULT 'active'
);
CREATE TABLE campaign_status (
    id SERIAL PRIMARY KEY, campaign_id VARCHAR(50) UNIQUE NOT NULL, campaign_number VARCHAR(50),
    campaign_name VARCHAR(100), status VARCHAR(10), a1_retry_count INTEGER DEFAULT 0, a1_last_retry_at TIMESTAMP,
    a1_permanently_failed BOOLEAN DEFAULT FALSE, a1_failure_reason TEXT
);
"""
#: Other types, other keys, columns that we never heard of; campaign_id is unique in none, migration 003 is missing.
ODD = """
CREATE TABLE master_assets (
    tracking_id TEXT, opentext_id TEXT, box_file_id BIGINT, full_metadata JSONB, upload_directory TEXT,
    description VARCHAR(40), campaign_id TEXT, status TEXT, updated_at TIMESTAMPTZ, brand TEXT, asset_name VARCHAR(30),
    keywords TEXT[] NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX only_the_active ON master_assets (tracking_id) WHERE status = 'active';
CREATE VIEW masters AS SELECT * FROM master_assets;
CREATE TABLE derivative_assets (
    derivative_id UUID DEFAULT gen_random_uuid(), tracking_id CHAR(6), derivative_filename TEXT, file_extension TEXT,
    status TEXT, created_at TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE campaign_status (campaign_id TEXT, campaign_number TEXT, campaign_name TEXT, status TEXT, remark JSON);
"""
#: Nothing but the serial numbers is a key.
NO_KEYS = (
    USUAL.replace("tracking_id VARCHAR(6) NOT NULL UNIQUE", "tracking_id VARCHAR(6) NOT NULL")
    .replace("REFERENCES master_assets (tracking_id)", "")
    .replace("campaign_id VARCHAR(50) UNIQUE", "campaign_id VARCHAR(50)")
)

#: With columns that other programs read, no default among them, and their tables beside (contract customer.md 4).
CUSTOMER = (
    USUAL.replace("description TEXT,", "description TEXT, original_filename VARCHAR(20) NOT NULL, brand VARCHAR(3), ")
    .replace("created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,", "created_at TIMESTAMP NOT NULL,")
    .replace("file_extension VARCHAR(10),", "file_extension VARCHAR(10), original_filename TEXT, opentext_id TEXT,")
    .replace("campaign_name VARCHAR(100),", "campaign_name VARCHAR(100), created_at TIMESTAMP NOT NULL,")
)
CUSTOMER_ROWS = """
INSERT INTO master_assets (tracking_id, opentext_id, original_filename, created_at, campaign_id, status)
VALUES ('pOiJ9s', 'dam-1', 'Hero.mp4', '2026-01-01', 'campaign-1', 'active'),
       ('POIJ9S', 'dam-2', 'Other.mp4', '2026-01-01', 'campaign-1', 'active'),
       ('a7K9mP', 'dam-3', 'Third.mp4', '2026-01-01', NULL, 'archived');
INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)
VALUES ('pOiJ9s', 'RAF_DE_de_TEST_OLV_001_6S_16x9.mp4', 'mp4', 'in review');
INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, created_at, status)
VALUES ('campaign-1', 'C000000078', 'Local adaptation test 2', '2026-01-01', 'A3');
INSERT INTO creativex_scores (filename, creativex_url, quality_score, status)
VALUES ('RAF_DE_de_TEST_OLV_001_6S_16x9.mp4', 'https://x.example/1', '61', 'replaced'),
       ('RAF_DE_de_TEST_OLV_001_6S_16x9.mp4', 'https://x.example/2', '87', 'active');
INSERT INTO override_metadata (filename, asset_validity_start_period, applied_to_upload)
VALUES ('RAF_DE_de_TEST_OLV_001_6S_16x9.mp4', '2026-03-01', TRUE), ('other.mp4', NULL, FALSE);
CREATE TABLE lifecycle_events (id SERIAL PRIMARY KEY, tracking_id TEXT, event TEXT);
INSERT INTO lifecycle_events (tracking_id, event) VALUES ('pOiJ9s', 'booked');
"""

ROWS = """
INSERT INTO master_assets (tracking_id, opentext_id, box_file_id, full_metadata, campaign_id, status, updated_at)
VALUES ('ABC123', 'dam-1', '111', '{"b": 1.0, "a": [null, "é"]}', 'campaign-1', 'active', '2026-03-29 02:30:00'),
       ('DEF456', 'dam-2', '222', NULL, 'campaign-1', 'active', NULL),
       ('GHI012', 'dam-3', NULL, '[]', NULL, NULL, '1999-12-31 23:59:59.999999');
INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)
VALUES ('ABC123', 'RAF_DE_de_TEST_OLV_001_6S_16x9.mp4', 'mp4', 'active'), (NULL, NULL, NULL, NULL);
INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, status)
VALUES ('campaign-1', 'C000000078', 'Local adaptation test 2', 'A1'), ('campaign-2', NULL, NULL, NULL);
"""

TABLES = ("master_assets", "derivative_assets", "campaign_status")
NEIGHBOURS = ("creativex_scores", "override_metadata", "lifecycle_events")

# Verbatim from A1_RETRY_LOGIC.md.
STATUS_CHECK = """
SELECT campaign_number, campaign_name, status,
       a1_retry_count, a1_last_retry_at,
       a1_permanently_failed, a1_failure_reason
FROM campaign_status
WHERE campaign_id = 'YOUR_CAMPAIGN_ID';
"""
RESET_SINGLE = """
UPDATE campaign_status
SET a1_retry_count = 0,
    a1_last_retry_at = NULL,
    a1_permanently_failed = FALSE,
    a1_failure_reason = NULL
WHERE campaign_id = 'YOUR_CAMPAIGN_ID';
"""
RESET_ALL = """
UPDATE campaign_status
SET a1_retry_count = 0,
    a1_last_retry_at = NULL,
    a1_permanently_failed = FALSE,
    a1_failure_reason = NULL
WHERE a1_permanently_failed = TRUE;
"""
RESET_OF_TEST_RECIPE = """
UPDATE campaign_status SET a1_retry_count = 0, a1_permanently_failed = FALSE WHERE campaign_number = 'TEST_CAMPAIGN';
"""
VIEW_FAILED = """
SELECT campaign_number, campaign_name,
       a1_retry_count, a1_last_retry_at, a1_failure_reason
FROM campaign_status
WHERE a1_permanently_failed = TRUE
ORDER BY a1_last_retry_at DESC;
"""
DASHBOARD = """
SELECT
    COUNT(*) FILTER (WHERE a1_retry_count = 0) as "No Issues",
    COUNT(*) FILTER (WHERE a1_retry_count = 1) as "Attempt 1",
    COUNT(*) FILTER (WHERE a1_retry_count = 2) as "Attempt 2",
    COUNT(*) FILTER (WHERE a1_retry_count >= 3) as "Permanently Failed"
FROM campaign_status
WHERE status = 'A1';
"""
ALERT = """
SELECT campaign_number, campaign_name, a1_retry_count, a1_last_retry_at
FROM campaign_status
WHERE status = 'A1'
  AND a1_retry_count >= 2
  AND a1_permanently_failed = FALSE
ORDER BY a1_retry_count DESC, a1_last_retry_at DESC;
"""

# "Database Interaction Flow" of WORKFLOW_DIAGRAMS.md tells these in words.
IS_FREE = "SELECT COUNT(*) FROM master_assets WHERE tracking_id = 'ZZZ999'"
STORE_MASTER = """
INSERT INTO master_assets (tracking_id, opentext_id, full_metadata, upload_directory, description)
VALUES ('ZZZ999', 'dam-9', '{"v": 1}', 'folder', 'd')
ON CONFLICT (tracking_id) DO UPDATE SET upload_directory = EXCLUDED.upload_directory,
    full_metadata = EXCLUDED.full_metadata, updated_at = CURRENT_TIMESTAMP
"""
GET_MASTER = """
SELECT tracking_id, opentext_id, upload_directory, full_metadata FROM master_assets
WHERE tracking_id = 'ABC123' AND status = 'active'
"""
STORE_DERIVATIVE = """
INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)
VALUES ('DEF456', 'final.mp4', 'mp4', 'active')
"""
COUNT_MASTERS = "SELECT COUNT(DISTINCT tracking_id) FROM master_assets WHERE campaign_id = 'campaign-1'"
COUNT_DERIVATIVES = """
SELECT COUNT(DISTINCT tracking_id) FROM derivative_assets
WHERE tracking_id IN (SELECT tracking_id FROM master_assets WHERE campaign_id = 'campaign-1')
"""


def run_sql(url, *statements, of=None):
    """Run the statements as psql would; returns the rows of the last one."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.replace("YOUR_CAMPAIGN_ID", of) if of else statement)
        return cursor.fetchall() if cursor.description else []


def contents(url, columns=None, tables=TABLES):
    """Columns with their types, and all rows with their places on the disk, of the cron scripts' or these tables."""
    columns = columns or {
        table: run_sql(
            url,
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum",
        )
        for table in tables
    }
    rows = {}
    for table, described in columns.items():
        names = ", ".join(f"{name}::{type_}::text" for name, type_ in described)
        rows[table] = run_sql(url, f"SELECT ctid::text, xmin::text, {names} FROM {table} ORDER BY ctid")
    return columns, rows
