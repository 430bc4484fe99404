"""A campaign's masters as the rows say against its folders in Box, both ways; nothing is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ferrero_dagster.domain import audit
from ferrero_dagster.domain.audit import Finding, Kind, Looked, Owned, strangers_in_box, tracking_id_in
from ferrero_dagster.domain.errors import FerreroError, Incident
from ferrero_dagster.domain.files import ToBox
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.triage import ListedFile
from ferrero_dagster.tracking import audited
from ferrero_dagster.tracking.database import Cursor
from ferrero_dagster.transfer.masters.presence import Sighting, compared, look_for
from ferrero_dagster.transfer.pace import Pace
from ferrero_dagster.transfer.systems import Systems

_PAGE_SIZE = 1000
#: So many masters of the cron scripts are looked for until one tells the folder of all.
_MAX_GUESSES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class MastersAudit:
    """Looks at one campaign after the other."""

    systems: Systems
    pace: Pace
    log: Callable[[str], None]

    def look(self, route: str, campaign_id: DamId) -> Looked:
        """One call for each thousand files in the campaign's folders, and one for each master that is not there.

        Raises:
            Incident: Box cannot be asked.
        """
        try:
            return self._look(route, campaign_id)
        except Incident:
            raise
        except FerreroError as error:
            self.log(f"Campaign {campaign_id} could not be looked at in Box: {error}")
            return Looked(is_whole=False)

    def _look(self, route: str, campaign_id: DamId) -> Looked:
        listed = self._listed(route, campaign_id)
        # What arrives after the listing is in the rows, too, and is asked for by its id.
        masters, owned = self.systems.database.transact(self._read, route, campaign_id, listed)
        if owned is None:
            self.log(f"Campaign {campaign_id} is being moved just now; the next audit looks at it.")
            return Looked(is_whole=False)
        seen = _Seen()
        by_name = {file.name.casefold(): file for file in listed.values()}
        for master in masters:
            self._see(seen, master, listed, by_name)
        others = [file for file in listed.values() if file.id not in seen.replacing]
        strangers = strangers_in_box(others, owned, excused=seen.missing)
        return Looked(findings=(*seen.findings, *strangers), is_whole=seen.is_whole)

    def _read(
        self, cursor: Cursor, route: str, campaign_id: DamId, listed: dict[BoxId, ListedFile]
    ) -> tuple[list[ToBox], Owned | None]:
        typed = [typed for file in listed.values() if (typed := tracking_id_in(file.name))]
        routes = self.systems.site.routes
        owned = audited.owned(cursor, routes, route, campaign_id, files=list(listed), typed=typed)
        return audited.masters_in_box(cursor, route, campaign_id), owned

    def _listed(self, route: str, campaign_id: DamId) -> dict[BoxId, ListedFile]:
        """What lies in the campaign's folders."""
        folders = self.systems.database.transact(audited.box_folders, route, campaign_id)
        listed: dict[BoxId, ListedFile] = {}
        for folder_id in folders or self._guessed_folder(route, campaign_id):
            self.pace.take()
            files = self.systems.box.files_in(folder_id)
            self.pace.note(len(files) // _PAGE_SIZE)
            listed |= files
        return listed

    def _guessed_folder(self, route: str, campaign_id: DamId) -> list[BoxId]:
        """Where one of the masters lies whose folder nobody noted; not a folder that all campaigns share."""
        roots = set(self.systems.box_folders.values())
        masters = self.systems.database.transact(audited.masters_in_box, route, campaign_id)
        for master in masters[:_MAX_GUESSES]:
            self.pace.take()
            placed = self.systems.box.look_at(master.target_id) if master.target_id else None
            inside = [folder_id for folder_id, _ in placed.folders] if placed else []
            if roots & set(inside[:-1]):
                return inside[-1:]
        return []

    def _see(
        self, seen: "_Seen", master: ToBox, listed: dict[BoxId, ListedFile], by_name: dict[str, ListedFile]
    ) -> None:
        file = listed.get(master.target_id) if master.target_id else None
        try:
            if file and file.sha1_hex and not file.problem:
                seen.note(compared(master, file))
            else:
                self.pace.take()
                seen.note(look_for(self.systems, master, by_name))
        except Incident:
            raise
        except FerreroError as error:
            self.log(f"{master.source_name} could not be looked at in Box: {error}")
            seen.is_whole = False


@dataclass(kw_only=True)
class _Seen:
    """What became of a campaign's masters."""

    findings: list[Finding] = field(default_factory=list)
    #: Tracking IDs of those that are not where they should be.
    missing: set[TrackingId] = field(default_factory=set)
    #: Files of other content in their place.
    replacing: set[BoxId] = field(default_factory=set)
    is_whole: bool = True

    def note(self, sighting: Sighting) -> None:
        """A finding, unless the file is there."""
        for kind in _kinds(sighting):
            self.findings.append(_finding(kind, sighting))
            if sighting.file:
                self.replacing.add(sighting.file.id)
            else:
                self.missing.add(sighting.transfer.tracking_id)


def _kinds(sighting: Sighting) -> Iterator[Kind]:
    if sighting.is_replaced:
        yield audit.CHANGED_IN_BOX
    elif sighting.is_outside:
        yield audit.OUT_OF_FOLDERS
    elif not sighting.file:
        yield audit.MISSING_IN_BOX


def _finding(kind: Kind, sighting: Sighting) -> Finding:
    master = sighting.transfer
    shown_id = sighting.file.id if sighting.file else master.target_id if sighting.is_outside else None
    return Finding(
        kind=kind.name,
        about=f"transfer {master.id}" if master.id else f"master {master.tracking_id}",
        name=master.target_name or master.source_name,
        detail=sighting.note or "",
        route=master.route,
        campaign_id=master.campaign_id,
        tracking_id=master.tracking_id,
        thing="box_file" if shown_id else "campaign",
        thing_id=shown_id or master.campaign_id,
    )
