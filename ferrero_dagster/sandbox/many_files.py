"""Campaigns of many small files, and a final for each: what speed is measured with."""

from typing import Any

from ferrero_dagster.sandbox.agency import final_names
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS
from ferrero_dagster.sandbox.world import World


def add_campaign(world: World, *, files: int, size_bytes: int) -> str:
    """The id of a new campaign that is ready for the first route, with so many masters."""
    number = f"C{len(world.dam.children(PUBLIC_FOLDERS)):09}"
    route = world.site.routes.masters[0]
    # In one piece: whoever searches meanwhile sees all of the campaign or nothing.
    with world.dam.records.changing():
        campaign_id = world.dam.add_campaign(
            name=f"Bench {number}", number=number, status=route.status_before, type=route.campaign_type
        )
        folder_id = world.dam.folder(campaign_id, route.source_folder)
        for place in range(files):
            world.dam.add_asset(folder_id, f"Master {place:04}.jpg", _content(place, size_bytes))
    return campaign_id


def deliver_finals(
    world: World, campaign_id: str, *, size_bytes: int, template: dict[str, Any] | None = None
) -> list[str]:
    """Drop a final for each of the campaign's masters that has none; their ids in Box."""
    inbox_id = world.site.box.ids[world.site.routes.finals[0].inbox]
    names = final_names(world.postgres.url(), campaign_id)
    with world.box.database.transaction():
        return [
            world.box.put_file(inbox_id, name, _content(place, size_bytes), template)
            for place, name in enumerate(names)
        ]


def _content(place: int, size_bytes: int) -> bytes:
    """The first bytes of a JPEG, and then something of its own for each file."""
    return (b"\xff\xd8\xff\xe0" + place.to_bytes(4, "big") * (size_bytes // 4))[:size_bytes]
