"""Where the tables contradict each other, or have waited for too long: what an audit finds without asking anybody."""

from ferrero_dagster.config.routes import Routes
from ferrero_dagster.domain import audit
from ferrero_dagster.domain.audit import Finding
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking.database import Cursor

_SINCE = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'"
_LONG_AGO = "now() - %(stuck_hours)s * interval '1 hour'"
_STATUSES = """unnest(%(masters)s::text[], %(before)s::text[], %(after)s::text[])
               AS r (route, status_before, status_after)"""
_CAMPAIGN = """'campaign ' || c.campaign_id || ' on ' || r.route AS about,
       coalesce(nullif(concat_ws(' ', campaign_number, campaign_name), ''), c.campaign_id) AS name"""
#: A campaign on a route whose status says that all has moved, while files are open.
_IS_AHEAD = """c.status::text = r.status_after AND EXISTS (
    SELECT FROM transfers o WHERE o.route = r.route AND o.campaign_id = c.campaign_id
       AND o.state IN ('pending', 'set_aside'))"""
_IN_CAMPAIGN = "'campaign' AS thing, t.campaign_id AS thing_id"
_OF_TRANSFER = "'transfer ' || t.id AS about, t.source_name AS name, t.route, t.campaign_id, t.tracking_id"
_IS_FINAL = "t.route = ANY(%(finals)s)"

