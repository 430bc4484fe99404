"""`transfers`: what is on its way, what has arrived, what was given up; one row per content version and route.

A transfer is `pending` until its file has arrived and is proven (`moved`), was given up until somebody releases it
(`set_aside`), or has left its source before it was moved (`withdrawn`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.errors import UniqueViolation

from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import Arrival, DamAsset, ToBox, ToDam, Transfer, TransferState
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.media_hash_list import HashedFile
from ferrero_dagster.tracking.database import Cursor

#: Those that make a `Transfer`.
_COLUMNS = """id, route, campaign_id, source_id, source_version, source_name, tracking_id, state, attempts,
              target_id, target_name, size_bytes, sha1_hex, copies"""

#: So often a file that fails has the benefit of the doubt.
_MOST_DOUBTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalTransfer:
    """A final on its way, with the traces of an import that was begun.

    If an import produced a wrong asset, `transfer.target_id` is that asset.
    """

    transfer: ToDam
    job_id: str | None
    #: Seconds since an import of unknown outcome began; None if there is none.
    since_import_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAsideFile:
    """A file that was given up until somebody releases it."""

    id: int
    route: str
    campaign_id: DamId
    tracking_id: TrackingId
    source_name: str
    attempts: int
    last_error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedFile:
    """A file that was to be moved; `last_error` says why it has not arrived, where that is known."""

    name: str
    state: TransferState
    #: Whether the SHA-1 of what arrived was compared with that of what was sent; not by us where the cron scripts
    #: moved it.
    is_proven: bool
    last_error: str | None


# --- what there is ---------------------------------------------------------------------------------------------------


def of_campaign(cursor: Cursor, route: str, campaign_id: DamId) -> dict[tuple[DamId, str], ToBox]:
    """All transfers of a campaign on a route, by source id and version."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM transfers WHERE route = %s AND campaign_id = %s ORDER BY source_name, id",
        (route, campaign_id),
    )
    return {(row["source_id"], row["source_version"]): Transfer(**row) for row in cursor.fetchall()}


def of_assets(
    cursor: Cursor, route: str, campaign_id: DamId, asset_ids: Collection[DamId]
) -> dict[tuple[DamId, str], ToBox]:
    """As `of_campaign`, of these assets and of what shares a master with one of them."""
    cursor.execute(
        f"""
        SELECT {_COLUMNS} FROM transfers WHERE route = %(route)s AND campaign_id = %(campaign)s
           AND tracking_id IN (SELECT tracking_id FROM transfers
                               WHERE route = %(route)s AND campaign_id = %(campaign)s AND source_id = ANY(%(ids)s))
        ORDER BY source_name, id
        """,
        {"route": route, "campaign": campaign_id, "ids": list(asset_ids)},
    )
    return {(row["source_id"], row["source_version"]): Transfer(**row) for row in cursor.fetchall()}


def transfers_of(cursor: Cursor, transfer_ids: Collection[int]) -> list[Transfer[Any, Any]]:
    """These transfers, as far as they are there, the oldest first."""
    cursor.execute(f"SELECT {_COLUMNS} FROM transfers WHERE id = ANY(%s) ORDER BY id", (list(transfer_ids),))
    return [Transfer(**row) for row in cursor.fetchall()]


def moved(cursor: Cursor, route: str, campaign_id: DamId) -> list[ToDam]:
    """What of the campaign has arrived along the route, the oldest first."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM transfers WHERE route = %s AND campaign_id = %s AND state = 'moved' ORDER BY id",
        (route, campaign_id),
    )
    return [Transfer(**row) for row in cursor.fetchall()]


def without_master(cursor: Cursor, route: str, campaign_id: DamId) -> list[str]:
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


def expected_files(cursor: Cursor, route: str, campaign_id: str) -> list[ExpectedFile]:
    """The campaign's files on this route, those that have not arrived first; withdrawn ones are left out."""
    cursor.execute(
        """
        SELECT source_name AS name, state, sha1_hex IS NOT NULL AS is_proven, last_error FROM transfers
        WHERE route = %s AND campaign_id = %s AND state <> 'withdrawn'
        ORDER BY state = 'moved', source_name, id
        """,
        (route, campaign_id),
    )
    return [ExpectedFile(**row) for row in cursor.fetchall()]


