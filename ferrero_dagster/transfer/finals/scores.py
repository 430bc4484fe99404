"""Asks for a final's CreativeX score, place after place; none of them ever holds up the final (SPEC 4.3, 12)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ferrero_dagster.clients.box_agency import FileNow
from ferrero_dagster.config.neighbours import ScorePlace
from ferrero_dagster.domain.creativex import CreativeX, creativex_of, preferred
from ferrero_dagster.domain.errors import FerreroError, GoneFromBox
from ferrero_dagster.domain.filenames import AgencyName
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.tracking import final_scores
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreQuestion:
    """A final in transit whose score is wanted."""

    systems: Systems
    file: ListedFile
    now: FileNow
    name: AgencyName
    sha1_hex: str
    #: What the table of scores says of it.
    in_table: CreativeX

    def answer(self) -> CreativeX:
        """What the first of the site's places says that has a score.

        Raises:
            GoneFromBox: the file is no longer there.
        """
        return preferred(self._answers())

    def _answers(self) -> Iterator[CreativeX]:
        places: dict[ScorePlace, Callable[[], CreativeX]] = {
            "scores_table": lambda: self.in_table,
            "box_template": self._in_box,
        }
        for place in self.systems.site.creativex.sources:
            found = replace(places[place](), place=place)
            yield found
            if found.score is not None:
                return

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
