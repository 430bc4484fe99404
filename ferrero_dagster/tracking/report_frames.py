"""What the daily report is made of: the state of the tables at the end of a day, counted in SQL, as pandas frames.

Times that we noted decide, so that a past day can be counted again. What has only a present state (counters of
campaigns, their status, undeliverable messages) is told of the latest day only, as it is now; `daily_reports` keeps
what was said first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.domain.report import DIRECTIONS, TREND_DAYS, ReportDay
from ferrero_dagster.domain.report_sections import ReportFrames
from ferrero_dagster.tracking.ageing import OVERDUE, overdue_values
from ferrero_dagster.tracking.daily_reports import UNSENT
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.finals import complete_campaigns

if TYPE_CHECKING:
    import pandas as pd

MAX_LISTED = 500
MAX_MOVED_FILES = 5000
#: The checks in Dagster show more.
MAX_FINDINGS = 50

_DIRECTION = "CASE WHEN route = ANY(%(finals)s) THEN %(to_dam)s ELSE %(to_box)s END"

#: What had become of a transfer by the end of the day. Set aside and released later, it counts as retrying.
_OUTCOME = """
CASE WHEN state = 'moved' AND moved_at IS NULL THEN 'undated'
     WHEN moved_at < %(ends)s THEN 'moved'
     WHEN state = 'withdrawn' AND updated_at < %(ends)s THEN 'withdrawn'
     WHEN state <> 'pending' AND set_aside_at < %(ends)s THEN 'set_aside'
     ELSE 'retrying' END
"""


def _superseded(file_id: str, etag: str) -> str:
    """SQL: this version of an agency's file was renamed or replaced; the later one counts in its place."""
    return f"""EXISTS (
        SELECT FROM agency_files old JOIN agency_files later ON later.file_id = old.file_id AND later.id > old.id
        WHERE old.file_id = {file_id} AND old.etag = {etag} AND old.gone_at < %(ends)s)"""


#: The sensor refuses this version of an agency's file, as after its master was withdrawn: it counts as refused.
_REFUSED_LATER = """(t.state <> 'moved' AND EXISTS (
    SELECT FROM agency_files f WHERE f.route = t.route AND f.file_id = t.source_id AND f.etag = t.source_version
       AND f.refused_at < %(ends)s))"""

#: Every file that the day began with or saw come, once. A cron script's file that we took over may have been moved
#: before we first saw it; one without a time counts on the day that we took it over.
_FILES = f"""
SELECT {_DIRECTION} AS direction, campaign_id, size_bytes, source_hash, {_OUTCOME} AS outcome
FROM transfers t
WHERE (moved_at IS NULL OR moved_at >= %(begins)s) AND least(first_seen_at, moved_at) < %(ends)s
  AND NOT {_REFUSED_LATER}
  AND NOT (state = 'withdrawn' AND (updated_at < %(begins)s OR {_superseded("source_id", "source_version")}))
  AND NOT (state = 'moved' AND moved_at IS NULL AND created_at < %(begins)s)
UNION ALL
SELECT %(to_dam)s, campaign_id, size_bytes, NULL,
       CASE WHEN gone_at < %(ends)s THEN 'withdrawn' ELSE 'refused' END
FROM agency_files a
WHERE refused_at < %(ends)s AND state IN ('refused', 'gone') AND (gone_at IS NULL OR gone_at >= %(begins)s)
  AND NOT {_superseded("a.file_id", "a.etag")}
UNION ALL
SELECT %(to_dam)s, campaign_id, size_bytes, NULL, 'retrying'
FROM agency_files a
WHERE state = 'ready' AND first_seen_at < %(ends)s AND NOT EXISTS (
    SELECT FROM transfers t WHERE t.route = a.route AND t.campaign_id = a.campaign_id AND t.source_id = a.file_id
       AND t.source_version = a.etag)
"""