def hashed_files(cursor: Cursor, route: str, campaign_id: DamId) -> list[HashedFile]:
    """What of the campaign has arrived along the route, by the name that it has there."""
    cursor.execute(
        """
        SELECT coalesce(target_name, source_name) AS path, size_bytes, sha1_hex, md5_hex, moved_at, tracking_id
        FROM transfers WHERE route = %s AND campaign_id = %s AND state = 'moved' AND moved_at IS NOT NULL
        ORDER BY 1, id
        """,
        (route, campaign_id),
    )
    return [HashedFile(**row) for row in cursor.fetchall()]


def set_aside_files(cursor: Cursor) -> list[SetAsideFile]:
    """All files that were given up, both directions; the oldest first."""
    cursor.execute(
        """
        SELECT id, route, campaign_id, tracking_id, source_name, attempts, last_error
        FROM transfers WHERE state = 'set_aside' ORDER BY id
        """
    )
    return [SetAsideFile(**row) for row in cursor.fetchall()]


# --- intents ---------------------------------------------------------------------------------------------------------


def adopt_cron_masters(cursor: Cursor, route: str, campaign_id: DamId, assets: Collection[DamAsset]) -> None:
    """Take masters that a cron script moved before us as moved, so that they do not move twice; idempotent.

    Of several masters of one asset the newest counts.
    """
    cursor.execute(
        """
        INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,
                               target_id, adopted, moved_at)
        SELECT %s, m.campaign_id, a.id, a.version, a.name, m.tracking_id, 'moved', m.box_file_id, TRUE, m.updated_at
        FROM unnest(%s::text[], %s::text[], %s::text[]) AS a (id, version, name)
        JOIN master_assets m ON m.opentext_id = a.id AND m.campaign_id = %s
        WHERE m.status = 'active' AND m.box_file_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id)
        ORDER BY m.updated_at DESC NULLS LAST
        ON CONFLICT DO NOTHING
        """,
        (route, [a.id for a in assets], [a.version for a in assets], [a.name for a in assets], campaign_id),
    )


def insert_intents(
    cursor: Cursor, route: str, campaign_id: DamId, assets: Collection[DamAsset], tracking_ids: Collection[TrackingId]
) -> None:
    """These assets are to be moved, each under its tracking ID.

    What a round lists first was seen when the round was opened; what comes later, when it is listed.
    """
    listed = {"ids": [a.id for a in assets], "versions": [a.version for a in assets], "names": [a.name for a in assets]}
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
        {"route": route, "campaign": campaign_id, "tracking_ids": list(tracking_ids), **listed},
    )


def renew(cursor: Cursor, transfer_ids: Collection[int]) -> None:
    """What was withdrawn is there again, and on its way under its old tracking ID."""
    cursor.execute(
        "UPDATE transfers SET state = 'pending', updated_at = now() WHERE id = ANY(%s) AND state = 'withdrawn'",
        (list(transfer_ids),),
    )


def claim(
    cursor: Cursor, route: str, campaign_id: DamId, files: Mapping[tuple[BoxId, str], tuple[str, TrackingId]]
) -> dict[tuple[BoxId, str], FinalTransfer]:
    """The transfers of these versions of finals, made on the first call and found again on every later one.

    `files` has name and tracking ID by file id and etag. One that was withdrawn, as when the file is back from the
    trash, is on its way again.
    """
    cursor.execute(
        f"""
        INSERT INTO transfers AS known (route, campaign_id, source_id, source_version, source_name, tracking_id,
                                        first_seen_at)
        SELECT %(route)s, %(campaign)s, f.id, version, f.name, f.tracking_id, coalesce(seen.first_seen_at, now())
        FROM unnest(%(ids)s::text[], %(etags)s::text[], %(names)s::text[], %(tracking_ids)s::text[])
             AS f (id, version, name, tracking_id)
        LEFT JOIN agency_files seen ON seen.route = %(route)s AND seen.file_id = f.id AND seen.etag = f.version
        ON CONFLICT (route, campaign_id, source_id, source_version) DO UPDATE SET
            source_name = excluded.source_name,
            state = CASE known.state WHEN 'withdrawn' THEN 'pending' ELSE known.state END
        RETURNING {_COLUMNS}, job_id, extract(epoch FROM now() - import_began_at)::float8 AS since_import_s
        """,
        {"route": route, "campaign": campaign_id, "ids": [file_id for file_id, _ in files]}
        | {"etags": [etag for _, etag in files], "names": [name for name, _ in files.values()]}
        | {"tracking_ids": [tracking_id for _, tracking_id in files.values()]},
    )
    return {(row["source_id"], row["source_version"]): _final(row) for row in cursor.fetchall()}


