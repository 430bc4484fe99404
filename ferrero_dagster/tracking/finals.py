"""The agency's files and the finals made of them: `agency_files`, `derivative_assets` and their transfers (SPEC 4)."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.domain.files import Campaign, Digest, Transfer
from ferrero_dagster.domain.triage import Judgement, KnownMaster, ListedFile
from ferrero_dagster.tracking import transfers
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import storable

#: Columns of transfer `t`. A final in the DAM but still in Box counts as 0 failures: deleting it needs no pause. Where
#: Box refused to delete it, which left an error, it waits for the longest pause.
_ATTEMPTS = """CASE WHEN t.state IS DISTINCT FROM 'moved' THEN coalesce(t.attempts, 0)
                    WHEN t.last_error IS NULL THEN 0 ELSE 1000 END AS failures,
               extract(epoch FROM now() - t.updated_at)::float8 AS since_last_attempt_s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A version of a file that was in the folder at an earlier look."""

    file_id: str
    etag: str
    size_bytes: int
    state: str
    looks: int
    problems: list[dict[str, Any]] | None
    #: Of its transfer, if it was ever tried.
    transfer_state: str | None
    failures: int
    since_last_attempt_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyFile:
    """A file that may be moved, and how often that failed."""

    file: ListedFile
    failures: int
    since_last_attempt_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedFile:
    """A file that waits in the agency's folder for somebody to mend it."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Master:
    """What a final takes from its master; rows of the cron scripts may lack either."""

    upload_directory: str | None
    full_metadata: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFinal:
    """What we remember of a final; `asset_id` and `sha1_hex` are None in rows of the cron scripts."""

    tracking_id: str
    asset_id: str | None
    sha1_hex: str | None
    is_ours: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalTransfer:
    """A final on its way, with the traces of an import that was begun.

    If an import produced a wrong asset, `transfer.target_id` is that asset.
    """

    transfer: Transfer
    job_id: str | None
    #: Seconds since an import of unknown outcome began; None if there is none.
    since_import_s: float | None


def known_files(cursor: Cursor, route: str) -> dict[tuple[str, str], KnownFile]:
    """The files that were there at the last look, by file id and etag, each with the state of its transfer."""
    cursor.execute(
        f"""
        SELECT f.file_id, f.etag, f.size_bytes, f.state, f.looks, f.problems, t.state AS transfer_state, {_ATTEMPTS}
        FROM agency_files f
        LEFT JOIN transfers t ON t.route = f.route AND t.source_id = f.file_id AND t.source_version = f.etag
        WHERE f.route = %s AND f.state <> 'gone'
        """,
        (route,),
    )
    return {(row["file_id"], row["etag"]): KnownFile(**row) for row in cursor.fetchall()}


def known_masters(cursor: Cursor, tracking_ids: Collection[str]) -> dict[str, KnownMaster]:
    """The masters with these tracking IDs."""
    cursor.execute(
        "SELECT tracking_id, campaign_id, status FROM master_assets WHERE tracking_id = ANY(%s)", (list(tracking_ids),)
    )
    return {row["tracking_id"]: KnownMaster(**row) for row in cursor.fetchall()}


def save_judgements(cursor: Cursor, route: str, judgements: Sequence[tuple[Judgement, int]]) -> None:
    """Write down what became of these files, each with the number of looks at it; one statement for all."""
    rows = [
        {
            "file_id": j.file.id, "etag": j.file.etag, "name": j.file.name, "size_bytes": j.file.size_bytes,
            "sha1_hex": j.file.sha1_hex, "state": j.state, "looks": looks, "template": j.file.template,
            "tracking_id": j.tracking_id, "campaign_id": j.campaign_id,
            "reason": j.reason, "problems": [asdict(problem) for problem in j.problems] or None,
        }
        for j, looks in judgements
    ]  # fmt: skip
    cursor.execute(
        """
        INSERT INTO agency_files AS known (route, file_id, etag, name, size_bytes, sha1_hex, state, looks, template,
                                           tracking_id, campaign_id, reason, problems, refused_at)
        SELECT %s, file_id, etag, name, size_bytes, sha1_hex, state, looks, nullif(template, 'null'), tracking_id,
               campaign_id, reason, nullif(problems, 'null'), CASE WHEN state = 'refused' THEN now() END
        FROM jsonb_to_recordset(%s) AS r (
            file_id TEXT, etag TEXT, name TEXT, size_bytes BIGINT, sha1_hex TEXT, state TEXT, looks INTEGER,
            template JSONB, tracking_id TEXT, campaign_id TEXT, reason TEXT, problems JSONB)
        ON CONFLICT (route, file_id, etag) DO UPDATE SET
            name = excluded.name, size_bytes = excluded.size_bytes, sha1_hex = excluded.sha1_hex,
            state = excluded.state, looks = excluded.looks, template = excluded.template,
            tracking_id = excluded.tracking_id, campaign_id = excluded.campaign_id, reason = excluded.reason,
            problems = excluded.problems,
            refused_at = CASE WHEN excluded.state = 'refused' THEN coalesce(known.refused_at, now()) END,
            last_seen_at = now(), gone_at = NULL
        """,
        (route, json.dumps(storable(rows))),
    )


