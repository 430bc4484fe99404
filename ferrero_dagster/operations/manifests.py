"""Manifests of a campaign: what was moved along each route, with its hashes, so that others can check their copies."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.box_names import box_name
from ferrero_dagster.domain.csv_table import csv_table
from ferrero_dagster.domain.errors import OperationRefused
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.media_hash_list import HashedFile, as_mhl
from ferrero_dagster.operations.campaign_resets import find_campaigns
from ferrero_dagster.tracking import transfers
from ferrero_dagster.tracking.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What of a campaign is where a route brought it: masters in its Box folder, finals in the DAM."""

    campaign: Campaign
    route: str
    files: Sequence[HashedFile]

    @property
    def without_hash(self) -> int:
        """How many files the cron scripts moved, of which no hash is known; only the CSV has them."""
        return sum(not file.sha1_hex for file in self.files)

    def write(self, folder: Path, zone: ZoneInfo) -> tuple[Path, Path]:
        """Write the ASC MHL and the CSV into a folder, which is made if need be; what was there before is replaced.

        Raises:
            OSError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        stem = box_name(f"{self.campaign.number or self.campaign.id}_{self.route}").lstrip(".")
        mhl, table = folder / f"{stem}.mhl", folder / f"{stem}.csv"
        now = datetime.now(timezone.utc)
        mhl.write_bytes(as_mhl(self.files, made_at=now, host=socket.gethostname(), version=version("ferrero_dagster")))
        columns = [field.name for field in fields(HashedFile)]
        table.write_bytes(csv_table(columns, [asdict(file) for file in self.files], zone))
        return mhl, table


def manifests(database: Database, site: Site, name: str) -> list[Manifest]:
    """A manifest for each route that has moved files of the campaign (id, number, name or partition).

    Raises:
        OperationRefused: the campaign is unknown or ambiguous, or nothing of it was moved.
    """
    [campaign] = database.transact(find_campaigns, [name.strip() or "(none)"])
    found = list(_found(database, site, campaign))
    if not found:
        raise OperationRefused(f"Nothing of {campaign} has been moved yet.")
    return found


def _found(database: Database, site: Site, campaign: Campaign) -> Iterator[Manifest]:
    for route in (*site.routes.masters, *site.routes.finals):
        if files := database.transact(transfers.hashed_files, route.name, campaign.id):
            yield Manifest(campaign=campaign, route=route.name, files=files)
