"""What has lasted too long, by the tracking database: told to whatever watches outside Dagster."""

from datetime import datetime, timedelta, timezone

from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking import outages, outbox, reds
from ferrero_dagster.tracking.database import Cursor


def lasting_troubles(cursor: Cursor, longest: timedelta) -> list[str]:
    """A sentence for each outage and each red thing that is older, and one for the messages that wait for longer."""
    before = datetime.now(timezone.utc) - longest
    out = [
        f"{outage.system} cannot be used since {_told(outage.began_at)}: {outage.message}"
        for outage in outages.open_outages(cursor)
        if outage.began_at < before
    ]
    red = [
        f"{red.name} is red since {_told(red.began_at)}: {red.message}"
        for red in reds.open_reds(cursor)
        if red.began_at < before
    ]
    return [*out, *red, *_waiting(cursor, before)]


def _waiting(cursor: Cursor, before: datetime) -> list[str]:
    late = [m for m in outbox.unsent_messages(cursor) if m.state == "waiting" and m.created_at < before]
    if not late:
        return []
    oldest = late[0]
    reason = f": {oldest.last_error}" if oldest.last_error else "."
    count = counted(len(late), "message", "waits", "wait")
    return [f"{count}, the oldest ({oldest.template}) since {_told(oldest.created_at)}{reason}"]


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M UTC}"
