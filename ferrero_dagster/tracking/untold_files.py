"""`untold_files`: files that have moved and whose event Dagster has not got yet, as when their run was killed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ferrero_dagster.domain.files import Transfer
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.transfers import transfers_of


@dataclass(frozen=True, kw_only=True, slots=True)
class UntoldFile:
    """A file that moved in a run, which has not said so."""

    transfer: Transfer[Any, Any]
    run_id: str


def add(cursor: Cursor, run_ids: Mapping[int, str]) -> None:
    """These transfers' files have moved, each in a run; idempotent."""
    cursor.execute(
        "INSERT INTO untold_files (transfer_id, run_id) SELECT * FROM unnest(%s::bigint[], %s::text[]) "
        "ON CONFLICT DO NOTHING",
        (list(run_ids), list(run_ids.values())),
    )


def forget(cursor: Cursor, transfer_ids: Collection[int]) -> None:
    """Dagster has the events of these."""
    cursor.execute("DELETE FROM untold_files WHERE transfer_id = ANY(%s)", (list(transfer_ids),))


def older_than(cursor: Cursor, minutes: float, *, limit: int) -> list[UntoldFile]:
    """What moved longer ago, the oldest first."""
    cursor.execute(
        """
        SELECT transfer_id, run_id FROM untold_files
        WHERE since < now() - %s * interval '1 min' ORDER BY since, transfer_id LIMIT %s
        """,
        (minutes, limit),
    )
    runs = {row["transfer_id"]: row["run_id"] for row in cursor.fetchall()}
    return [UntoldFile(transfer=one, run_id=runs[one.id]) for one in transfers_of(cursor, runs)]
