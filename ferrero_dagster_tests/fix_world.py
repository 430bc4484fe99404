"""All outside systems at once with our own code opened on them, and what they hold in the end as one value."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from box_sdk_gen import BoxClient
from pydantic import BaseModel

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_agency import BoxAgency
from ferrero_dagster.clients.box_session import close_box_client, open_box_client, read_box_config
from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.clients.otmm_login import OAuthLogin
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.ids import BoxId, DamId
from ferrero_dagster.messages.facts import MovedFile
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.otmm.sample import CAMPAIGN_NUMBER
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.transfer.masters.look import MastersLook, MastersLooker
from ferrero_dagster.transfer.masters.run import MastersOutcome, move_masters
from ferrero_dagster.transfer.systems import Systems, Watcher
from ferrero_dagster_tests.fix_sandbox import DAM_LOGIN, QUICK, ServedBox, ServedDam
from ferrero_dagster_tests.tracking.cron_database import run_sql

ROUTES = sandbox_site().routes
A1, A5, B1 = ROUTES.masters
(A2,) = ROUTES.finals
AGENCY_FOLDER = BoxId(sandbox_site().box.ids[A2.inbox])
#: Names and bytes of the assets of a campaign that nobody cares about in particular.
ASSETS = {"Hero film.mp4": b"film" * 5000, "Key visual.tif": b"\x00\xff" * 900, "a/b: c?.png": b"x"}


@dataclass(repr=False)
class World:
    """The systems of one test, empty at first, and what its runs said and reported."""

    dam: ServedDam
    box: ServedBox
    database: Database
    database_url: str
    systems: Systems
    said: list[str] = field(default_factory=list)
    events: list[MovedFile] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def campaign(
        self,
        assets: dict[str, bytes] | None = None,
        *,
        route: MastersRoute = A1,
        name: str = "Spring",
        **properties: Any,
    ) -> DamId:
        """The id of a campaign in the DAM that is ready for the route, with these assets in its source folder."""
        number = next(self._numbers)
        values = {
            "campaign_id": f"{number:040x}",
            "number": f"C{number:09}",
            "status": route.status_before,
            "type": route.campaign_type,
            "folders": dict.fromkeys((route.source_folder, route.upload_folder)),
        }
        campaign_id = DamId(self.dam.store.add_campaign(name=name, **{**values, **properties}))
        for asset, content in (ASSETS if assets is None else assets).items():
            self.add_asset(campaign_id, asset, content, route=route)
        return campaign_id

    def add_asset(
        self, campaign_id: str, name: str, content: bytes, *, route: MastersRoute = A1, **properties: Any
    ) -> str:
        """The id of one more asset in the source folder."""
        store = self.dam.store
        return store.add_asset(store.folder(campaign_id, route.source_folder), name, content, **properties)

    def with_site(self, **sections: dict[str, Any]) -> "World":
        """The same systems at a site with other settings, for example `campaigns={"per_tick": 3}`."""
        return replace(self, systems=with_site(self.systems, **sections))

    def with_locks(self) -> "World":
        """The same systems at a site that locks what it changes in the DAM."""
        site = self.systems.site.dam.model_copy(update={"status_change": "locked"})
        return replace(self, systems=replace(self.systems, dam=Otmm(self.systems.dam._session, site)))

    def run(self, campaign_id: DamId, route: MastersRoute = A1, *, run_id: str = "run") -> MastersOutcome:
        """One run of the campaign."""
        watcher = Watcher(run_id=run_id, log=self.said.append, on_moved=self.events.append)
        held = self._held_locks()
        try:
            return move_masters(route, campaign_id, self.systems, watcher)
        finally:
            # PostgreSQL, if it is there, frees a closed connection's lock a moment later; the next run comes sooner.
            with suppress(psycopg2.OperationalError):
                while self._held_locks() > held:
                    continue

    def _held_locks(self) -> int:
        [(count,)] = self.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database IS NOT NULL")
        return int(count)

    def look(self, route: MastersRoute = A1, *, running: tuple[DamId, ...] = (), **changes: Any) -> MastersLook:
        """One look for campaigns, an interval after the last; those running do so on this route."""
        s = self.systems
        looker = MastersLooker(dam=s.dam, route=route, database=s.database, site=s.site, interval_s=0)
        return replace(looker, **changes).look(running=running, on_route=len(running))

    def sql(self, *statements: str, of: str | None = None) -> list[Any]:
        """What psql would say; YOUR_CAMPAIGN_ID is put in its place."""
        rows: list[Any] = run_sql(self.database_url, *statements, of=of)
        return rows

    def templates(self, channel: str = "mail") -> list[str]:
        """The names of the messages written so far, in their order."""
        query = "SELECT template FROM notifications WHERE channel = '{}' ORDER BY id"
        return [template for (template,) in self.sql(query.format(channel))]

    def files(self) -> list[tuple[str, str]]:
        """Path and SHA-1 of all files in Box, with TRACKID for tracking IDs that a master really has."""
        known = {tracking_id for (tracking_id,) in self.sql("SELECT tracking_id FROM transfers")}
        return sorted((_anonymous(path, known), sha1_hex) for path, sha1_hex in self.box.store.tree().items())

    def end_state(self, campaign_id: str) -> dict[str, Any]:
        """What DAM, Box, PostgreSQL and outbox hold of a campaign, free of ids, numbers and times of this run."""
        number = self.dam.store.value(campaign_id, CAMPAIGN_NUMBER)
        ids = {asset.id: asset.name for asset in self.dam.store.records.items()} | {campaign_id: "ID", number: "NUMBER"}
        state = {
            "status": self.dam.store.status(campaign_id),
            "locked by": self.dam.store.item(campaign_id).locked_by,
            "Box": [(path, sha1_hex) for path, sha1_hex in self.files() if f"/{number}-" in path],
            **{name: self.sql(query, of=campaign_id) for name, query in _ROWS.items()},
        }
        text = json.dumps(state, indent=1, default=str)
        values: dict[str, Any] = json.loads(re.sub(r"[0-9a-f]{40}|C\d{9}", lambda m: ids.get(m[0], m[0]), text))
        return values

    def no_fault(self) -> dict[str, Any]:
        """The end state of a campaign with ASSETS that moved while all was well."""
        campaign_id = self.campaign()
        self.run(campaign_id)
        self.said.clear()
        self.events.clear()
        return self.end_state(campaign_id)


_ROWS = {
    "masters": """SELECT asset_name, opentext_id, status, upload_directory, box_file_id IS NOT NULL,
        full_metadata IS NOT NULL, description, extracted_fields
        FROM master_assets WHERE campaign_id = 'YOUR_CAMPAIGN_ID' ORDER BY asset_name""",
    "transfers": """SELECT route, source_id, source_version, source_name, state, size_bytes, sha1_hex, source_hash
        FROM transfers WHERE campaign_id = 'YOUR_CAMPAIGN_ID' ORDER BY source_name""",
    "campaign": """SELECT status, a1_retry_count, a1_permanently_failed, a1_failure_reason, a1_last_retry_at
        FROM campaign_status WHERE campaign_id = 'YOUR_CAMPAIGN_ID'""",
    "rounds": "SELECT round, outcome FROM campaign_rounds WHERE campaign_id = 'YOUR_CAMPAIGN_ID' ORDER BY id",
    "outbox": """SELECT channel, template, dedupe_key, jsonb_array_length(fact->'files') FROM notifications
        WHERE campaign_id = 'YOUR_CAMPAIGN_ID' AND template LIKE '%complete' ORDER BY id""",
}


def _anonymous(path: str, known: set[str]) -> str:
    return re.sub(r"(?<=_)[A-Z0-9]{6}(?=\.\w+$|$)", lambda match: "TRACKID" if match[0] in known else match[0], path)


def sha1(content: bytes) -> str:
    """As Box writes it."""
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def box_client(kept_box_client: BoxClient, served_box: ServedBox) -> BoxClient:
    """A client whose log-in and connection are good, whatever the test before has done to them."""
    kept_box_client.users.get_user_me()
    served_box.board.seen.clear()
    return kept_box_client


@pytest.fixture(scope="session")
def kept_box_client(box_server: ServedBox) -> Iterator[BoxClient]:
    """Logged in once: signing costs a tenth of a second."""
    client = open_box_client(read_box_config(box_server.config), base_urls=box_server.base_urls, limits=QUICK)
    yield client
    close_box_client(client)


def with_site(systems: Systems, **sections: dict[str, Any]) -> Systems:
    """The same systems at a site with other settings."""
    changed = {name: _with_values(getattr(systems.site, name), values) for name, values in sections.items()}
    return replace(systems, site=systems.site.model_copy(update=changed))


def _with_values(section: Any, values: dict[str, Any]) -> Any:
    return section.model_copy(update=values) if isinstance(section, BaseModel) else replace(section, **values)


@contextmanager
def opened_systems(
    dam_url: str, box_client: BoxClient, database_url: str, temp_dir: Path, *, login: OAuthLogin = DAM_LOGIN
) -> Iterator[Systems]:
    """Our own code on these servers, with the shipped site configuration and hardly any pauses."""
    site = sandbox_site()
    with (
        closing(OtmmSession(dam_url, login=login, limits=QUICK)) as session,
        closing(Database(database_url)) as database,
    ):
        systems = Systems(
            dam=Otmm(session, site.dam, site.routes.words),
            imports=OtmmImports(session, site.dam_import),
            box=Box(box_client, site.box),
            agency=BoxAgency(box_client, template=site.agency.metadata_template, limits=QUICK),
            database=database,
            site=site,
            box_folders={name: BoxId(folder_id) for name, folder_id in site.box.ids.items()},
            temp_dir=temp_dir,
            has_webhook=True,
        )
        yield with_site(systems, transfer={"free_space_reserve_bytes": 0})


@pytest.fixture
def world(
    served_dam: ServedDam, served_box: ServedBox, box_client: BoxClient, database_url: str, tmp_path: Path
) -> Iterator[World]:
    """Everything healthy and empty but for the three folders in Box."""
    add_box_folders(served_box.store, sandbox_site())
    login = served_dam.login
    with opened_systems(served_dam.url, box_client, database_url, tmp_path / "transit", login=login) as systems:
        yield World(served_dam, served_box, systems.database, database_url, systems)
    assert not list(tmp_path.glob("transit/*")), "a run left something in the temporary directory"
