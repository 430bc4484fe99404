"""Whether anything has changed in the agency's folder: one call to Box instead of one per thousand files (SPEC 4.1)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.config.routes import FinalsRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.box_events import BoxEvent
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.domain.triage import KnownFile, ListedFile
from ferrero_dagster.tracking import agency_files, agency_looks
from ferrero_dagster.tracking.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What Box says of the folder before it is listed."""

    #: Of Box's events: the listing holds what happened before.
    position: str | None = None
    #: The files that wait, where nothing has changed since the tables were written; None: the folder is to be listed.
    waiting: Sequence[tuple[KnownFile, ListedFile]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """Asks Box's stream of events, from the position where the last look stopped.

    A folder's own marks (etag, modified_at, size) would not do: Box does not promise that they move with what lies in
    it. Events may be late or never come, and so may what announces them, so the folder is listed every
    `looks.full_listing_minutes` all the same.
    """

    agency: BoxAgency
    database: Database
    site: Site
    route: FinalsRoute
    folder_id: BoxId

    def read(self) -> Mark:
        """What a look begins with; a listing that is to be made is begun."""
        last = self.database.transact(agency_looks.last_look, self.route.name)
        if last is None or last.rules != self._rules or last.position is None:
            return self._begun(self.agency.position_now())
        if last.since_listed_s is None:
            return Mark(position=last.position)
        if last.since_listed_s >= 60 * self.site.looks.full_listing_minutes:
            return self._begun(self.agency.position_now())
        return self._since(last.position)

    def _since(self, before: str) -> Mark:
        position = before
        for page in self.agency.events_after(before, listens=self.site.looks.long_poll):
            if page is None:
                return self._begun(self.agency.position_now())
            events, position = page
            if self._any_concerns(events):
                return self._begun(position)
        waiting = self.database.transact(agency_files.waiting_files, self.route.name)
        if not all(listed.sha1_hex for _, listed in waiting):
            return self._begun(position)
        if position != before:
            self.database.transact(agency_looks.advance, self.route.name, position, before=before)
        return Mark(position=position, waiting=waiting)

    def _any_concerns(self, events: Collection[BoxEvent]) -> bool:
        ids = {event.item_id for event in events if event.item_id}
        known = self.database.transact(agency_files.present, self.route.name, ids) if ids else set()
        subfolders = self.site.agency.include_subfolders
        return any(event.may_concern(self.folder_id, known=known, subfolders=subfolders) for event in events)

    def _begun(self, position: str | None) -> Mark:
        self.database.transact(agency_looks.begin_listing, self.route.name, position, self._rules)
        return Mark(position=position)

    @property
    def _rules(self) -> str:
        """A digest of what files are judged by: with other settings all are looked at anew."""
        said = [self.folder_id, self.site.agency.model_dump_json(), self.site.naming.model_dump_json()]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()