_FLOWS = f"""
SELECT direction, campaign_id, count(*) AS eligible,
       count(*) FILTER (WHERE outcome = 'moved') AS moved,
       count(*) FILTER (WHERE outcome = 'retrying') AS retrying,
       count(*) FILTER (WHERE outcome = 'set_aside') AS set_aside,
       count(*) FILTER (WHERE outcome = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE outcome = 'refused') AS refused,
       count(*) FILTER (WHERE outcome = 'undated') AS undated,
       coalesce(sum(size_bytes) FILTER (WHERE outcome = 'moved'), 0)::bigint AS size_bytes,
       count(*) FILTER (WHERE outcome = 'moved' AND source_hash = 'given') AS with_source_hash,
       count(*) FILTER (WHERE outcome = 'moved' AND source_hash = 'computed') AS with_own_hash
FROM ({_FILES}) AS files GROUP BY direction, campaign_id
"""

#: The moved files of the day against the tables that prove them, both ways. Of masters that we moved we keep the
#: `original_id`; those of the cron scripts have none, and no transfer before we take them over.
_DIFFERENCES = f"""
SELECT direction, finding, count(*) AS files, min(name) AS example
FROM (
    SELECT {_DIRECTION} AS direction, 'unproven' AS finding, source_name AS name FROM transfers t
    WHERE state = 'moved' AND moved_at >= %(begins)s AND moved_at < %(ends)s AND NOT CASE
        WHEN route = ANY(%(finals)s) THEN EXISTS (SELECT FROM derivative_assets d WHERE d.transfer_id = t.id)
        ELSE EXISTS (SELECT FROM master_assets m WHERE m.tracking_id = t.tracking_id) END
    UNION ALL
    SELECT %(to_box)s, 'unmoved', coalesce(asset_name, tracking_id) FROM master_assets m
    WHERE status = 'active' AND original_id IS NOT NULL
      AND updated_at::timestamptz >= %(begins)s AND updated_at::timestamptz < %(ends)s
      AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id AND t.state = 'moved')
    UNION ALL
    SELECT %(to_dam)s, 'unmoved', coalesce(derivative_filename, d.tracking_id) FROM derivative_assets d
    WHERE d.transfer_id IS NOT NULL
      AND d.created_at::timestamptz >= %(begins)s AND d.created_at::timestamptz < %(ends)s
      AND NOT EXISTS (SELECT FROM transfers t WHERE t.id = d.transfer_id AND t.state = 'moved')
) AS found GROUP BY direction, finding ORDER BY direction, finding DESC
"""

#: Files arrived since ever; those of the cron scripts that no transfer tells of are counted from their own tables.
_CAMPAIGNS = """
WITH wanted AS (
    SELECT campaign_id FROM campaign_status WHERE status = ANY(%(statuses)s)
    UNION SELECT unnest(%(with_files)s::text[])
), arrived AS (
    SELECT campaign_id, count(*) FILTER (WHERE NOT is_final) AS in_box, count(*) FILTER (WHERE is_final) AS in_dam
    FROM (
        SELECT campaign_id, route = ANY(%(finals)s) AS is_final FROM transfers
        WHERE state = 'moved' AND coalesce(moved_at, created_at) < %(ends)s
        UNION ALL
        SELECT campaign_id, FALSE FROM master_assets m WHERE status = 'active'
           AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id)
        UNION ALL
        SELECT coalesce(d.campaign_id, m.campaign_id), TRUE
        FROM derivative_assets d LEFT JOIN master_assets m USING (tracking_id)
        WHERE d.status = 'active' AND d.transfer_id IS NULL
    ) AS files GROUP BY campaign_id
)
SELECT campaign_id, campaign_number AS number, campaign_name AS name,
       CASE WHEN %(is_latest)s THEN status END AS status, CASE WHEN %(is_latest)s THEN status_since END AS status_since,
       coalesce(in_box, 0) AS files_in_box, coalesce(in_dam, 0) AS files_in_dam
FROM wanted LEFT JOIN campaign_status USING (campaign_id) LEFT JOIN arrived USING (campaign_id)
"""

