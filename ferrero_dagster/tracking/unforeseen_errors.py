"""`unforeseen_errors`: errors that nobody foresaw, by the turn of a campaign, file or step that each has ended."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class UnforeseenError:
    """What an error has ended: the `turn` is a route's, a sensor's or a step's; `about` is its campaign or file."""

    reference: str
    turn: str
    about: str
    message: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """How often a campaign's turns were ended so."""

    number: int
    since_last_s: float


def note(
    cursor: Cursor, *, reference: str, turn: str, about: str, campaign_id: str, message: str, run_id: str | None
) -> datetime:
    """Count the error and return since when its cause is known; what was not seen for a week begins anew."""
    cursor.execute("DELETE FROM unforeseen_errors WHERE last_at < now() - interval '7 days'")
    cursor.execute(
        """
        INSERT INTO unforeseen_errors AS known (reference, turn, about, campaign_id, message, run_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (reference, turn, about, campaign_id) DO UPDATE
            SET times = known.times + 1, last_at = now(), message = excluded.message, run_id = excluded.run_id
        """,
        (reference, turn, about, campaign_id, message, run_id),
    )
    cursor.execute("SELECT min(first_at) AS since FROM unforeseen_errors WHERE reference = %s", (reference,))
    since: datetime = cursor.fetchall()[0]["since"]
    return since


def failures(cursor: Cursor, turn: str, campaign_ids: Collection[DamId]) -> dict[DamId, Failures]:
    """Of these campaigns those whose turns were ended so since they last came through."""
    cursor.execute(
        """
        SELECT campaign_id, sum(times)::int AS number, extract(epoch FROM now() - max(last_at))::float8 AS since_last_s
        FROM unforeseen_errors WHERE turn = %s AND campaign_id = ANY(%s) GROUP BY campaign_id
        """,
        (turn, list(campaign_ids)),
    )
    return {row.pop("campaign_id"): Failures(**row) for row in cursor.fetchall()}


def forget(cursor: Cursor, turn: str, campaign_id: DamId) -> None:
    """The campaign has come through."""
    cursor.execute("DELETE FROM unforeseen_errors WHERE turn = %s AND campaign_id = %s", (turn, campaign_id))


def recent(cursor: Cursor) -> list[UnforeseenError]:
    """Those of the last week that were not overcome since, the latest first."""
    cursor.execute(
        """
        SELECT reference, turn, about, message, times, first_at, last_at FROM unforeseen_errors
        WHERE last_at > now() - interval '7 days' ORDER BY last_at DESC, id
        """
    )
    return [UnforeseenError(**row) for row in cursor.fetchall()]