#: By kind, each with the columns of a finding; what has no transfer has no route.
_QUERIES = {
    audit.STUCK: f"""
        SELECT {_OF_TRANSFER}, 'Nothing was tried since ' || {_SINCE.format("t.updated_at")} || '.' AS detail,
               {_IN_CAMPAIGN}
        FROM transfers t
        WHERE t.state = 'pending' AND t.import_began_at IS NULL AND t.updated_at < {_LONG_AGO}
          AND NOT EXISTS (SELECT FROM campaign_status c, {_STATUSES}
                          WHERE c.campaign_id = t.campaign_id AND r.route = t.route AND {_IS_AHEAD})""",
    audit.UNENDED_IMPORT: f"""
        SELECT {_OF_TRANSFER}, 'It was begun at ' || {_SINCE.format("t.import_began_at")} || '.' AS detail,
               {_IN_CAMPAIGN}
        FROM transfers t WHERE t.state = 'pending' AND t.import_began_at < {_LONG_AGO}""",
    audit.STATUS_AHEAD: f"""
        SELECT {_CAMPAIGN}, r.route, c.campaign_id, NULL AS tracking_id,
               'It is in ' || c.status::text || ', and of its files on ' || r.route || ' so many are not in Box: ' || (
                   SELECT count(*) FROM transfers o WHERE o.route = r.route AND o.campaign_id = c.campaign_id
                      AND o.state IN ('pending', 'set_aside')) || '.' AS detail,
               'campaign' AS thing, c.campaign_id AS thing_id
        FROM campaign_status c, {_STATUSES} WHERE {_IS_AHEAD}""",
    audit.STATUS_BEHIND: f"""
        SELECT {_CAMPAIGN}, r.route, c.campaign_id, NULL AS tracking_id,
               'It is still in ' || c.status::text || ', and all of its files on ' || r.route || ' are in Box.'
                   AS detail,
               'campaign' AS thing, c.campaign_id AS thing_id
        FROM campaign_status c JOIN {_STATUSES} ON c.status::text = r.status_before
        CROSS JOIN LATERAL (
            SELECT bool_and(state = 'moved') AS all_moved, max(coalesce(moved_at, created_at)) AS last_at
            FROM transfers t
            WHERE t.route = r.route AND t.campaign_id = c.campaign_id AND t.state <> 'withdrawn') AS files
        WHERE all_moved AND greatest(last_at, c.status_since) < {_LONG_AGO}""",
    audit.MASTER_WITHOUT_TRANSFER: """
        SELECT 'master ' || m.tracking_id AS about, coalesce(asset_name, opentext_id::text, m.tracking_id) AS name,
               '' AS route, m.campaign_id, m.tracking_id, 'It is active, and no transfer tells how it came.' AS detail,
               CASE WHEN box_file_id IS NULL THEN 'campaign' ELSE 'box_file' END AS thing,
               coalesce(box_file_id::text, m.campaign_id, '') AS thing_id
        FROM master_assets m
        WHERE m.status = 'active' AND original_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM transfers t WHERE t.tracking_id = m.tracking_id)""",
    audit.TRANSFER_WITHOUT_MASTER: f"""
        SELECT {_OF_TRANSFER}, 'It is in Box as ' || coalesce(t.target_name, 'a file') || '.' AS detail,
               'box_file' AS thing, coalesce(t.target_id, '') AS thing_id
        FROM transfers t
        WHERE t.state = 'moved' AND t.route = ANY(%(masters)s)
          AND NOT EXISTS (SELECT FROM master_assets m WHERE m.tracking_id = t.tracking_id)""",
    audit.OTHER_BOX_FILE: """
        SELECT 'master ' || m.tracking_id AS about, coalesce(asset_name, opentext_id::text, m.tracking_id) AS name,
               '' AS route, m.campaign_id, m.tracking_id,
               'master_assets says Box file ' || m.box_file_id::text || ', its transfer ' || (
                   SELECT max(target_id) FROM transfers t WHERE t.tracking_id = m.tracking_id
                      AND t.state = 'moved' AND t.route = ANY(%(masters)s)) || '.' AS detail,
               'box_file' AS thing, m.box_file_id::text AS thing_id
        FROM master_assets m
        WHERE m.status = 'active' AND m.box_file_id IS NOT NULL AND (
            SELECT bool_and(t.target_id <> m.box_file_id::text) FROM transfers t
            WHERE t.tracking_id = m.tracking_id AND t.state = 'moved' AND t.route = ANY(%(masters)s))""",
    audit.FINAL_WITHOUT_MASTER: """
        SELECT concat_ws(' ', 'final', d.tracking_id, derivative_filename) AS about,
               coalesce(derivative_filename, d.tracking_id) AS name, '' AS route, d.campaign_id, d.tracking_id,
               'No master has its tracking ID ' || d.tracking_id || '.' AS detail, 'asset' AS thing,
               coalesce(d.dam_asset_id::text, '') AS thing_id
        FROM derivative_assets d
        WHERE d.status = 'active' AND NOT EXISTS (SELECT FROM master_assets m WHERE m.tracking_id = d.tracking_id)""",
    audit.FINAL_WITHOUT_TRANSFER: """
        SELECT 'final of transfer ' || d.transfer_id AS about, coalesce(derivative_filename, d.tracking_id) AS name,
               '' AS route, d.campaign_id, d.tracking_id,
               'Its row names transfer ' || d.transfer_id || ', which did not make it.' AS detail, 'asset' AS thing,
               coalesce(d.dam_asset_id::text, '') AS thing_id
        FROM derivative_assets d
        WHERE d.transfer_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM transfers t WHERE t.id = d.transfer_id AND t.state = 'moved'
               AND t.target_id IS NOT DISTINCT FROM d.dam_asset_id::text)""",
    audit.TRANSFER_WITHOUT_FINAL: f"""
        SELECT {_OF_TRANSFER}, 'It is in the DAM as ' || coalesce(t.target_name, 'an asset') || '.' AS detail,
               'asset' AS thing, coalesce(t.target_id, '') AS thing_id
        FROM transfers t
        WHERE t.state = 'moved' AND {_IS_FINAL}
          AND NOT EXISTS (SELECT FROM derivative_assets d WHERE d.transfer_id = t.id)""",
}
KINDS = tuple(kind.name for kind in _QUERIES)


def contradictions(
    cursor: Cursor,
    routes: Routes,
    kind: str,
    *,
    after: str,
    limit: int,
    stuck_hours: float,
    campaign_id: DamId | None = None,
) -> list[Finding]:
    """The next so many findings of this kind, of all campaigns or one, ordered by what they are `about`."""
    cursor.execute(
        f"""
        SELECT * FROM ({_QUERIES[audit.KINDS[kind]]}) AS found
        WHERE about COLLATE "C" > %(last)s AND (%(campaign_id)s IS NULL OR campaign_id = %(campaign_id)s)
        ORDER BY about COLLATE "C" LIMIT %(limit)s
        """,
        {
            "masters": [route.name for route in routes.masters],
            "before": [route.status_before for route in routes.masters],
            "after": [route.status_after for route in routes.masters],
            "finals": [route.name for route in routes.finals],
            "stuck_hours": stuck_hours,
            "last": after,
            "limit": limit,
            "campaign_id": campaign_id,
        },
    )
    return [Finding(kind=kind, **row) for row in cursor.fetchall()]