def _final(row: dict[str, Any]) -> FinalTransfer:
    job_id, since_import_s = row.pop("job_id"), row.pop("since_import_s")
    return FinalTransfer(transfer=Transfer(**row), job_id=job_id, since_import_s=since_import_s)


# --- on the way ------------------------------------------------------------------------------------------------------


def begin_imports(cursor: Cursor, transfer_ids: Collection[int]) -> None:
    """We are about to import: assets of these names in the DAM may from now on be ours."""
    cursor.execute(
        "UPDATE transfers SET import_began_at = now(), updated_at = now() WHERE id = ANY(%s)", (list(transfer_ids),)
    )


def keep_jobs(cursor: Cursor, jobs: Mapping[int, str]) -> None:
    """Remember the import jobs."""
    cursor.execute(
        """
        UPDATE transfers t SET job_id = kept.job_id, updated_at = now()
        FROM unnest(%s::bigint[], %s::text[]) AS kept (id, job_id) WHERE t.id = kept.id
        """,
        (list(jobs), list(jobs.values())),
    )


def forget_job(cursor: Cursor, transfer_id: int, *, is_over: bool = True, wrong_asset_id: DamId | None = None) -> None:
    """The import job did not make our asset, and if it `is_over` never will; `wrong_asset_id` is what it made."""
    cursor.execute(
        """
        UPDATE transfers SET job_id = NULL, import_began_at = CASE WHEN %s THEN NULL ELSE import_began_at END,
               target_id = coalesce(%s, target_id), updated_at = now()
        WHERE id = %s
        """,
        (is_over, wrong_asset_id, transfer_id),
    )


