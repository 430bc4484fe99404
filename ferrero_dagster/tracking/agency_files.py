"""`agency_files`: each version of a file that was in the agency's folder, and what became of it (SPEC 4.1, 4.2)."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.domain.filenames import NameProblem
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.domain.triage import Judgement, KnownFile, ListedFile
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.storable import json_text

#: Columns of transfer `t`. A final in the DAM but still in Box counts as 0 failures: deleting it needs no pause. Where
#: Box refused to delete it, which left an error, it waits for the longest pause. One whose import may still be at work
#: has not failed, but is looked for after a pause only.
_ATTEMPTS = """CASE WHEN t.state = 'moved' THEN CASE WHEN t.last_error IS NULL THEN 0 ELSE 1000 END
                    WHEN t.last_error_code = 'waiting' THEN 1
                    ELSE coalesce(t.attempts, 0) END AS failures,
               extract(epoch FROM now() - t.updated_at)::float8 AS since_last_attempt_s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyFile:
    """A file that may be moved, and how often that failed."""

    file: ListedFile
    failures: int
    since_last_attempt_s: float | None
    #: Whether it is still to be moved after it has failed, whoever's trouble that was.
    has_failed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedFile:
    """A file that waits in the agency's folder for somebody to mend it."""

    name: str
    reason: str
    #: What is wrong with its name.
    problems: tuple[NameProblem, ...]
    refused_at: datetime


