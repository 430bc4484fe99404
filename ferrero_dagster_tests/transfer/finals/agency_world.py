"""The agency's side of a world: its masters, the finals that it delivers, looks and runs until all is quiet."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import FerreroError
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.sandbox.campaigns import add_box_folders
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.metadata import texts
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.transfer.finals.look import FinalsLook, FinalsLooker
from ferrero_dagster.transfer.finals.run import FinalsOutcome, move_finals
from ferrero_dagster.transfer.systems import Watcher
from ferrero_dagster_tests.fix_world import A2, AGENCY_FOLDER, World, sha1

CREATIVEX = {"creativexScore": 90, "creativexUrl": "https://www.bbc.com"}
TABLES = (
    "master_assets, derivative_assets, campaign_status, transfers, final_scores, campaign_rounds, outages, "
    "notifications"
)


@dataclass
class Agency:
    """A world in which campaigns are with the agency."""

    world: World
    #: What runs raised, in their order.
    errors: list[FerreroError] = field(default_factory=list)

    def with_site(self, **sections: dict[str, Any]) -> "Agency":
        """The same at a site with other settings, for example `agency={"settle_looks": 3}`."""
        world = self.world.with_site(**sections)
        # Validated anew: a copy keeps the rules that it has derived already.
        site = Site.model_validate(world.systems.site.model_dump())
        return Agency(replace(world, systems=replace(world.systems, site=site)))

    def campaign(self, *tracking_ids: str, status: str = "A2") -> DamId:
        """The id of a campaign with one active master for each tracking ID, all with the same metadata."""
        campaign_id = self.world.campaign({"Master.png": b"master"}, status=status)
        database, dam = self.world.database, self.world.systems.dam
        database.transact(campaigns.note_seen, dam.campaign(campaign_id))
        self.add_masters(campaign_id, *tracking_ids)
        return campaign_id

    def add_masters(self, campaign_id: str, *tracking_ids: str, status: str = "active") -> None:
        """Masters of a campaign, as its first route left them in the tables."""
        store, dam = self.world.dam.store, self.world.systems.dam
        [asset] = store.assets(store.folder(campaign_id, "01 Master Assets"))
        [loaded] = dam.load_assets([DamId(asset.id)])
        self.world.database.transact(
            lambda cursor: cursor.execute(
                """
                INSERT INTO master_assets
                    (tracking_id, opentext_id, original_id, full_metadata, upload_directory, campaign_id, status)
                SELECT tracking_id, %s, tracking_id, %s, %s, %s, %s FROM unnest(%s::text[]) AS t (tracking_id)
                """,
                (asset.id, json.dumps(loaded.raw), self.folder(campaign_id), campaign_id, status, list(tracking_ids)),
            )
        )

    def folder(self, campaign_id: str) -> str:
        """The DAM folder that the campaign's finals go to."""
        return self.world.dam.store.folder(campaign_id, "01 Final Assets")

    def assets(self, campaign_id: str) -> list[Any]:
        """The campaign's finals in the DAM."""
        return self.world.dam.store.assets(self.folder(campaign_id))

    def contents(self, campaign_id: str) -> dict[str, bytes]:
        """The bytes of the campaign's finals in the DAM, by name."""
        return {a.name: self.world.dam.store.content(a.id).read_bytes() for a in self.assets(campaign_id)}

    def deliver(self, name: str, content: bytes | None = None, creativex: dict[str, Any] | None = None) -> str:
        """The id of a file in the agency's folder."""
        return self.world.box.store.put_file(AGENCY_FOLDER, name, content or name.encode(), creativex)

    def waiting(self) -> list[str]:
        """The names in the agency's folder."""
        return sorted(self.world.box.store.tree(AGENCY_FOLDER))

    def look(self, *, running: tuple[DamId, ...] = ()) -> FinalsLook:
        """One look at the agency's folder; the campaigns running do so on this route."""
        s = self.world.systems
        looker = FinalsLooker(
            open_agency=lambda: nullcontext(s.agency),
            route=A2,
            folder_id=AGENCY_FOLDER,
            database=s.database,
            site=s.site,
        )
        return looker.look(running=running, on_route=len(running))

    def starts(self, look: FinalsLook | None = None) -> dict[str, int]:
        """Ids of the campaigns that a look (the next one) starts, with the number of files that are due."""
        return {campaign.id: number for campaign, number in (look or self.look()).starts.items()}

    def settled_look(self) -> FinalsLook:
        """As many looks as a file needs to settle."""
        for _ in range(self.world.systems.site.agency.settle_looks - 1):
            self.look()
        return self.look()

    def move(self, campaign_id: DamId) -> FinalsOutcome:
        """One run of the campaign."""
        watcher = Watcher(run_id="run", log=self.world.said.append, on_moved=self.world.events.append)
        return move_finals(A2, campaign_id, self.world.systems, watcher)

    def settle_and_move(self, campaign_id: DamId) -> FinalsOutcome:
        """What happens when nothing goes wrong."""
        self.settled_look()
        return self.move(campaign_id)

    def later(self) -> None:
        """Two hours pass, as far as the tables know."""
        shift = "- interval '2 hours'"
        self.sql(
            f"UPDATE transfers SET updated_at = updated_at {shift}, import_began_at = import_began_at {shift}",
            f"UPDATE outages SET last_failure_at = last_failure_at {shift}",
            f"UPDATE campaign_rounds SET last_failed_at = last_failed_at {shift}",
        )

    def go_on(self, *, looks: int = 12) -> None:
        """Sensor and runs, until a look starts nothing any more; two hours pass after each run."""
        for _ in range(looks):
            try:
                look = self.settled_look()
            except FerreroError as error:
                self.errors.append(error)
                continue
            for campaign in look.starts:
                try:
                    self.move(campaign.id)
                except FerreroError as error:
                    self.errors.append(error)
            if look.judgements is not None and not look.starts and "waits" not in str(look):
                return
            self.later()
        raise AssertionError(f"after {looks} looks there is still something to do: {look}, {self.errors}")

    def sql(self, *statements: str) -> list[Any]:
        """Rows of the last of the statements; a single column without tuples."""
        rows = self.world.sql(*statements)
        return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows

    def mails(self) -> list[tuple[str, str]]:
        """Template and file (or campaign) of each message, sorted."""
        return sorted(
            self.sql(
                "SELECT template, coalesce(fact->>'file_name', fact->>'original_name', fact->'campaign'->>'name', "
                "fact->>'headline') FROM notifications"
            )
        )

    def end_state(self, campaign_id: str) -> dict[str, Any]:
        """What DAM, Box, PostgreSQL and outbox hold, free of ids, times and the number of attempts."""
        store = self.world.dam.store
        rows = {name: [tuple(row) for row in self.world.sql(query)] for name, query in _ROWS.items()}
        return {
            "status": store.status(campaign_id),
            "locked": [item.name for item in store.records.items() if item.locked_by],
            "DAM": sorted(_described(store, asset.id) for asset in self.assets(campaign_id)),
            "Box": self.world.box.store.tree(AGENCY_FOLDER),
            "mails": [mail for mail in self.mails() if mail[0] != "workflow_error"],
            **rows,
        }

    def forget_everything(self) -> None:
        """The world as it was in the beginning."""
        self.world.dam.store.clear()
        self.world.box.store.clear()
        add_box_folders(self.world.box.store, self.world.systems.site)
        self.sql(f"TRUNCATE {TABLES}, agency_files")
        self.world.dam.board.seen.clear()
        self.world.box.board.seen.clear()
        self.world.events.clear()
        self.world._numbers = iter(range(1, 100))