def note_waiting(cursor: Cursor, transfer_id: int, *, message: str) -> None:
    """There is nothing to do for the file but to wait; no attempt is counted."""
    cursor.execute(
        "UPDATE transfers SET last_error = %s, last_error_code = 'waiting', updated_at = now() "
        "WHERE id = %s AND state = 'pending'",
        (message, transfer_id),
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


def judge_failure(
    cursor: Cursor, transfer_id: int, system: str, *, message: str, code: str, own_code: str, tried_for_s: float
) -> bool:
    """Whether a file that the system failed, although it answers otherwise, is itself in trouble; then counts it.

    It is where others have moved since this attempt began or since it failed before, or where it is the only one that
    fails. Of several in a row, with none moved between, each has the benefit of the doubt, also what was counted
    before; but not for ever, as a few files may be all that there is to move.
    """
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ferrero_dagster: doubtful failures'))")
    blames = {verdict: f"{system} {verdict}" for verdict in ("doubtful", "alone", "proven")}
    values = {"id": transfer_id, "message": message, "tried_for_s": tried_for_s, "most": _MOST_DOUBTS, **blames}
    cursor.execute(_IS_PROVEN, values)
    [found] = cursor.fetchall()
    verdict = "proven" if found["is_proven"] else "doubtful" if _in_a_row(cursor, values) else "alone"
    is_own = verdict != "doubtful"
    counted = {"own": int(is_own), "code": own_code if is_own else code, "blame": blames[verdict]}
    cursor.execute(
        """
        UPDATE transfers SET attempts = attempts + %(own)s, doubts = doubts + 1 - %(own)s, last_error = %(message)s,
               last_error_code = %(code)s, blame = %(blame)s, blamed_at = clock_timestamp(), updated_at = now()
        WHERE id = %(id)s AND state = 'pending'
        """,
        values | counted,
    )
    return is_own


_IS_PROVEN = """
    SELECT t.doubts >= %(most)s OR coalesce(t.blame = %(proven)s, FALSE) OR EXISTS (
        SELECT FROM transfers other WHERE other.id <> t.id AND other.moved_at > least(
            now() - %(tried_for_s)s * interval '1 s',
            CASE WHEN t.blame IN (%(doubtful)s, %(alone)s) THEN t.blamed_at END)
    ) AS is_proven
    FROM transfers t WHERE t.id = %(id)s
"""


def _in_a_row(cursor: Cursor, values: dict[str, Any]) -> bool:
    """Whether others failed, too, and none has moved since; takes back what was counted against them."""
    cursor.execute(
        """
        UPDATE transfers SET attempts = attempts - (blame = %(alone)s)::int,
               doubts = doubts + (blame = %(alone)s)::int, blame = %(doubtful)s
        WHERE id <> %(id)s AND state = 'pending' AND blame IN (%(alone)s, %(doubtful)s)
          AND blamed_at > coalesce((SELECT max(moved_at) FROM transfers), '-infinity')
        """,
        values,
    )
    return cursor.rowcount > 0


def failed_before(cursor: Cursor, route: str, campaign_id: DamId) -> set[tuple[DamId, str]]:
    """Source ids and versions of what is still to be moved after it has failed."""
    cursor.execute(
        """
        SELECT source_id, source_version FROM transfers
        WHERE route = %s AND campaign_id = %s AND state = 'pending' AND last_error IS NOT NULL
        """,
        (route, campaign_id),
    )
    return {(row["source_id"], row["source_version"]) for row in cursor.fetchall()}


def set_aside(cursor: Cursor, transfer_id: int) -> datetime | None:
    """No further attempts until an operator releases the file; returns when, or None where it was set aside before."""
    cursor.execute(
        "UPDATE transfers SET state = 'set_aside', set_aside_at = now(), updated_at = now() "
        "WHERE id = %s AND state = 'pending' RETURNING set_aside_at",
        (transfer_id,),
    )
    row = cursor.fetchone()
    return row["set_aside_at"] if row else None


def release(cursor: Cursor, transfer_id: int) -> None:
    """Let the next run try the file as if for the first time."""
    cursor.execute(
        """
        UPDATE transfers SET state = 'pending', attempts = 0, doubts = 0, blame = NULL, set_aside_at = NULL,
               updated_at = now()
        WHERE id = %s AND state = 'set_aside'
        """,
        (transfer_id,),
    )


def move_again(cursor: Cursor, missing: Collection[int], beside: Collection[int]) -> None:
    """What was moved is not in Box any more: it is to be moved again, under its tracking ID.

    Of what is to be moved `beside` other content, which keeps its name in Box, the next name is taken.
    """
    cursor.execute(
        """
        UPDATE transfers SET state = 'pending', moved_at = NULL, last_error = 'it is not in Box any more',
               last_error_code = 'not in Box', copies = copies + (id = ANY(%(beside)s))::int, updated_at = now()
        WHERE id = ANY(%(all)s) AND state = 'moved'
        """,
        {"all": [*missing, *beside], "beside": list(beside)},
    )


def import_again(cursor: Cursor, transfer_id: int) -> None:
    """The final was moved, and is to be imported once more: its version in Box is another transfer's from now on.

    What was done stays written down under a version that no file has. Idempotent.
    """
    cursor.execute(
        """
        UPDATE transfers SET source_version = source_version || ' of transfer ' || id, last_error = NULL,
               last_error_code = NULL, updated_at = now()
        WHERE id = %s AND state = 'moved' AND source_version NOT LIKE '%% of transfer %%'
        """,
        (transfer_id,),
    )


# --- ends ------------------------------------------------------------------------------------------------------------


def arrive_in_box(cursor: Cursor, arrived: Collection[tuple[ToBox, Arrival[BoxId]]]) -> None:
    """The files are in Box and proven; idempotent.

    Raises:
        PermanentError: a Box file belongs to another transfer, or another run has meanwhile finished a transfer with a
            different result.
    """
    try:
        written = _arrive(cursor, arrived, guard="state = 'pending'")
    except UniqueViolation:
        shown = ", ".join(f"{arrival.target_id} ({arrival.target_name})" for _, arrival in arrived)
        raise PermanentError(
            f"Box file {shown} already holds another asset; rename it in Box and start again.", code="name conflict"
        ) from None
    _check_targets(cursor, {transfer.id: arrival for transfer, arrival in arrived if transfer.id not in written})


def arrive_in_dam(cursor: Cursor, arrived: Collection[tuple[ToDam, Arrival[DamId]]]) -> set[int]:
    """The finals are in the DAM and proven, whatever became of their files; the ids of those that were not before."""
    return _arrive(cursor, arrived, guard="state <> 'moved'", may_share=True)


def _arrive(
    cursor: Cursor, arrived: Collection[tuple[Transfer[Any, Any], Arrival[Any]]], *, guard: str, may_share: bool = False
) -> set[int]:
    """The ids of those that had not arrived before."""
    rows = [
        (
            transfer.id, arrival.target_id, arrival.target_name, arrival.digest.size_bytes, arrival.digest.sha1_hex,
            arrival.digest.md5_hex, arrival.source_hash, arrival.run_id, arrival.adopted, may_share and arrival.adopted,
        )
        for transfer, arrival in arrived
    ]  # fmt: skip
    cursor.execute(
        f"""
        UPDATE transfers t SET state = 'moved', target_id = a.target_id, target_name = a.target_name,
               size_bytes = a.size_bytes, sha1_hex = a.sha1_hex, md5_hex = a.md5_hex, source_hash = a.source_hash,
               run_id = a.run_id, adopted = a.adopted, shares_target = a.shares_target, attempts = attempts + 1,
               last_error = NULL, last_error_code = NULL, moved_at = now(), updated_at = now()
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                    %s::boolean[], %s::boolean[])
             AS a (id, target_id, target_name, size_bytes, sha1_hex, md5_hex, source_hash, run_id, adopted,
                   shares_target)
        WHERE t.id = a.id AND {guard}
        RETURNING t.id
        """,
        [list(column) for column in zip(*rows, strict=True)],
    )
    return {row["id"] for row in cursor.fetchall()}


def _check_targets(cursor: Cursor, arrivals: dict[int, Arrival[BoxId]]) -> None:
    for known in transfers_of(cursor, arrivals) if arrivals else ():
        file_id = arrivals[known.id].target_id
        if known.target_id != file_id:
            raise PermanentError(
                f"Another run already recorded {known.source_name} as {known.state}, with Box file "
                f"{known.target_id or 'none'}; delete the surplus file {file_id} in Box.",
                code="overtaken",
            )


def leave_dam(cursor: Cursor, transfer_ids: Collection[int]) -> list[TrackingId]:
    """The sources are no longer in the DAM's folder; the tracking IDs of those that were on their way and are not."""
    cursor.execute(
        """
        UPDATE transfers SET state = 'withdrawn', last_error = 'no longer in the DAM folder', updated_at = now()
        WHERE id = ANY(%s) AND state = 'pending' RETURNING tracking_id
        """,
        (list(transfer_ids),),
    )
    return [row["tracking_id"] for row in cursor.fetchall()]


def leave_box(cursor: Cursor, route: str, versions: Collection[tuple[BoxId, str]]) -> None:
    """These versions are no longer in the agency's folder: what had arrived is deleted there, the rest is withdrawn."""
    ids, etags = [file_id for file_id, _ in versions], [etag for _, etag in versions]
    values: dict[str, Any] = {"route": route, "ids": ids, "etags": etags}
    which = """FROM unnest(%(ids)s::text[], %(etags)s::text[]) AS gone (id, etag)
               WHERE route = %(route)s AND source_id = gone.id AND source_version = etag"""
    cursor.execute(
        f"UPDATE transfers SET deleted_at = now() {which} AND state = 'moved' AND deleted_at IS NULL", values
    )
    cursor.execute(
        f"""
        UPDATE transfers SET state = 'withdrawn', last_error = 'no longer in the agency folder', updated_at = now()
        {which} AND state IN ('pending', 'set_aside')
        """,
        values,
    )


def note_undeleted(cursor: Cursor, transfer_id: int, reason: str) -> None:
    """The final has arrived, but Box does not let us delete the file."""
    cursor.execute(
        "UPDATE transfers SET last_error = %s, last_error_code = 'not deleted', updated_at = now() WHERE id = %s",
        (reason, transfer_id),
    )