#: What is known of each file `f`, with the state of its transfer `t`.
_KNOWN = f"""
    SELECT f.file_id, f.etag, f.name, f.size_bytes, f.state, f.looks, f.problems, f.reason,
           t.state AS transfer_state, {_ATTEMPTS}, f.sha1_hex, f.template
    FROM agency_files f
    LEFT JOIN transfers t ON t.route = f.route AND t.source_id = f.file_id AND t.source_version = f.etag
"""
#: Of a file that may become another state although nothing has changed in Box: it settles, it is to be moved, or only
#: its master was missing and is there by now.
_WAITING = """
    f.state IN ('settling', 'ready') OR (f.state = 'refused' AND f.problems IS NULL AND EXISTS (
        SELECT FROM master_assets m
        WHERE m.tracking_id = f.tracking_id AND m.status = 'active' AND m.campaign_id IS NOT NULL))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownFile:
    """A file in the folder as people are shown it; `state` is also `set aside`."""

    file_id: BoxId
    name: str
    state: str
    reason: str


def known_files(cursor: Cursor, route: str) -> dict[tuple[BoxId, str], KnownFile]:
    """The files that were there at the last look, by file id and etag, each with the state of its transfer."""
    cursor.execute(f"{_KNOWN} WHERE f.route = %s AND f.state <> 'gone'", (route,))
    return {file.version: file for file, _ in map(_known, cursor.fetchall())}


def waiting_files(cursor: Cursor, route: str) -> list[tuple[KnownFile, ListedFile]]:
    """Those of them that a look has something to do with where nothing has changed in Box.

    What is no file, or cannot be read, has no `sha1_hex`: of such only a listing tells enough.
    """
    cursor.execute(f"{_KNOWN} WHERE f.route = %s AND ({_WAITING})", (route,))
    return [_known(row) for row in cursor.fetchall()]


def _known(row: dict[str, Any]) -> tuple[KnownFile, ListedFile]:
    """A file as it is known, and as it was listed."""
    row = _read(row)
    sha1_hex, template = row.pop("sha1_hex"), row.pop("template")
    listed = ListedFile(
        id=row["file_id"],
        etag=row["etag"],
        name=row["name"],
        size_bytes=row["size_bytes"],
        sha1_hex=sha1_hex,
        template=template,
    )
    return KnownFile(**row), listed


def counts(cursor: Cursor, route: str) -> dict[str, int]:
    """How many files that are there have which state."""
    cursor.execute(
        "SELECT state, count(*) AS files FROM agency_files WHERE route = %s AND state <> 'gone' GROUP BY state",
        (route,),
    )
    return {row["state"]: row["files"] for row in cursor.fetchall()}


def present(cursor: Cursor, route: str, ids: Collection[BoxId]) -> set[BoxId]:
    """Those of the files that are there."""
    cursor.execute(
        "SELECT file_id FROM agency_files WHERE route = %s AND file_id = ANY(%s) AND state <> 'gone'",
        (route, list(ids)),
    )
    return {row["file_id"] for row in cursor.fetchall()}


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "problems": tuple(NameProblem(**problem) for problem in row["problems"] or ())}


def save_judgements(cursor: Cursor, route: str, judgements: Sequence[Judgement]) -> None:
    """Write down what became of these files; one statement for all."""
    rows = [
        asdict(judgement.file)
        | {"state": judgement.state, "looks": judgement.looks, "reason": judgement.reason}
        | {"tracking_id": judgement.tracking_id, "campaign_id": judgement.campaign_id}
        | {"problems": [asdict(problem) for problem in judgement.problems] or None}
        for judgement in judgements
    ]
    cursor.execute(
        """
        INSERT INTO agency_files AS known (route, file_id, etag, name, size_bytes, sha1_hex, state, looks, template,
                                           tracking_id, campaign_id, reason, problems, refused_at)
        SELECT %s, id, etag, name, size_bytes, sha1_hex, state, looks, nullif(template, 'null'), tracking_id,
               campaign_id, reason, nullif(problems, 'null'), CASE WHEN state = 'refused' THEN now() END
        FROM jsonb_to_recordset(%s) AS r (
            id TEXT, etag TEXT, name TEXT, size_bytes BIGINT, sha1_hex TEXT, state TEXT, looks INTEGER,
            template JSONB, tracking_id TEXT, campaign_id TEXT, reason TEXT, problems JSONB)
        ON CONFLICT (route, file_id, etag) DO UPDATE SET
            name = excluded.name, size_bytes = excluded.size_bytes, sha1_hex = excluded.sha1_hex,
            state = excluded.state, looks = excluded.looks, template = excluded.template,
            tracking_id = excluded.tracking_id, campaign_id = excluded.campaign_id, reason = excluded.reason,
            problems = excluded.problems,
            refused_at = CASE WHEN excluded.state = 'refused' THEN coalesce(known.refused_at, now()) END,
            last_seen_at = now(), gone_at = NULL
        """,
        (route, json_text(rows)),
    )


def mark_gone(cursor: Cursor, route: str, versions: Collection[tuple[BoxId, str]]) -> None:
    """These versions, each a file id and an etag, are no longer in the folder."""
    cursor.execute(
        """
        UPDATE agency_files SET state = 'gone', gone_at = now()
        FROM unnest(%s::text[], %s::text[]) AS left_folder (id, version)
        WHERE route = %s AND file_id = left_folder.id AND etag = left_folder.version
        """,
        ([file_id for file_id, _ in versions], [etag for _, etag in versions], route),
    )


def ready_files(cursor: Cursor, route: str, campaign_id: DamId) -> list[ReadyFile]:
    """The campaign's files that may be moved, oldest first; those set aside are left out."""
    cursor.execute(
        f"""
        SELECT f.file_id AS id, f.etag, f.name, f.size_bytes, f.sha1_hex, f.template, {_ATTEMPTS},
               t.state = 'pending' AND t.last_error IS NOT NULL AS has_failed FROM agency_files f
        LEFT JOIN transfers t ON t.route = f.route AND t.source_id = f.file_id AND t.source_version = f.etag
        WHERE f.route = %s AND f.state = 'ready' AND f.campaign_id = %s AND coalesce(t.state, 'pending') <> 'set_aside'
        ORDER BY f.first_seen_at, f.id
        """,
        (route, campaign_id),
    )
    return [
        ReadyFile(
            failures=row.pop("failures"),
            since_last_attempt_s=row.pop("since_last_attempt_s"),
            has_failed=bool(row.pop("has_failed")),
            file=ListedFile(**row),
        )
        for row in cursor.fetchall()
    ]


def shown_files(cursor: Cursor, route: str) -> list[ShownFile]:
    """All files that are in the folder of a route."""
    cursor.execute(
        """
        SELECT f.file_id, f.name, coalesce(f.reason, '') AS reason,
               CASE WHEN f.state = 'ready' AND t.state = 'set_aside' THEN 'set aside' ELSE f.state END AS state
        FROM agency_files f
        LEFT JOIN transfers t ON t.route = f.route AND t.source_id = f.file_id AND t.source_version = f.etag
        WHERE f.route = %s AND f.state <> 'gone'
        """,
        (route,),
    )
    return [ShownFile(**row) for row in cursor.fetchall()]


def refused_files(cursor: Cursor, route: str | None = None) -> list[RefusedFile]:
    """The refused files that are in the folder of a route, or of all; those that wait longest come first."""
    cursor.execute(
        """
        SELECT name, coalesce(reason, '') AS reason, problems, refused_at FROM agency_files
        WHERE state = 'refused' AND route = coalesce(%s, route) ORDER BY refused_at, id
        """,
        (route,),
    )
    return [RefusedFile(**_read(row)) for row in cursor.fetchall()]