#: The alert query of the seeds for any route, and the campaigns that failed for good.
_TROUBLED = """
SELECT campaign_id, campaign_number AS number, campaign_name AS name, coalesce(status, {status}) AS status,
       coalesce({retry_count}, 0) AS attempts,
       CASE WHEN coalesce({retry_count}, 0) = 0 THEN 0 ELSE {error_count} END AS errors,
       {last_retry_at}::timestamptz AS last_attempt_at, {stuck_since} AS since,
       coalesce({permanently_failed}, FALSE) AS permanently_failed, {failure_reason} AS reason
FROM campaign_status
WHERE coalesce(status, {status}) = {status} AND ({permanently_failed} OR {retry_count} >= 2)
  AND coalesce({stuck_since} < %(ends)s, TRUE)
"""

_WORST_FIRST = SQL("ORDER BY permanently_failed DESC, attempts DESC, last_attempt_at DESC, campaign_id")

#: Rounds that are open after a failed run, and their files with an error; finals need no round to fail. A campaign in a
#: status that a sensor searches for is seen at every look; one that was not seen for a day has another status by now.
_FAILING = f"""
WITH open_rounds AS (
    SELECT r.* FROM campaign_rounds r LEFT JOIN campaign_status USING (campaign_id)
    WHERE closed_at IS NULL AND opened_at < %(ends)s
      AND (r.route = ANY(%(finals)s) OR coalesce(seen_at >= least(%(ends)s, now()) - interval '1 day', TRUE))
), failed_runs AS (
    SELECT campaign_id, sum(failed_attempts)::int AS runs, min(opened_at) AS opened_at FROM open_rounds
    WHERE failed_attempts > 1 OR (failed_attempts = 1 AND last_failed_at < %(ends)s) GROUP BY campaign_id
), failed_files AS (
    SELECT campaign_id, count(*) AS files, min(first_seen_at) AS first_seen_at,
           (array_agg(last_error ORDER BY t.id))[1] AS reason
    FROM transfers t LEFT JOIN open_rounds r USING (route, campaign_id)
    WHERE state = 'pending' AND last_error IS NOT NULL AND first_seen_at < %(ends)s AND NOT {_REFUSED_LATER}
      AND (attempts > 1 OR (attempts = 1 AND updated_at < %(ends)s)) AND (route = ANY(%(finals)s) OR r.id IS NOT NULL)
    GROUP BY campaign_id
)
SELECT campaign_id, campaign_number AS number, campaign_name AS name, coalesce(files, 0) AS files,
       coalesce(runs, 0) AS runs, reason, least(opened_at, first_seen_at) AS since
FROM failed_runs FULL JOIN failed_files USING (campaign_id) LEFT JOIN campaign_status USING (campaign_id)
ORDER BY since, campaign_id
"""

#: Rounds that a sensor opened, with nothing to show that a run has begun.
_UNBEGUN = """
SELECT campaign_id, campaign_number AS number, campaign_name AS name, opened_at AS since
FROM campaign_rounds r JOIN campaign_status c USING (campaign_id)
WHERE r.route = {route} AND c.status = {status} AND closed_at IS NULL AND opened_at < %(ends)s
  AND failed_attempts = 0 AND advancing_at IS NULL AND coalesce({retry_count}, 0) = 0
  AND coalesce(seen_at >= least(%(ends)s, now()) - interval '1 day', TRUE)
  AND NOT EXISTS (SELECT FROM transfers t WHERE t.route = r.route AND t.campaign_id = r.campaign_id
                     AND t.created_at >= r.opened_at)
"""

#: The dashboard query of the seeds for any route.
_RETRY_STATUS = """
SELECT {status} AS status,
       COUNT(*) FILTER (WHERE {retry_count} = 0) AS no_issues,
       COUNT(*) FILTER (WHERE {retry_count} = 1) AS attempt_1,
       COUNT(*) FILTER (WHERE {retry_count} = 2) AS attempt_2,
       COUNT(*) FILTER (WHERE {retry_count} >= 3) AS permanently_failed
FROM campaign_status WHERE status = {status}
"""