def mark_gone(cursor: Cursor, route: str, versions: Collection[tuple[str, str]]) -> None:
    """These versions are no longer in the folder: moved by us, renamed, replaced or deleted.

    What had not arrived is withdrawn; there is nothing left to try.
    """
    cursor.execute(
        """
        WITH gone AS (
            UPDATE agency_files SET state = 'gone', gone_at = now()
            FROM unnest(%(ids)s::text[], %(etags)s::text[]) AS left_folder (id, version)
            WHERE route = %(route)s AND file_id = left_folder.id AND etag = left_folder.version
            RETURNING file_id, etag
        ), deleted AS (
            UPDATE transfers SET deleted_at = now() FROM gone
            WHERE route = %(route)s AND source_id = file_id AND source_version = etag AND state = 'moved'
              AND deleted_at IS NULL
        )
        UPDATE transfers SET state = 'withdrawn', last_error = 'no longer in the agency folder', updated_at = now()
        FROM gone
        WHERE route = %(route)s AND source_id = file_id AND source_version = etag AND state IN ('pending', 'set_aside')
        """,
        {"route": route, "ids": [id_ for id_, _ in versions], "etags": [etag for _, etag in versions]},
    )


def ready_files(cursor: Cursor, route: str, campaign_id: str) -> list[ReadyFile]:
    """The campaign's files that may be moved, oldest first; those set aside are left out."""
    cursor.execute(
        f"""
        SELECT f.file_id AS id, f.etag, f.name, f.size_bytes, f.sha1_hex, f.template, {_ATTEMPTS} FROM agency_files f
        LEFT JOIN transfers t ON t.route = f.route AND t.source_id = f.file_id AND t.source_version = f.etag
        WHERE f.route = %s AND f.state = 'ready' AND f.campaign_id = %s AND coalesce(t.state, 'pending') <> 'set_aside'
        ORDER BY f.first_seen_at, f.id
        """,
        (route, campaign_id),
    )
    return [
        ReadyFile(
            failures=row.pop("failures"), since_last_attempt_s=row.pop("since_last_attempt_s"), file=ListedFile(**row)
        )
        for row in cursor.fetchall()
    ]


def refused_files(cursor: Cursor, route: str) -> list[RefusedFile]:
    """The refused files that are in the folder, by name."""
    cursor.execute(
        "SELECT name, coalesce(reason, '') AS reason FROM agency_files "
        "WHERE route = %s AND state = 'refused' ORDER BY name",
        (route,),
    )
    return [RefusedFile(**row) for row in cursor.fetchall()]


def master(cursor: Cursor, tracking_id: str) -> Master | None:
    """The active master with this tracking ID, with its full metadata (200 KB and more)."""
    cursor.execute(
        """
        SELECT upload_directory, full_metadata FROM master_assets WHERE tracking_id = %s AND status = 'active'
        """,
        (tracking_id,),
    )
    row = cursor.fetchone()
    return Master(**row) if row else None


def claim(cursor: Cursor, route: str, file: ListedFile, *, campaign_id: str, tracking_id: str) -> FinalTransfer:
    """The transfer of this version of the file, made on the first call and found again on every later one.

    One that was withdrawn, as when the file is back from the trash, is on its way again.
    """
    cursor.execute(
        f"""
        INSERT INTO transfers AS known (route, campaign_id, source_id, source_version, source_name, tracking_id,
                                        first_seen_at)
        VALUES (%(route)s, %(campaign)s, %(file)s, %(etag)s, %(name)s, %(tracking_id)s, coalesce((
            SELECT first_seen_at FROM agency_files
            WHERE route = %(route)s AND file_id = %(file)s AND etag = %(etag)s), now()))
        ON CONFLICT (route, campaign_id, source_id, source_version) DO UPDATE SET
            source_name = excluded.source_name,
            state = CASE known.state WHEN 'withdrawn' THEN 'pending' ELSE known.state END
        RETURNING {transfers.COLUMNS}, job_id, extract(epoch FROM now() - import_began_at)::float8 AS since_import_s
        """,
        {
            "route": route, "campaign": campaign_id, "file": file.id, "etag": file.etag,
            "name": file.name, "tracking_id": tracking_id,
        },
    )  # fmt: skip
    row = cursor.fetchall()[0]
    job_id, since_import_s = row.pop("job_id"), row.pop("since_import_s")
    return FinalTransfer(transfer=Transfer(**row), job_id=job_id, since_import_s=since_import_s)


