"""A campaign that the cron scripts left behind: tracking IDs of either case, finals that local review sent back."""

from contextlib import closing
from dataclasses import dataclass

import psycopg2
from psycopg2.extras import Json

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.sandbox.agency import deliver
from ferrero_dagster.sandbox.campaigns import sample_id
from ferrero_dagster.sandbox.media import sample_file
from ferrero_dagster.sandbox.otmm.domains import as_customer
from ferrero_dagster.sandbox.otmm.wire import load_of, shown
from ferrero_dagster.sandbox.world import World

NUMBER, NAME = "C000000061", "Raffaello garden party"


@dataclass(frozen=True, slots=True)
class _Sample:
    tracking_id: str
    master: str
    #: The final's name in the DAM, in the order of 2025.
    clean_name: str

    @property
    def corrected_name(self) -> str:
        """The corrected final's: a new job number, the old name and tracking ID (contract customer.md 1)."""
        stem, _, ending = self.clean_name.rpartition(".")
        return f"7654321_{stem}_{self.tracking_id}.{ending}"


_SAMPLES = (
    _Sample("pOiJ9s", "Garden film_6S_16x9.mp4", "RAF_GARDEN_OLV_6S_16x9_DE_de.mp4"),
    _Sample("a7K9mP", "Garden still.png", "RAF_GARDEN_EHI_1x1_DE_de.png"),
)


def add_inherited_campaign(world: World, masters: MastersRoute, finals: FinalsRoute) -> str:
    """The campaign's id, its corrected finals in the agency's folder; what was there before stays as it has become.

    The tracking database must be up to date.
    """
    campaign_id = sample_id(NUMBER)
    if world.dam.records.item(campaign_id) is None:
        world.dam.add_campaign(
            campaign_id=campaign_id,
            name=NAME,
            number=NUMBER,
            status=finals.rework_status,
            type=masters.campaign_type,
            folders=(masters.source_folder, masters.upload_folder),
        )
        with closing(psycopg2.connect(world.postgres.url())) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO campaign_status (campaign_id, campaign_number, campaign_name, status)"
                " VALUES (%s, %s, %s, %s)",
                (campaign_id, NUMBER, NAME, masters.status_after),
            )
            for sample in _SAMPLES:
                _add(world, masters, campaign_id, sample, cursor)
        for sample in _SAMPLES:
            deliver(world.box, world.site.box.ids[finals.inbox], world.media_dir, sample.corrected_name)
    return campaign_id


def _add(
    world: World, route: MastersRoute, campaign_id: str, sample: _Sample, cursor: psycopg2.extensions.cursor
) -> None:
    source, target = (world.dam.folder(campaign_id, name) for name in (route.source_folder, route.upload_folder))
    master_id = world.dam.add_asset(source, sample.master, sample_file(sample.master, world.media_dir))
    world.dam.add_asset(target, sample.clean_name, sample_file(f"rejected {sample.clean_name}", world.media_dir))
    asset = shown(world.dam.item(master_id), load_of({"load_type": "full"}))
    if world.dam_settings.dialect == "customer":
        asset = as_customer(asset)
    cursor.execute(
        "INSERT INTO master_assets (tracking_id, opentext_id, full_metadata, upload_directory, campaign_id, status)"
        " VALUES (%s, %s, %s, %s, %s, 'active')",
        (sample.tracking_id, master_id, Json(asset), target, campaign_id),
    )
    cursor.execute(
        "INSERT INTO derivative_assets (tracking_id, derivative_filename, file_extension, status)"
        " VALUES (%s, %s, %s, 'active')",
        (sample.tracking_id, sample.clean_name, sample.clean_name.rpartition(".")[2]),
    )
