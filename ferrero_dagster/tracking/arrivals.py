"""What became of each file of a campaign on a route, and whether its bytes were proven; changes nothing."""

from dataclasses import dataclass

from ferrero_dagster.domain.files import TransferState
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A file that was to be moved; `last_error` says why it has not arrived, where that is known."""

    name: str
    state: TransferState
    #: Whether the SHA-1 of what arrived was compared with that of what was sent; not by us where the cron scripts
    #: moved it.
    is_proven: bool
    last_error: str | None


def arrivals(cursor: Cursor, route: str, campaign_id: str) -> list[Arrival]:
    """The campaign's files on this route, those that have not arrived first; withdrawn ones are left out."""
    cursor.execute(
        """
        SELECT source_name AS name, state, sha1_hex IS NOT NULL AS is_proven, last_error FROM transfers
        WHERE route = %s AND campaign_id = %s AND state <> 'withdrawn'
        ORDER BY state = 'moved', source_name, id
        """,
        (route, campaign_id),
    )
    return [Arrival(**row) for row in cursor.fetchall()]
