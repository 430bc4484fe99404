"""`campaign_rounds`: each passage of a campaign along a route, and whether its status is just being advanced."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.tracking.database import Cursor

RoundEnd = Literal["advanced", "overtaken"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedRound:
    """A passage of a campaign that is over."""

    route: str
    campaign_id: DamId
    closed_at: datetime
    outcome: RoundEnd
    advancing_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """The open passage of a campaign; `key` is unique for ever and goes into the keys of its messages."""

    id: int
    route: str
    campaign_id: DamId
    round: int
    #: Runs that ended without moving everything, outages included.
    failed_attempts: int
    since_last_failure_s: float | None
    #: We were about to set the status, or had just set it, when the last run ended.
    advancing: bool
    #: The status that we were about to replace, and the person who asked for that, if one did.
    advancing_from: str | None
    advancing_by: str | None
    #: The folder that the round's files go to, once there is one.
    box_folder_id: BoxId | None

    @property
    def key(self) -> str:
        """`route:campaign:round`."""
        return f"{self.route}:{self.campaign_id}:{self.round}"


_SELECT = """
SELECT id, route, campaign_id, round, failed_attempts, advancing_at IS NOT NULL AS advancing, advancing_from,
       advancing_by, box_folder_id,
       extract(epoch FROM now() - last_failed_at)::float8 AS since_last_failure_s
FROM campaign_rounds WHERE closed_at IS NULL AND route = %s
"""


def open_rounds(cursor: Cursor, route: str, campaign_ids: Iterable[DamId]) -> dict[DamId, Round]:
    """The open rounds of these campaigns, by campaign id."""
    cursor.execute(_SELECT + "AND campaign_id = ANY(%s)", (route, list(campaign_ids)))
    return {row["campaign_id"]: Round(**row) for row in cursor.fetchall()}


def unfinished_advances(cursor: Cursor, route: str) -> list[DamId]:
    """Campaigns whose status we may have set without telling it: the search no longer finds them by status."""
    cursor.execute(_SELECT + "AND advancing_at IS NOT NULL ORDER BY advancing_at", (route,))
    return [row["campaign_id"] for row in cursor.fetchall()]


def open_round(cursor: Cursor, route: str, campaign_id: DamId) -> Round:
    """The campaign's open round, opened if need be; idempotent."""
    cursor.execute(
        """
        INSERT INTO campaign_rounds (route, campaign_id, round)
        SELECT %(route)s, %(id)s, coalesce(max(round), 0) + 1 FROM campaign_rounds
        WHERE route = %(route)s AND campaign_id = %(id)s
        ON CONFLICT DO NOTHING
        """,
        {"route": route, "id": campaign_id},
    )
    return open_rounds(cursor, route, [campaign_id])[campaign_id]


def count_failed_run(cursor: Cursor, round_id: int) -> bool:
    """Count a run that ended without moving everything; False where the round has been closed meanwhile."""
    cursor.execute(
        "UPDATE campaign_rounds SET failed_attempts = failed_attempts + 1, last_failed_at = now() "
        "WHERE id = %s AND closed_at IS NULL",
        (round_id,),
    )
    return cursor.rowcount == 1


def forgive_failures(cursor: Cursor, route: str, campaign_ids: Iterable[DamId]) -> None:
    """Let the next attempt start at once."""
    cursor.execute(
        "UPDATE campaign_rounds SET failed_attempts = 0, last_failed_at = NULL "
        "WHERE closed_at IS NULL AND route = %s AND campaign_id = ANY(%s)",
        (route, list(campaign_ids)),
    )


def begin_advance(cursor: Cursor, round_id: int, *, status: str, done_by: str | None) -> None:
    """Write down that we are about to replace this status, and who asked for it, so that a crash after it is noticed.

    Begun once more without a person, it stays with the one who asked.
    """
    cursor.execute(
        """
        UPDATE campaign_rounds SET advancing_at = now(), advancing_from = %s, advancing_by = coalesce(%s, advancing_by)
        WHERE id = %s
        """,
        (status, done_by, round_id),
    )


def forget_advance(cursor: Cursor, round_id: int) -> None:
    """The campaign still has its old status: what an earlier run was about to set did not come about."""
    cursor.execute(
        "UPDATE campaign_rounds SET advancing_at = NULL, advancing_from = NULL, advancing_by = NULL WHERE id = %s",
        (round_id,),
    )


def box_folders(cursor: Cursor) -> set[BoxId]:
    """The folders in Box that we have made for campaigns."""
    cursor.execute("SELECT DISTINCT box_folder_id FROM campaign_rounds WHERE box_folder_id IS NOT NULL")
    return {row["box_folder_id"] for row in cursor.fetchall()}


def last_box_folder(cursor: Cursor, route: str, campaign_id: DamId) -> tuple[int, BoxId] | None:
    """The last round of the campaign that had a folder in Box, and that folder."""
    cursor.execute(
        "SELECT id, box_folder_id FROM campaign_rounds WHERE route = %s AND campaign_id = %s "
        "AND box_folder_id IS NOT NULL ORDER BY round DESC LIMIT 1",
        (route, campaign_id),
    )
    row = cursor.fetchone()
    return (row["id"], row["box_folder_id"]) if row else None


def note_box_folder(cursor: Cursor, round_id: int, folder_id: BoxId) -> None:
    """Keep the folder for later runs, which may find the campaign under another name."""
    cursor.execute("UPDATE campaign_rounds SET box_folder_id = %s WHERE id = %s", (folder_id, round_id))


def close(cursor: Cursor, round_id: int, outcome: RoundEnd) -> None:
    """End the round: we advanced the status, or a person changed it first."""
    cursor.execute(
        "UPDATE campaign_rounds SET closed_at = now(), outcome = %s WHERE id = %s AND closed_at IS NULL",
        (outcome, round_id),
    )


def overtake(cursor: Cursor, route: str, campaign_id: DamId) -> None:
    """End the campaign's open round, as a person changed its status; one that was being advanced is left to a run."""
    cursor.execute(
        "UPDATE campaign_rounds SET closed_at = now(), outcome = 'overtaken' "
        "WHERE route = %s AND campaign_id = %s AND closed_at IS NULL AND advancing_at IS NULL",
        (route, campaign_id),
    )


def ended_rounds(cursor: Cursor, routes: Iterable[str], campaign_ids: Iterable[DamId]) -> list[EndedRound]:
    """All passages of these campaigns along these routes that are over, the oldest first."""
    cursor.execute(
        """
        SELECT route, campaign_id, closed_at, outcome, advancing_by FROM campaign_rounds
        WHERE route = ANY(%s) AND campaign_id = ANY(%s) AND closed_at IS NOT NULL ORDER BY closed_at, id
        """,
        (list(routes), list(campaign_ids)),
    )
    return [EndedRound(**row) for row in cursor.fetchall()]