_REFUSED = """
SELECT file_id, name, coalesce(reason, 'no reason was noted') AS reason, refused_at AS since, count(*) OVER () AS total
FROM agency_files
WHERE refused_at < %(ends)s AND state IN ('refused', 'gone') AND (gone_at IS NULL OR gone_at >= %(ends)s)
ORDER BY refused_at, id LIMIT %(max_listed)s
"""

_SET_ASIDE = f"""
SELECT {_DIRECTION} AS direction, source_id, source_name AS name,
       coalesce(last_error, 'no reason was noted') AS reason, set_aside_at AS since, count(*) OVER () AS total
FROM transfers t
WHERE (moved_at IS NULL OR moved_at >= %(ends)s) AND set_aside_at < %(ends)s AND {_OUTCOME} = 'set_aside'
  AND NOT {_REFUSED_LATER}
ORDER BY set_aside_at, id LIMIT %(max_listed)s
"""

_UNDELIVERABLE = """
SELECT id, template, coalesce(last_error, 'no reason was noted') AS reason, created_at AS since,
       count(*) OVER () AS total
FROM notifications WHERE state = 'set_aside' AND created_at < %(ends)s AND %(is_latest)s
ORDER BY created_at, id LIMIT %(max_listed)s
"""

_OUTAGES = """
SELECT system, message, began_at AS since FROM outages
WHERE began_at < %(ends)s AND (ended_at IS NULL OR ended_at >= %(ends)s) ORDER BY began_at, id
"""

_REDS = """
SELECT name, message, began_at AS since FROM reds
WHERE began_at < %(ends)s AND (ended_at IS NULL OR ended_at >= %(ends)s) ORDER BY began_at, id
"""

_IS_OPEN_FINDING = "found_at < %(ends)s AND (gone_at IS NULL OR gone_at >= %(ends)s)"
_FINDINGS = f"""
SELECT kind, name, detail, thing, thing_id, found_at AS since, count(*) OVER () AS total
FROM audit_findings WHERE {_IS_OPEN_FINDING} ORDER BY found_at, id LIMIT {MAX_FINDINGS}
"""
_FINDING_COUNTS = f"""
SELECT count(*) FILTER (WHERE found_at >= %(begins)s AND {_IS_OPEN_FINDING}) AS found,
       count(*) FILTER (WHERE gone_at >= %(begins)s AND gone_at < %(ends)s) AS gone
FROM audit_findings
"""

_TREND = f"""
SELECT %(trend_days)s - width_bucket(moved_at, %(days_begin)s::timestamptz[]) AS days_ago, {_DIRECTION} AS direction,
       count(*) AS moved,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_s) AS median_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_s) AS p95_s
FROM (
    SELECT route, moved_at,
           CASE WHEN moved_at >= first_seen_at THEN extract(epoch FROM moved_at - first_seen_at)::float8
           END AS latency_s
    FROM transfers WHERE moved_at >= %(trend_begins)s AND moved_at < %(ends)s
) AS moved GROUP BY 1, 2
"""

_MOVED_FILES = f"""
SELECT moved_at, {_DIRECTION} AS direction, campaign_number, campaign_name, tracking_id, source_name AS file,
       target_name AS arrived_as, size_bytes
FROM transfers LEFT JOIN campaign_status USING (campaign_id)
WHERE moved_at >= %(begins)s AND moved_at < %(ends)s
ORDER BY moved_at, transfers.id LIMIT {MAX_MOVED_FILES}
"""

#: No limit for the latest day, no row for any other.
_IF_LATEST = SQL(" LIMIT %(if_latest)s")

_REPORTED = "SELECT day AS date FROM daily_reports WHERE day < %(date)s"


