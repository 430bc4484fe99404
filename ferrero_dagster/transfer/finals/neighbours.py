"""What the tables of other programs say of finals: of those that come at the same time asked in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.creativex import CreativeX, creativex_in
from ferrero_dagster.domain.edits import Edits, names_of
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.overrides import edits_for
from ferrero_dagster.tracking.scores import FinalToScore, FoundScore, newest_scores
from ferrero_dagster.transfer.group_commit import GroupQuestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Of one final: its score in the table of scores, and what people set for it."""

    creativex: CreativeX
    edits: Edits


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    name: AgencyName
    box_name: str
    sha1_hex: str


class Neighbours:
    """Safe to share between threads; a table that is not there says nothing."""

    def __init__(self, database: Database, site: Site) -> None:
        self._site = site
        self._questions = GroupQuestion[_Question, Told](lambda asked: database.transact(self._told, asked))

    def told(self, name: AgencyName, box_name: str, *, sha1_hex: str = "") -> Told:
        """What they say of a final with this name and, as far as it is known, this content."""
        return self._questions.answer(_Question(name=name, box_name=box_name, sha1_hex=sha1_hex))

    def _told(self, cursor: Cursor, asked: Sequence[_Question]) -> list[Told]:
        return [
            Told(creativex=creativex, edits=edits)
            for creativex, edits in zip(self._scores(cursor, asked), self._edits(cursor, asked), strict=True)
        ]

    def _scores(self, cursor: Cursor, asked: Sequence[_Question]) -> list[CreativeX]:
        site = self._site.creativex
        if "scores_table" not in site.sources:
            return [CreativeX()] * len(asked)
        wanted = [
            FinalToScore(name=one.name.clean_name, tracking_id=one.name.tracking_id, sha1_hex=one.sha1_hex)
            for one in asked
        ]
        return [self._creativex(row, problem) for row, problem in newest_scores(cursor, site, wanted)]

    def _creativex(self, row: FoundScore | None, problem: str | None) -> CreativeX:
        if row is None:
            return CreativeX(notes=(problem,) if problem else ())
        site = self._site.creativex
        found = creativex_in(
            {f"{site.scores_table}.{site.columns.get('score')}": row.score},
            {f"{site.scores_table}.{site.columns.get('url')}": row.url},
        )
        return replace(found, fingerprint=row.fingerprint, is_old=row.is_old)

    def _edits(self, cursor: Cursor, asked: Sequence[_Question]) -> list[Edits]:
        """Under the final's name in the DAM or the one in Box."""
        names = [names_of(one.name.clean_name, one.box_name) for one in asked]
        return edits_for(cursor, self._site.overrides, names, self._site.representation_rules.field_ids)
