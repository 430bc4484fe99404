"""`transfers` and `master_assets`: what is on its way, what has arrived, under which tracking ID."""

import json
import secrets
import string
from collections.abc import Collection, Mapping

from psycopg2.errors import UniqueViolation

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import BoxFile, DamAsset, Digest, MasterDetails, Transfer
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import fitted, storable

_TRACKING_ID_CHARACTERS = string.ascii_uppercase + string.digits

#: Those that make a `Transfer`.
COLUMNS = """id, route, campaign_id, source_id, source_version, source_name, tracking_id, state, attempts,
              target_id, target_name, size_bytes"""


def of_campaign(cursor: Cursor, route: str, campaign_id: str) -> dict[tuple[str, str], Transfer]:
    """All transfers of a campaign on a route, by source id and version."""
    cursor.execute(
        f"SELECT {COLUMNS} FROM transfers WHERE route = %s AND campaign_id = %s ORDER BY source_name, id",
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


def intend(
    cursor: Cursor,
    route: str,
    campaign_id: str,
    assets: Collection[DamAsset],
    *,
    upload_directory: str,
    reuse_tracking_ids: bool,
) -> None:
    """Write down that these content versions are to be moved, each with its tracking ID; idempotent.

    A new tracking ID is taken by inserting the master as `pending`: the unique constraint decides, not a look before.
    With `reuse_tracking_ids` the ID of the master that a file was made from is kept where it is known (SPEC 3, A5).
    """
    # Two that intend the same files wait for each other here, so that the second finds what the first has made.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"intend:{route}:{campaign_id}",))
    known = of_campaign(cursor, route, campaign_id)
    wanted = {(asset.id, asset.version): asset for asset in assets}
    back = [(known[key], asset) for key, asset in wanted.items() if key in known and known[key].state == "withdrawn"]
    _renew(cursor, back, campaign_id, upload_directory)
    new = [asset for key, asset in wanted.items() if key not in known]
    reused = _masters_of_finals(cursor, new, campaign_id) if reuse_tracking_ids else {}
    unnamed = [asset for asset in new if asset.name not in reused]
    taken = _take_tracking_ids(cursor, unnamed, campaign_id, upload_directory)
    ids = [reused.get(asset.name) or taken[asset.id, asset.version] for asset in new]
    _insert_transfers(cursor, route, campaign_id, new, ids)


def without_master(cursor: Cursor, route: str, campaign_id: str) -> list[str]:
    """The names of files that had to become a master themselves, on a route that looks for one."""
    cursor.execute(
        """
        SELECT t.source_name FROM transfers t JOIN master_assets m USING (tracking_id)
        WHERE t.route = %s AND t.campaign_id = %s AND t.state = 'moved' AND m.opentext_id = t.source_id
        ORDER BY t.source_name
        """,
        (route, campaign_id),
    )
    return [row["source_name"] for row in cursor.fetchall()]


def _renew(
    cursor: Cursor, withdrawn: Collection[tuple[Transfer, DamAsset]], campaign_id: str, upload_directory: str
) -> None:
    ids = [transfer.id for transfer, _ in withdrawn]
    cursor.execute("UPDATE transfers SET state = 'pending', updated_at = now() WHERE id = ANY(%s)", (ids,))
    masters = {transfer.tracking_id: asset for transfer, asset in withdrawn}
    _insert_masters(cursor, masters, campaign_id, upload_directory)


def _masters_of_finals(cursor: Cursor, assets: Collection[DamAsset], campaign_id: str) -> dict[str, str]:
    """The tracking IDs of the masters that files of these clean names were made from, the campaign's own first.

    Of a cron script's final the extension may stand in its own column alone.
    """
    cursor.execute(
        """
        SELECT DISTINCT ON (name) name, d.tracking_id
        FROM unnest(%s::text[]) AS name
        JOIN derivative_assets d ON name IN (
            derivative_filename, derivative_filename || '.' || ltrim(file_extension, '.'))
        JOIN master_assets m USING (tracking_id)
        WHERE d.status = 'active' AND m.status = 'active'
        ORDER BY name, (m.campaign_id IS NOT DISTINCT FROM %s) DESC, d.created_at DESC NULLS LAST
        """,
        ([asset.name for asset in assets], campaign_id),
    )
    return {row["name"]: row["tracking_id"] for row in cursor.fetchall()}


def _take_tracking_ids(
    cursor: Cursor, assets: Collection[DamAsset], campaign_id: str, upload_directory: str
) -> dict[tuple[str, str], str]:
    taken: dict[tuple[str, str], str] = {}
    while missing := [asset for asset in assets if (asset.id, asset.version) not in taken]:
        drawn = {_new_tracking_id(): asset for asset in missing}
        for tracking_id in _insert_masters(cursor, drawn, campaign_id, upload_directory):
            taken[drawn[tracking_id].id, drawn[tracking_id].version] = tracking_id
    return taken


def _new_tracking_id() -> str:
    return "".join(secrets.choice(_TRACKING_ID_CHARACTERS) for _ in range(6))


def _insert_masters(
    cursor: Cursor, masters: Mapping[str, DamAsset], campaign_id: str, upload_directory: str
) -> list[str]:
    """Which of these tracking IDs were free; of the metadata nothing is known yet."""
    cursor.execute(
        f"""
        INSERT INTO master_assets (tracking_id, opentext_id, original_id, asset_name, campaign_id, upload_directory,
                                   full_metadata, status)
        SELECT m.tracking_id, id, original_id, {fitted("master_assets", "asset_name", "name")}, %s, %s, '{{}}',
               'pending'
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS m (tracking_id, id, original_id, name)
        ON CONFLICT (tracking_id) DO NOTHING RETURNING tracking_id
        """,
        (
            campaign_id, upload_directory, list(masters), [asset.id for asset in masters.values()],
            [asset.original_id for asset in masters.values()], [asset.name for asset in masters.values()],
        ),
    )  # fmt: skip
    return [row["tracking_id"] for row in cursor.fetchall()]


def _insert_transfers(
    cursor: Cursor, route: str, campaign_id: str, assets: Collection[DamAsset], tracking_ids: Collection[str]
) -> None:
    """What a round lists first was seen when the round was opened; what comes later, when it is listed."""
    cursor.execute(
        """
        INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, first_seen_at)
        SELECT %(route)s, %(campaign)s, id, version, name, tracking_id, coalesce((
            SELECT opened_at FROM campaign_rounds r
            WHERE route = %(route)s AND campaign_id = %(campaign)s AND closed_at IS NULL AND NOT EXISTS (
                SELECT FROM transfers t WHERE t.route = r.route AND t.campaign_id = r.campaign_id
                   AND t.created_at >= opened_at AND t.created_at < now())), now())
        FROM unnest(%(ids)s::text[], %(versions)s::text[], %(names)s::text[], %(tracking_ids)s::text[])
             AS listed (id, version, name, tracking_id)
        """,
        {
            "route": route, "campaign": campaign_id, "ids": [asset.id for asset in assets],
            "versions": [asset.version for asset in assets], "names": [asset.name for asset in assets],
            "tracking_ids": list(tracking_ids),
        },
    )  # fmt: skip


def describe(cursor: Cursor, tracking_id: str, asset: DamAsset, details: MasterDetails) -> None:
    """Keep what the DAM says of a master that is on its way; one that has arrived keeps what it has."""
    cursor.execute(
        f"""
        UPDATE master_assets SET full_metadata = %s, upload_directory = %s, extracted_fields = %s,
               description = {fitted("master_assets", "description")}
        WHERE tracking_id = %s AND opentext_id = %s AND status = 'pending'
        """,
        (
            json.dumps(storable(asset.raw)), details.upload_directory, json.dumps(storable(details.extracted_fields)),
            details.description, tracking_id, asset.id,
        ),
    )  # fmt: skip


def record_moved(
    cursor: Cursor, transfer: Transfer, file: BoxFile, digest: Digest, *, source_hash: str, run_id: str, adopted: bool
) -> None:
    """The file is in Box and proven: write it down, and the master becomes `active`; idempotent.

    Raises:
        PermanentError: that Box file belongs to another transfer, or another run has meanwhile finished this transfer
            with a different result.
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
            f"Another run already recorded {transfer.source_name} as {now['state']}, with Box file "
            f"{now['target_id'] or 'none'}; delete the surplus file {file.id} in Box.",
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
