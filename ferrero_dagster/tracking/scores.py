"""`creativex_scores`: scores that the CreativeX service writes, found by the final's name in the DAM (SPEC 12).

The table is another program's: it is read as far as it is there, and the one row that we add is a master's own score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from psycopg2.sql import SQL, Composable, Identifier, Literal

from ferrero_dagster.config.neighbours import CreativexSite, ScoreColumn
from ferrero_dagster.domain.creativex import MasterScore
from ferrero_dagster.domain.ids import BoxId, TrackingId
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.tracking.final_scores import BEFORE, LateScore
from ferrero_dagster.tracking.neighbours import answered, attempted, column_types, identifier

_MAX_LENGTH = 2001  # what is longer is neither a score nor a link
_DATE_KIND = "D"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundScore:
    """A row of the table, as texts."""

    score: str | None
    url: str | None
    #: Which row in which state it is: another one has another fingerprint.
    fingerprint: str
    #: It is from before the last version of the final that came before this one, or that version's own.
    is_old: bool


@dataclass(frozen=True, slots=True)
class ScoresTable:
    """The table as the site names it and as it is; its SQL is about a row `s` of it."""

    site: CreativexSite
    kinds: dict[str, str]

    @classmethod
    def found(cls, cursor: Cursor, site: CreativexSite) -> "ScoresTable":
        """As it is now."""
        return cls(site, column_types(cursor, site.scores_table))

    @property
    def missing(self) -> list[str]:
        """Columns that the site names and the table lacks."""
        return [name for name in self.site.columns.values() if name and name not in self.kinds]

    @property
    def is_usable(self) -> bool:
        """Whether it says anything of anybody."""
        return self.has("name") and (self.has("score") or self.has("url"))

    def has(self, key: ScoreColumn) -> bool:
        """Whether there is such a column."""
        return self.site.columns.get(key) in self.kinds

    def column(self, key: ScoreColumn) -> Composable:
        """The column, or NULL where there is none."""
        return Identifier("s", str(self.site.columns[key])) if self.has(key) else SQL("NULL::text")

    def text(self, key: ScoreColumn) -> Composable:
        """Its text, the beginning of a huge one."""
        return SQL("left({}::text, {})").format(self.column(key), Literal(_MAX_LENGTH))

    @property
    def extracted_at(self) -> Composable:
        """When the score was made; NULL where the table keeps that in a form that is no time."""
        is_time = self.kinds.get(self.site.columns.get("extracted_at") or "") == _DATE_KIND
        return SQL("{}::timestamptz").format(self.column("extracted_at") if is_time else SQL("NULL"))

    @property
    def fingerprint(self) -> Composable:
        """One text for all that matters of a row."""
        columns = SQL(", ").join([self.text("extracted_at"), self.text("score"), self.text("url")])
        return SQL("md5(concat_ws('|', {}))").format(columns)

    @property
    def is_active(self) -> Composable:
        """Whether the row counts."""
        wanted = Literal(self.site.active_status)
        return SQL("{}::text = {}").format(self.column("status"), wanted) if self.has("status") else SQL("TRUE")

    @property
    def newest_first(self) -> Composable:
        """Which of several rows counts."""
        by_id = SQL(", s.id DESC") if "id" in self.kinds else SQL("")
        return SQL("{} DESC NULLS LAST").format(self.column("extracted_at")) + by_id


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalToScore:
    """A final by its name in the DAM; its content is told by `sha1_hex`, empty where that is not known yet."""

    name: str
    tracking_id: TrackingId
    sha1_hex: str = ""


def newest_scores(
    cursor: Cursor, site: CreativexSite, finals: Sequence[FinalToScore]
) -> list[tuple[FoundScore | None, str | None]]:
    """The newest active score of each final, and a sentence if the table cannot be used.

    A table that is not there is no score and needs no sentence.
    """
    return [
        (found[0] if found else None, problem)
        for found, problem in answered(cursor, site.scores_table, partial(_newest, site), finals)
    ]


def _newest(site: CreativexSite, cursor: Cursor, finals: Sequence[FinalToScore]) -> list[tuple[FoundScore | None]]:
    """Each in a tuple of one, since there being no score is an answer."""
    table = ScoresTable.found(cursor, site)
    if not table.is_usable:
        return [(None,)] * len(finals)
    query = SQL(_NEWEST).format(
        score=table.text("score"),
        url=table.text("url"),
        extracted_at=table.extracted_at,
        fingerprint=table.fingerprint,
        table=identifier(site.scores_table),
        name=table.column("name"),
        is_active=table.is_active,
        order=table.newest_first,
    )
    wanted = [(one.name, one.name.rpartition(".")[0] or one.name, one.tracking_id, one.sha1_hex) for one in finals]
    cursor.execute(query, [list(column) for column in zip(*wanted, strict=True)])
    rows = {row.pop("place"): FoundScore(**row) for row in cursor.fetchall()}
    return [(rows.get(place),) for place in range(1, len(finals) + 1)]


_NEWEST = f"""
SELECT w.place, found.score, found.url, found.fingerprint, coalesce(
    found.extracted_at < before.arrived_at OR found.fingerprint = before.fingerprint, FALSE) AS is_old
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
     WITH ORDINALITY AS w (name, stem, tracking_id, sha1, place)
