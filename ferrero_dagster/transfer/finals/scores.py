"""Asks for a final's CreativeX score, place after place; none of them ever holds up the final (SPEC 4.3, 12)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ferrero_dagster.clients.box_agency import FileNow
from ferrero_dagster.config.neighbours import CreativexSite, ScorePlace
from ferrero_dagster.domain.creativex import CreativeX, creativex_in, creativex_of, preferred
from ferrero_dagster.domain.errors import FerreroError, GoneFromBox
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.tracking import final_scores
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.scores import newest_score
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreQuestion:
    """A final in transit whose score is wanted."""

    systems: Systems
    file: ListedFile
    now: FileNow
    name: AgencyName
    sha1_hex: str

    def answer(self) -> CreativeX:
        """What the first of the site's places says that has a score.

        Raises:
            GoneFromBox: the file is no longer there.
        """
        return preferred(self._answers())

    def _answers(self) -> Iterator[CreativeX]:
        places: dict[ScorePlace, Callable[[], CreativeX]] = {
            "scores_table": self._in_the_table,
            "box_template": self._in_box,
        }
        for place in self.systems.site.creativex.sources:
            found = replace(places[place](), place=place)
            yield found
            if found.score is not None:
                return

    def _in_the_table(self) -> CreativeX:
        systems = self.systems
        return score_in_table(systems.database, systems.site.creativex, self.name, sha1_hex=self.sha1_hex)

    def _in_box(self) -> CreativeX:
        """What the template says now; where Box refuses to tell, what it said in the listing, or nothing."""
        try:
            found = creativex_of(self.now.template or self.systems.agency.instance(self.file.id))
        except GoneFromBox:
            raise
        except FerreroError as error:
            listed = creativex_of(self.file.template)
            found = replace(listed, notes=(*listed.notes, f"CreativeX could not be read: {error}"))
        return replace(found, is_old=self._is_link_of_before(found.url))

    def _is_link_of_before(self, url: str | None) -> bool:
        name = self.name
        return url is not None and self.systems.database.transact(
            final_scores.is_link_of_before,
            url,
            name=name.clean_name,
            tracking_id=name.tracking_id,
            sha1_hex=self.sha1_hex,
        )


def score_in_table(database: Database, site: CreativexSite, name: AgencyName, *, sha1_hex: str = "") -> CreativeX:
    """What the table of scores says of a final with this name and, as far as it is known, this content."""
    row, problem = database.transact(newest_score, site, name.clean_name, name.tracking_id, sha1_hex)
    if row is None:
        return CreativeX(notes=(problem,) if problem else ())
    found = creativex_in(
        {f"{site.scores_table}.{site.columns.get('score')}": row.score},
        {f"{site.scores_table}.{site.columns.get('url')}": row.url},
    )
    return replace(found, fingerprint=row.fingerprint, is_old=row.is_old)
