"""`transfers` and `master_assets`: what is on its way, what has arrived, under which tracking ID."""

import json
import secrets
import string
from collections.abc import Collection
from dataclasses import replace

from psycopg2.errors import UniqueViolation

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import BoxFile, DamAsset, Digest, MasterDetails, Transfer
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import fitted, storable

_TRACKING_ID_CHARACTERS = string.ascii_uppercase + string.digits

_COLUMNS = """id, route, campaign_id, source_id, source_version, source_name, tracking_id, state, attempts,
              target_id, target_name, size_bytes"""


def of_campaign(cursor: Cursor, route: str, campaign_id: str) -> dict[tuple[str, str], Transfer]:
    """All transfers of a campaign on a route, by source id and version."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM transfers WHERE route = %s AND campaign_id = %s ORDER BY source_name, id",
        (route, campaign_id),
    )
    return {(row["source_id"], row["source_version"]): Transfer(**row) for row in cursor.fetchall()}


def adopt_cron_masters(cursor: Cursor, route: str, campaign_id: str, assets: Collection[DamAsset]) -> None:
    """Take masters that a cron script moved before us as moved, so that they do not move twice; idempotent.

    Of several masters of one asset the newest counts.
    """
    cursor.execute(
        """
        INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,
                               target_id, adopted, moved_at)
        SELECT %s, %s, a.id, a.version, a.name, m.tracking_id, 'moved', m.box_file_id, TRUE, m.updated_at
        FROM unnest(%s::text[], %s::text[], %s::text[]) AS a (id, version, name)
        JOIN master_assets m ON m.opentext_id = a.id AND m.campaign_id = %s
        WHERE m.status = 'active' AND m.box_file_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id)
        ORDER BY m.updated_at DESC NULLS LAST
        ON CONFLICT DO NOTHING
        """,
        (
            route, campaign_id, [a.id for a in assets], [a.version for a in assets], [a.name for a in assets],
            campaign_id,
        ),
    )  # fmt: skip


def claim(
    cursor: Cursor,
    route: str,
    campaign_id: str,
    asset: DamAsset,
    details: MasterDetails,
    *,
    reuse_tracking_id: bool,
) -> Transfer:
    """The transfer of this content version: made with a tracking ID on the first call, found again on every later one.

    A new tracking ID is taken by inserting the master as `pending`: the unique constraint decides, not a look before.
    With `reuse_tracking_id` the ID of the master that the file was made from is kept where it is known (SPEC 3, A5).
    """
    key = {"route": route, "campaign": campaign_id, "source": asset.id, "version": asset.version}
    # Two that claim the same file wait for each other here, so that the second finds what the first has made.
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('claim:' || %(route)s || ':' || %(campaign)s, 0))", key
    )
    known = _find(cursor, key)
    if known:
        return known if known.state != "withdrawn" else _renew(cursor, known, asset, details)
    tracking_id = _master_of_final(cursor, asset.name, campaign_id) if reuse_tracking_id else None
    if tracking_id is None:
        tracking_id = _new_tracking_id()
        while not _insert_master(cursor, tracking_id, asset, campaign_id, details):
            tracking_id = _new_tracking_id()
    cursor.execute(
        f"""
        INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id)
        VALUES (%(route)s, %(campaign)s, %(source)s, %(version)s, %(name)s, %(tracking_id)s) RETURNING {_COLUMNS}
        """,
        {**key, "name": asset.name, "tracking_id": tracking_id},
    )
    return Transfer(**cursor.fetchall()[0])


def _find(cursor: Cursor, key: dict[str, str]) -> Transfer | None:
    cursor.execute(
        f"""
        SELECT {_COLUMNS} FROM transfers WHERE route = %(route)s AND campaign_id = %(campaign)s
           AND source_id = %(source)s AND source_version = %(version)s
        """,
        key,
    )
    row = cursor.fetchone()
    return Transfer(**row) if row else None


def _master_of_final(cursor: Cursor, clean_name: str, campaign_id: str) -> str | None:
    cursor.execute(
        """
        SELECT d.tracking_id FROM derivative_assets d JOIN master_assets m USING (tracking_id)
        WHERE d.derivative_filename = %s AND d.status = 'active' AND m.status = 'active'
        ORDER BY (m.campaign_id IS NOT DISTINCT FROM %s) DESC, d.created_at DESC NULLS LAST LIMIT 1
        """,
        (clean_name, campaign_id),
    )
    row = cursor.fetchone()
    return row["tracking_id"] if row else None


def _renew(cursor: Cursor, transfer: Transfer, asset: DamAsset, details: MasterDetails) -> Transfer:
    cursor.execute("UPDATE transfers SET state = 'pending', updated_at = now() WHERE id = %s", (transfer.id,))
    _insert_master(cursor, transfer.tracking_id, asset, transfer.campaign_id, details)
    return replace(transfer, state="pending")


def _new_tracking_id() -> str:
    return "".join(secrets.choice(_TRACKING_ID_CHARACTERS) for _ in range(6))


def _insert_master(cursor: Cursor, tracking_id: str, asset: DamAsset, campaign_id: str, details: MasterDetails) -> bool:
    """Whether the tracking ID was free."""
    cursor.execute(
        f"""
        INSERT INTO master_assets (tracking_id, opentext_id, original_id, full_metadata, upload_directory,
                                   extracted_fields, campaign_id, status, asset_name, description)
        VALUES (%s, %s, %s, %s, %s, %s, %s, 'pending', {fitted("master_assets", "asset_name")},
                {fitted("master_assets", "description")})
        ON CONFLICT (tracking_id) DO NOTHING
        """,
        (
            tracking_id, asset.id, asset.original_id, json.dumps(storable(asset.raw)), details.upload_directory,
            json.dumps(storable(details.extracted_fields)), campaign_id, asset.name, details.description,
        ),
    )  # fmt: skip
    return cursor.rowcount == 1


def record_moved(
    cursor: Cursor, transfer: Transfer, file: BoxFile, digest: Digest, *, source_hash: str, run_id: str, adopted: bool
) -> None:
    """The file is in Box and proven: write it down, and the master becomes `active`; idempotent.

    Raises:
        PermanentError: that Box file belongs to another transfer, or a run that overtook us saw this one end otherwise.
    """
    try:
        cursor.execute(
            """
            UPDATE transfers SET state = 'moved', target_id = %s, target_name = %s, size_bytes = %s, sha1_hex = %s,
                   md5_hex = %s, source_hash = %s, run_id = %s, adopted = %s, attempts = attempts + 1,
                   last_error = NULL, last_error_code = NULL, moved_at = now(), updated_at = now()
            WHERE id = %s AND state = 'pending'
            """,
            (
                file.id, file.name, digest.size_bytes, digest.sha1_hex, digest.md5_hex, source_hash, run_id, adopted,
                transfer.id,
            ),
        )  # fmt: skip
    except UniqueViolation:
        raise PermanentError(
            f"Box file {file.id} ({file.name}) already holds another asset; rename it in Box and start again.",
            code="name conflict",
        ) from None
    _check_target(cursor, transfer, file)
    cursor.execute(
        """
        UPDATE master_assets SET status = 'active', box_file_id = %s, updated_at = now()
        WHERE tracking_id = %s AND status = 'pending'
        """,
        (file.id, transfer.tracking_id),
    )


def _check_target(cursor: Cursor, transfer: Transfer, file: BoxFile) -> None:
    cursor.execute("SELECT state, target_id FROM transfers WHERE id = %s", (transfer.id,))
    now = cursor.fetchall()[0]
    if now["target_id"] != file.id:
        raise PermanentError(
            f"Another run has {transfer.source_name} as {now['state']} by now, with Box file "
            f"{now['target_id'] or 'none'}; delete file {file.id} in Box, which is one too many.",
            code="overtaken",
        )


def record_failure(cursor: Cursor, transfer_id: int, *, message: str, code: str) -> None:
    """Count an attempt that failed, with its reason."""
    cursor.execute(
        """
        UPDATE transfers SET attempts = attempts + 1, last_error = %s, last_error_code = %s, updated_at = now()
        WHERE id = %s AND state = 'pending'
        """,
        (message, code, transfer_id),
    )


def withdraw(cursor: Cursor, transfers: Collection[Transfer]) -> None:
    """The sources are gone from the DAM's folder before they were moved: nothing is left to do for them.

    Masters that never arrived go, since scripts count a campaign's masters whatever their status.
    """
    cursor.execute(
        """
        WITH gone AS (
            UPDATE transfers SET state = 'withdrawn', last_error = 'no longer in the DAM folder', updated_at = now()
            WHERE id = ANY(%s) AND state = 'pending' RETURNING tracking_id
        )
        DELETE FROM master_assets WHERE status = 'pending' AND tracking_id IN (SELECT tracking_id FROM gone)
        """,
        ([transfer.id for transfer in transfers],),
    )