def begin_import(cursor: Cursor, transfer_id: int) -> None:
    """We are about to import: an asset of that name in the DAM may from now on be ours."""
    cursor.execute("UPDATE transfers SET import_began_at = now(), updated_at = now() WHERE id = %s", (transfer_id,))


def keep_job(cursor: Cursor, transfer_id: int, job_id: str) -> None:
    """Remember the import job."""
    cursor.execute("UPDATE transfers SET job_id = %s, updated_at = now() WHERE id = %s", (job_id, transfer_id))


def forget_job(cursor: Cursor, transfer_id: int, *, is_over: bool = True, wrong_asset_id: str | None = None) -> None:
    """The import job did not make our asset, and if it `is_over` never will; `wrong_asset_id` is what it made."""
    cursor.execute(
        """
        UPDATE transfers SET job_id = NULL, import_began_at = CASE WHEN %s THEN NULL ELSE import_began_at END,
               target_id = coalesce(%s, target_id), updated_at = now()
        WHERE id = %s
        """,
        (is_over, wrong_asset_id, transfer_id),
    )


def record_final(
    cursor: Cursor, transfer: Transfer, *, clean_name: str, asset_id: str, digest: Digest, run_id: str, adopted: bool
) -> bool:
    """The final is in the DAM and proven: write it down; False where that was done before. Idempotent."""
    cursor.execute(
        """
        UPDATE transfers SET state = 'moved', target_id = %s, target_name = %s, size_bytes = %s, sha1_hex = %s,
               md5_hex = %s, source_hash = 'given', run_id = %s, adopted = %s, shares_target = %s,
               attempts = attempts + 1, last_error = NULL, last_error_code = NULL, moved_at = now(), updated_at = now()
        WHERE id = %s AND state <> 'moved'
        """,
        (
            asset_id,
            clean_name,
            digest.size_bytes,
            digest.sha1_hex,
            digest.md5_hex,
            run_id,
            adopted,
            adopted,
            transfer.id,
        ),
    )
    if not cursor.rowcount:
        return False
    cursor.execute(
        "UPDATE derivative_assets SET status = 'replaced' "
        "WHERE tracking_id = %s AND derivative_filename = %s AND status = 'active'",
        (transfer.tracking_id, clean_name),
    )
    cursor.execute(
        """
        INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status, campaign_id,
                                       dam_asset_id, box_file_id, sha1_hex, size_bytes, transfer_id)
        VALUES (%s, %s, %s, 'active', %s, %s, %s, %s, %s, %s)
        """,
        (
            transfer.tracking_id, clean_name, clean_name.rpartition(".")[2], transfer.campaign_id, asset_id,
            transfer.source_id, digest.sha1_hex, digest.size_bytes, transfer.id,
        ),
    )  # fmt: skip
    return True


def record_deleted(cursor: Cursor, transfer_id: int) -> None:
    """The file is gone from the agency's folder, or it changed there and is looked at afresh."""
    cursor.execute(
        """
        WITH moved AS (
            UPDATE transfers SET deleted_at = coalesce(deleted_at, now()) WHERE id = %s
            RETURNING route AS along, source_id, source_version
        )
        UPDATE agency_files SET state = 'gone', gone_at = now() FROM moved
        WHERE route = along AND file_id = source_id AND etag = source_version
        """,
        (transfer_id,),
    )


def note_undeleted(cursor: Cursor, transfer_id: int, reason: str) -> None:
    """The final has arrived, but Box does not let us delete the file."""
    cursor.execute(
        "UPDATE transfers SET last_error = %s, last_error_code = 'not deleted', updated_at = now() WHERE id = %s",
        (reason, transfer_id),
    )


def set_aside(cursor: Cursor, transfer_id: int) -> datetime | None:
    """No further attempts until an operator releases the file; returns when, or None where it was set aside before."""
    cursor.execute(
        "UPDATE transfers SET state = 'set_aside', set_aside_at = now(), updated_at = now() "
        "WHERE id = %s AND state = 'pending' RETURNING set_aside_at",
        (transfer_id,),
    )
    row = cursor.fetchone()
    return row["set_aside_at"] if row else None