CROSS JOIN LATERAL (
    SELECT {{score}} AS score, {{url}} AS url, {{extracted_at}} AS extracted_at, {{fingerprint}} AS fingerprint
    FROM {{table}} AS s WHERE {{name}}::text = ANY(ARRAY[w.name, w.stem]) AND {{is_active}} ORDER BY {{order}} LIMIT 1
) AS found
LEFT JOIN LATERAL ({BEFORE}) AS before ON TRUE
"""


def late_scores(cursor: Cursor, site: CreativexSite, limit: int) -> tuple[list[LateScore], str | None]:
    """Finals whose newest active score is not the one that they have, and a sentence if the table cannot be used.

    Those that were looked at last come last; of each row only the first look counts that came to an end.
    """
    if "scores_table" not in site.sources or not site.late_days:
        return [], None
    found, problem = attempted(cursor, site.scores_table, _late, site, limit)
    return found or [], problem


def _late(cursor: Cursor, site: CreativexSite, limit: int) -> list[LateScore]:
    table = ScoresTable.found(cursor, site)
    if not table.is_usable:
        return []
    query = SQL(_LATE).format(
        score=table.text("score"),
        url=table.text("url"),
        fingerprint=table.fingerprint,
        table=identifier(site.scores_table),
        name=table.column("name"),
        is_active=table.is_active,
        order=table.newest_first,
    )
    values = {"days": site.late_days, "is_first": site.sources[0] == "scores_table", "limit": limit}
    cursor.execute(query, values)
    return [LateScore(**row) for row in cursor.fetchall()]


_LATE = """
WITH finals AS (
    SELECT t.id AS transfer_id, t.campaign_id, t.tracking_id, t.source_name, t.target_name AS clean_name,
           t.target_id AS asset_id, f.sent, f.late_attempts AS attempts, f.looked_at, f.fingerprint AS known,
           f.late_fingerprint AS done
    FROM final_scores f JOIN transfers t ON t.id = f.transfer_id
    JOIN derivative_assets d ON d.transfer_id = t.id AND d.status = 'active'
    WHERE f.is_needed AND t.moved_at > now() - %(days)s * interval '1 day'
      AND (f.score IS NULL OR f.place = 'scores_table' OR %(is_first)s)
), named AS (
    SELECT transfer_id, name
    FROM finals, unnest(ARRAY[clean_name, regexp_replace(clean_name, '[.][^.]*$', '')]) AS name
), newest AS (
    SELECT DISTINCT ON (transfer_id) transfer_id, {score} AS score, {url} AS url, {fingerprint} AS fingerprint
    FROM named JOIN {table} AS s ON {name}::text = named.name WHERE {is_active} ORDER BY transfer_id, {order}
)
SELECT transfer_id, campaign_id, tracking_id, source_name, clean_name, asset_id, sent, attempts, score, url, fingerprint
FROM finals JOIN newest USING (transfer_id)
WHERE fingerprint IS DISTINCT FROM known AND fingerprint IS DISTINCT FROM done
ORDER BY looked_at NULLS FIRST, transfer_id LIMIT %(limit)s
"""


# --- a master's own score ----------------------------------------------------------------------------------------


def keep_master_score(cursor: Cursor, site: CreativexSite, master: MasterScore, box_file_id: BoxId) -> str | None:
    """A master that is in Box has this score in its metadata: one row for each name and score; idempotent.

    A sentence where the table is there and does not take it; that never holds up the master.
    """
    _, problem = attempted(cursor, site.scores_table, _keep, site, master, box_file_id)
    return problem


def _keep(cursor: Cursor, site: CreativexSite, master: MasterScore, box_file_id: BoxId) -> None:
    table = ScoresTable.found(cursor, site)
    if not (table.has("name") and table.has("score") and table.has("status")):
        return
    values = {
        "name": master.name,
        "score": master.score,
        "url": master.url,
        "status": site.master_status,
        "box_file_id": box_file_id,
    }
    ours: dict[ScoreColumn, Composable] = {
        "name": SQL("%(name)s"),
        "score": SQL("%(score)s"),
        "url": SQL("%(url)s"),
        "status": SQL("%(status)s"),
        "box_file_id": SQL("%(box_file_id)s"),
        "extracted_at": SQL("now()"),
    }
    there = [key for key in ours if table.has(key)]
    query = SQL(_KEEP).format(
        table=identifier(site.scores_table),
        columns=SQL(", ").join(Identifier(str(site.columns[key])) for key in there),
        values=SQL(", ").join(ours[key] for key in there),
        name=table.column("name"),
        score=table.column("score"),
        status=table.column("status"),
    )
    cursor.execute(query, values)


_KEEP = """
INSERT INTO {table} ({columns}) SELECT {values} WHERE NOT EXISTS (
    SELECT FROM {table} AS s
    WHERE {name}::text = %(name)s AND {score}::text = %(score)s AND {status}::text = %(status)s)
ON CONFLICT DO NOTHING
"""
