"""What other programs write into the tracking database: scores of the CreativeX service, edits of the naming tool.

The tables are as contract customer.md 4 has them; what it does not say of their columns is a guess.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2

_TABLES = """
CREATE TABLE IF NOT EXISTS creativex_scores (
    id SERIAL PRIMARY KEY, filename VARCHAR(255) NOT NULL, creativex_id VARCHAR(100), creativex_url TEXT,
    quality_score VARCHAR(20), box_file_id VARCHAR(50), full_extraction_data JSONB,
    extracted_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, status VARCHAR(20) DEFAULT 'active'
);
CREATE TABLE IF NOT EXISTS override_metadata (
    id SERIAL PRIMARY KEY, filename VARCHAR(255) NOT NULL, asset_validity_start_period DATE,
    asset_validity_end_period DATE, overrides JSONB, applied_to_upload BOOLEAN NOT NULL DEFAULT FALSE,
    created_by VARCHAR(100), created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
"""


def add_neighbour_tables(database_url: str) -> None:
    """Make `creativex_scores` and `override_metadata` as the customer has them; safe to run twice."""
    _run(database_url, _TABLES)


def has_scores(database_url: str) -> bool:
    """Whether the CreativeX service has its table there."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('creativex_scores') IS NOT NULL")
        [(found,)] = cursor.fetchall()
    return bool(found)


def add_score(database_url: str, clean_name: str, score: str, url: str) -> None:
    """The CreativeX service has scored a final: its earlier active row is replaced by a newer one.

    `clean_name` is the final's name in the DAM, `score` whatever text the service writes, such as `87`.
    """
    _run(
        database_url,
        "UPDATE creativex_scores SET status = 'replaced' WHERE filename = %(name)s AND status = 'active';"
        "INSERT INTO creativex_scores (filename, creativex_id, creativex_url, quality_score)"
        " VALUES (%(name)s, md5(%(url)s), %(url)s, %(score)s)",
        {"name": clean_name, "score": score, "url": url},
    )


def add_edit(database_url: str, clean_name: str, *, starts: str | None = None, ends: str | None = None) -> None:
    """A person has set the validity of a final before its upload; dates as `2026-03-01`."""
    _run(
        database_url,
        "INSERT INTO override_metadata (filename, asset_validity_start_period, asset_validity_end_period, created_by)"
        " VALUES (%(name)s, %(starts)s, %(ends)s, 'producer')",
        {"name": clean_name, "starts": starts, "ends": ends},
    )


def _run(database_url: str, statement: str, values: Mapping[str, Any] | None = None) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
