"""Campaigns that have been in a status for longer than the site allows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class OverdueCampaign:
    """A campaign over its time; `days` is how long it has been in its status, `max_days` how long it may be."""

    campaign_id: DamId
    number: str | None
    name: str | None
    type: str | None
    status: str
    since: datetime
    days: float
    max_days: float


#: The columns of `OverdueCampaign`. A campaign in a status that a sensor searches for is seen at every look; one that
#: was not seen for a day was deleted or has another status by now.
OVERDUE = """
SELECT campaign_id, campaign_number AS number, campaign_name AS name, campaign_type AS type, status,
       status_since AS since, (extract(epoch FROM moment - status_since) / 86400)::float8 AS days, max_days
FROM campaign_status
JOIN unnest(%(statuses)s::text[], %(max_days)s::float8[]) AS allowed (status, max_days) USING (status)
CROSS JOIN (SELECT least(%(ends)s, now()) AS moment) AS looked
WHERE status_since < moment - make_interval(secs => max_days * 86400)
  AND (status <> ALL(%(searched)s::text[]) OR seen_at >= moment - interval '1 day')
ORDER BY extract(epoch FROM moment - status_since) / max_days DESC, campaign_id
"""


def overdue_values(
    max_days: Mapping[str, float | None], searched: Collection[str], ends: datetime | None = None
) -> dict[str, Any]:
    """The parameters of `OVERDUE`: days by status, the statuses that sensors search for, the moment if not now."""
    return {
        "statuses": list(max_days),
        "max_days": list(max_days.values()),
        "searched": list(searched),
        "ends": ends,
    }


def overdue_campaigns(
    cursor: Cursor, max_days: Mapping[str, float | None], searched: Collection[str]
) -> list[OverdueCampaign]:
    """The campaigns over their time now, the worst first."""
    cursor.execute(OVERDUE, overdue_values(max_days, searched))
    return [OverdueCampaign(**row) for row in cursor.fetchall()]