def complete_campaigns(cursor: Cursor, route: FinalsRoute, campaign_ids: Collection[str] | None = None) -> list[str]:
    """Campaigns in the status before the route's advance whose every active master has an active final (SPEC 4.7).

    Of the content versions of one asset only the newest counts. A campaign that was advanced before, and set back by a
    person, is complete again once a further final has arrived or a master was withdrawn. `campaign_ids` narrows the
    question; a campaign without masters is not complete.
    """
    cursor.execute(
        """
        SELECT campaign_id FROM (
            SELECT DISTINCT ON (m.campaign_id, coalesce(m.original_id, m.opentext_id, m.tracking_id))
                   m.campaign_id, m.tracking_id
            FROM master_assets m JOIN campaign_status c USING (campaign_id)
            WHERE m.status = 'active' AND c.status = %(before)s
              AND (%(ids)s::text[] IS NULL OR m.campaign_id = ANY(%(ids)s))
            ORDER BY m.campaign_id, coalesce(m.original_id, m.opentext_id, m.tracking_id),
                     m.created_at DESC NULLS LAST, m.updated_at DESC NULLS LAST
        ) AS awaited
        WHERE NOT EXISTS (
            SELECT FROM campaign_rounds r
            WHERE r.route = %(route)s AND r.campaign_id = awaited.campaign_id AND r.outcome = 'advanced'
              AND NOT EXISTS (
                  SELECT FROM transfers t WHERE t.route = r.route AND t.campaign_id = r.campaign_id
                    AND t.moved_at > r.closed_at)
              AND NOT EXISTS (
                  SELECT FROM master_assets w WHERE w.campaign_id = r.campaign_id AND w.status = 'withdrawn'
                    AND w.updated_at > r.closed_at))
        GROUP BY campaign_id
        HAVING bool_and(EXISTS (
            SELECT FROM derivative_assets d WHERE d.tracking_id = awaited.tracking_id AND d.status = 'active'))
        ORDER BY campaign_id
        """,
        {
            "before": route.status_before, "route": route.name,
            "ids": list(campaign_ids) if campaign_ids is not None else None,
        },
    )  # fmt: skip
    return [row["campaign_id"] for row in cursor.fetchall()]


def campaigns_of(cursor: Cursor, campaign_ids: Collection[str]) -> list[Campaign]:
    """These campaigns, in this order, as we saw them last; of one that we never saw only the id is known."""
    cursor.execute(
        """
        SELECT wanted.id, coalesce(campaign_number, '') AS number, coalesce(campaign_name, wanted.id) AS name,
               coalesce(status, '') AS status, coalesce(campaign_type, '') AS type
        FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN campaign_status ON campaign_id = wanted.id
        ORDER BY place
        """,
        (list(campaign_ids),),
    )
    return [Campaign(**row) for row in cursor.fetchall()]


def finals_of(cursor: Cursor, route: str, campaign_id: str) -> list[Transfer]:
    """What went back into the DAM for this campaign."""
    cursor.execute(
        f"SELECT {transfers.COLUMNS} FROM transfers "
        "WHERE route = %s AND campaign_id = %s AND state = 'moved' ORDER BY id",
        (route, campaign_id),
    )
    return [Transfer(**row) for row in cursor.fetchall()]


def known_finals(
    cursor: Cursor, tracking_id: str, *, name: str, folder_id: str, asset_ids: Collection[str]
) -> list[KnownFinal]:
    """Whose these assets are, and whose finals of this name the folder got; the latest first.

    Ours is what was delivered under our tracking ID or that of another content version of the same master, and an
    asset that is our master itself, sent to the agency for rework.
    """
    cursor.execute(
        """
        WITH ours AS (SELECT * FROM master_assets WHERE tracking_id = %(tracking_id)s)
        SELECT %(tracking_id)s AS tracking_id, asset_id, NULL AS sha1_hex, TRUE AS is_ours, 0 AS rank, 0 AS latest
        FROM ours, unnest(ARRAY[opentext_id::text, original_id::text]) AS asset_id
        WHERE asset_id = ANY(%(asset_ids)s)
        UNION ALL
        SELECT d.tracking_id, d.dam_asset_id, d.sha1_hex,
               d.tracking_id = %(tracking_id)s
               OR coalesce(m.campaign_id = ours.campaign_id AND coalesce(m.original_id, m.opentext_id)
                           = coalesce(ours.original_id, ours.opentext_id), FALSE),
               1, coalesce(d.transfer_id, 0)
        FROM derivative_assets d
        LEFT JOIN master_assets m ON m.tracking_id = d.tracking_id
        LEFT JOIN ours ON TRUE
        WHERE d.tracking_id IS NOT NULL AND (d.dam_asset_id = ANY(%(asset_ids)s)
           OR (lower(d.derivative_filename) = lower(%(name)s) AND m.upload_directory = %(folder_id)s))
        ORDER BY rank, latest DESC
        """,
        {"tracking_id": tracking_id, "name": name, "folder_id": folder_id, "asset_ids": list(asset_ids)},
    )
    columns = ("tracking_id", "asset_id", "sha1_hex", "is_ours")
    return [KnownFinal(**{column: row[column] for column in columns}) for row in cursor.fetchall()]