def take_snapshot(cursor: Cursor) -> None:
    """Let all that follows in the transaction see the database as it is at one moment; must come first in it."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def read_frames(
    cursor: Cursor,
    day: ReportDay,
    *,
    routes: Routes,
    max_days_in_status: Mapping[str, float | None],
    is_latest: bool,
) -> ReportFrames:
    """Count the day; all counts are of one moment if the transaction began with `take_snapshot`.

    Of a day that is not the latest what has only a present state is left out.
    """
    values = {**_values(day, routes), "is_latest": is_latest, "if_latest": None if is_latest else 0}
    flows = _frame(cursor, _FLOWS, values)
    searched = [route.status_before for route in routes.masters]
    in_work = [*searched, *routes.with_agency] if is_latest else []
    with_files = flows["campaign_id"].dropna().unique().tolist()
    return ReportFrames(
        flows=flows,
        campaigns=_frame(cursor, _CAMPAIGNS, {**values, "statuses": in_work, "with_files": with_files}),
        differences=_frame(cursor, _DIFFERENCES, values),
        failing=_frame(cursor, SQL(_FAILING) + _IF_LATEST, values),
        unbegun=_frame(cursor, _per_route(_UNBEGUN, routes) + SQL("ORDER BY since, campaign_id") + _IF_LATEST, values),
        troubled=_frame(cursor, _per_route(_TROUBLED, routes) + _WORST_FIRST + _IF_LATEST, values),
        retry_status=_frame(cursor, _per_route(_RETRY_STATUS, routes) + SQL("ORDER BY status") + _IF_LATEST, values),
        overdue=_frame(
            cursor,
            SQL(OVERDUE) + _IF_LATEST,
            values | overdue_values(max_days_in_status, searched, day.ends_at),
        ),
        ready=_ready(cursor, routes if is_latest else None),
        refused=_frame(cursor, _REFUSED, values),
        set_aside=_frame(cursor, _SET_ASIDE, values),
        undeliverable=_frame(cursor, _UNDELIVERABLE, values),
        outages=_frame(cursor, _OUTAGES, values),
        reds=_frame(cursor, _REDS, values),
        findings=_frame(cursor, _FINDINGS, values),
        finding_counts=_frame(cursor, _FINDING_COUNTS, values),
        trend=_frame(cursor, _TREND, values),
        moved_files=_frame(cursor, _MOVED_FILES, values),
        reported=_frame(cursor, _REPORTED, values),
        unsent=_frame(cursor, SQL(UNSENT) + _IF_LATEST, values),
    )


def _ready(cursor: Cursor, routes: Routes | None) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # slow to load

    found = [complete_campaigns(cursor, routes, route) for route in routes.finals] if routes else []
    return pd.DataFrame({"campaign_id": [campaign.id for campaigns in found for campaign in campaigns]})


def _values(day: ReportDay, routes: Routes) -> dict[str, Any]:
    days_begin = [
        *(min(day.begins_at, day.before(ago).begins_at) for ago in range(TREND_DAYS - 1, 0, -1)),
        day.begins_at,
    ]
    return {
        "begins": day.begins_at,
        "ends": day.ends_at,
        "date": day.date,
        "finals": [route.name for route in routes.finals],
        "to_box": DIRECTIONS[0],
        "to_dam": DIRECTIONS[1],
        "max_listed": MAX_LISTED,
        "trend_days": TREND_DAYS,
        "trend_begins": days_begin[0],
        "days_begin": days_begin,
    }


def _per_route(query: str, routes: Routes) -> Composable:
    names = ("retry_count", "error_count", "last_retry_at", "stuck_since", "permanently_failed", "failure_reason")
    return SQL(" UNION ALL ").join(
        SQL(query).format(
            route=Literal(route.name),
            status=Literal(route.status_before),
            **{name: Identifier(f"{route.column_prefix}_{name}") for name in names},
        )
        for route in routes.masters
    )


def _frame(cursor: Cursor, query: str | Composable, values: dict[str, Any] | None = None) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # slow to load

    cursor.execute(query, values)
    columns = [column.name for column in cursor.description or ()]
    return pd.DataFrame(cursor.fetchall(), columns=columns)