# That ids belong together is checked by the joins.
_ROWS = {
    "derivatives": """SELECT d.tracking_id, derivative_filename, file_extension, d.status, t.sha1_hex = d.sha1_hex,
        t.target_id = d.dam_asset_id
        FROM derivative_assets d JOIN transfers t ON t.id = transfer_id ORDER BY 1, 2, 4""",
    "transfers": """SELECT source_name, tracking_id, state, target_name, size_bytes, sha1_hex, deleted_at IS NOT NULL
        FROM transfers ORDER BY 1, 2""",
    "files": "SELECT name, state FROM agency_files ORDER BY 1, 2",
    "rounds": "SELECT route, outcome FROM campaign_rounds ORDER BY id",
}


def _described(store: OtmmStore, asset_id: str) -> tuple[Any, ...]:
    item = store.item(asset_id)
    ids = re.compile(r"[0-9a-f]{40}")
    fields = sorted((name, tuple(ids.sub("ID", text) for text in texts(e))) for name, e in item.metadata.items())
    return item.name, sha1(store.content(asset_id).read_bytes()), item.model, item.security_policies, fields


@cache
def final_name(tracking_id: str, *, subject: str = "SPRING", kind: str = "KV", extension: str = "png") -> str:
    """A V2 name; the clean names of different tracking IDs differ."""
    number = sum(map(ord, tracking_id)) % 1000
    return f"1234567_RAF_DE_de_{subject}_{kind}_{number:03}_00S_16x9_{tracking_id}.{extension}"


ONE, TWO = final_name("AAA001"), final_name("AAA002")


def clean_name(tracking_id: str, **parts: str) -> str:
    """What `final_name` is called in the DAM."""
    return "_".join(final_name(tracking_id, **parts).split("_")[1:-1]) + "." + parts.get("extension", "png")


def finals_moved(agency: Agency, *, after_delivery: Callable[[], None] = lambda: None) -> str:
    """The id of a campaign with two masters whose finals have arrived, whatever came between."""
    campaign_id = agency.campaign("AAA001", "AAA002")
    agency.deliver(final_name("AAA001"), b"one" * 1000, CREATIVEX)
    agency.deliver(final_name("AAA002"), b"two" * 2000)
    after_delivery()
    agency.go_on()
    return campaign_id
