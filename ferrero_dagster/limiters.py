"""Opens what hands out the turns at Box and the DAM, as settings and site configuration say."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from ferrero_dagster.clients.limiter import CALLS, UPLOADS, Limiter, OwnLimiter
from ferrero_dagster.domain.allowance import MonthLimit, Priority, Rate, ServiceLimits

if TYPE_CHECKING:
    from ferrero_dagster.config.settings import Settings
    from ferrero_dagster.config.site import Site
    from ferrero_dagster.tracking.limiter import SharedLimiter

#: Of a minute's uploads and calls, so many in a thousand are left to looks and people.
_RESERVE_PER_MILLE = {UPLOADS: 15, CALLS: 50}


def dam_limits(site: Site) -> ServiceLimits:
    """What the DAM takes at once."""
    return ServiceLimits(service="DAM", parallel=site.dam.parallel_calls, zone=site.time_zone)


def box_limits(settings: Settings, site: Site) -> ServiceLimits:
    """What Box takes of each user."""
    limits = {UPLOADS: settings.box_uploads_per_minute, CALLS: settings.box_calls_per_minute}
    rates = {
        kind: Rate(per_minute=limit, reserve=limit * _RESERVE_PER_MILLE[kind] // 1000, burst_s=site.box.burst_seconds)
        for kind, limit in limits.items()
        if limit
    }
    licensed = site.box.calls_per_month
    month = MonthLimit(calls=licensed, brake_share=site.box.month_brake_share) if licensed else None
    return ServiceLimits(
        service="Box",
        rates=rates,
        small_uploads=site.box.small_campaign_files,
        small_wait_s=site.box.small_campaign_wait_s,
        month=month,
        zone=site.time_zone,
    )


class OpenLimiters:
    """The limiters of one service by user, opened when they are asked for; safe to share between threads, close it."""

    def __init__(self, limits: ServiceLimits, database_url: str, priority: Priority) -> None:
        """Without a `database_url` nothing is shared with other processes."""
        self._limits = limits
        self._url = database_url
        self._priority = priority
        self._lock = threading.Lock()
        self._shared: dict[str, SharedLimiter] = {}
        self._own = OwnLimiter(limits.service)

    def __call__(self, user: str = "") -> Limiter:
        """The limiter of a user; of the service account by an empty name."""
        if not self._url:
            return self._own
        with self._lock:
            if user not in self._shared:
                self._shared[user] = self._open(user)
            return self._shared[user]

    def _open(self, user: str) -> SharedLimiter:
        from ferrero_dagster.tracking.database import Database
        from ferrero_dagster.tracking.limiter import PATIENCE, SharedLimiter

        database = Database(self._url, PATIENCE)
        return SharedLimiter(replace(self._limits, user=user), database, priority=self._priority)

    def close(self) -> None:
        """Give everything back."""
        for limiter in self._shared.values():
            limiter.close()
