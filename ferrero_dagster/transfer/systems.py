"""What a run works with, and whom it tells."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.tracking.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Systems:
    """The outside systems and the site, opened."""

    dam: Otmm
    imports: OtmmImports
    box: Box
    agency: BoxAgency
    database: Database
    site: Site
    #: Ids of the Box folders by their names in `Route.box_root`, and `agency_uploads`.
    box_folders: dict[str, BoxId]
    temp_dir: Path | None
    #: Whether Make.com is to be told.
    has_webhook: bool

    def pushbacks(self) -> int:
        """How often the DAM and Box have asked us to slow down so far."""
        return self.dam.tempo.pushbacks + self.agency.tempo.pushbacks


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """Whom a run tells what it does; called from the run's main thread only."""

    run_id: str
    log: Callable[[str], None]
    on_moved: Callable[[MovedFile], None]
    #: The campaign as its run is called, for people.
    about: str = ""
    #: Told once the campaign was read, before anything is moved.
    on_campaign: Callable[[Campaign], None] = lambda _: None
