"""Sample campaigns in the DAM stand-in and the folders they go to in the Box stand-in.

One campaign for each route waits to be moved, one waits for its masters, and some must be left alone. The agency's
inboxes are empty: its finals carry tracking IDs, which exist only once the masters have been moved.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.config.site import Site
from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.media import sample_file
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleCampaigns:
    """Ids of the sample campaigns by what is to become of them."""

    #: Moved, by the names of the routes DAM → Box.
    moved: dict[str, str]
    #: Looked at again and again: there are no masters yet.
    waiting: str
    #: Never touched.
    decoys: tuple[str, ...]
    #: Left behind by the cron scripts, with finals to be corrected; where there is one.
    inherited: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    number: str
    name: str
    status: str
    type: str
    folders: tuple[str, ...]
    #: Names of the assets in the first of the folders.
    assets: tuple[str, ...] = ()
    deleted: bool = False


#: Number, name and assets of a route's campaign; one of a route that is not here is made up.
_CAMPAIGNS = {
    "a1_to_a2": (
        "C000000078",
        "Local adaptation test 2",
        (
            "Hero film_6S_16x9.mp4",
            "Key visual.tif",
            "Usage guidelines.pdf",
            "Billboard 5000x4000 uncompressed.tif",
            "Packshot 😀 été.png",
            "a/b: c?.png",
            "Packshot.jpg",
            "Packshot.jpg",
            f"Layout with {'a very ' * 24}long name.psd",
        ),
    ),
    "a5_to_a6": (
        "C000000091",
        "Kinder spring review",
        (
            "RAF_DE_de_SPRING_OLV_001_6S_16x9.mp4",
            "RAF_DE_de_SPRING_OLV_002_15S_9x16.mp4",
            "RAF_DE_de_SPRING_KV_003_00S_4x5.png",
        ),
    ),
    "b1_to_b2": (
        "C000000102",
        "NUTELLA PLANT-BASED LAUNCH",
        ("Launch film_15S_16x9.mp4", "Launch key visual.psd", "Launch poster.tif", "Launch toolkit.pdf"),
    ),
}
_FUN = ("Tic Tac summer breeze", "Raffaello garden party", "Rocher winter lights", "Kinder back to school")


def seed(otmm: OtmmStore, box: BoxStore, media_dir: Path, site: Site) -> SampleCampaigns:
    """Add what is not there yet; what is there stays as it has become. Media are made and kept in `media_dir`."""
    add_box_folders(box, site)
    masters = site.routes.masters
    waiting = replace(_sample(masters[0]), number="C000000105", name="Rocher golden hours", assets=())
    return SampleCampaigns(
        decoys=tuple(_add(otmm, decoy, media_dir) for decoy in _decoys(masters[0])),
        waiting=_add(otmm, waiting, media_dir),
        moved={route.name: _add(otmm, _sample(route), media_dir) for route in reversed(masters)},
    )


def add_box_folders(box: BoxStore, site: Site) -> None:
    """The folders that the routes name, where they are not there yet."""
    for name, folder_id in site.box.ids.items():
        box.add_folder(name=name.replace("_", " ").capitalize(), folder_id=folder_id)


def add_campaign_for_fun(otmm: OtmmStore, media_dir: Path, route: MastersRoute, *, asset_count: int = 3) -> str:
    """The id of one more campaign that is ready for the route, with small masters."""
    number = len(otmm.children(PUBLIC_FOLDERS))
    endings = ("png", "jpg", "pdf")
    sample = replace(
        _sample(route),
        number=f"C{200 + number:09}",
        name=f"{_FUN[number % len(_FUN)]} {number}",
        assets=tuple(f"Master {n + 1}.{endings[n % len(endings)]}" for n in range(asset_count)),
    )
    return _add(otmm, sample, media_dir)


def _sample(route: MastersRoute) -> _Sample:
    made_up = (f"C9{sample_id(route.name)[:8]}", f"{route.title} sample", ("Film_6S_16x9.mp4", "Poster.png"))
    number, name, assets = _CAMPAIGNS.get(route.name, made_up)
    # A folder of each name once, and one that no route wants.
    folders = tuple(dict.fromkeys((route.source_folder, route.upload_folder, "09 Brief")))
    return _Sample(
        number=number,
        name=name,
        status=route.status_before,
        type=route.campaign_type,
        folders=folders,
        assets=assets,
    )


def _decoys(route: MastersRoute) -> tuple[_Sample, ...]:
    decoy = replace(_sample(route), assets=("Poster.png",))
    status, kind = route.status_before, route.campaign_type
    return (
        replace(decoy, number="C000000110", name=f"Status that only looks like {status}", status=f"{status}0"),
        replace(decoy, number="C000000111", name="Another type", type=f"{kind} archive"),
        replace(decoy, number="C000000112", name="Deleted campaign", deleted=True),
        replace(decoy, number="C000000060", name="Local adaptation test 1", status=route.status_after),
    )


def sample_id(text: str) -> str:
    """Forty hex digits that are always the same for a sample of this number."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _add(otmm: OtmmStore, sample: _Sample, media_dir: Path) -> str:
    campaign_id = sample_id(sample.number)
    # In one piece: whoever searches meanwhile sees all of the campaign or nothing.
    with otmm.records.changing():
        if otmm.records.item(campaign_id) is None:
            otmm.add_campaign(
                campaign_id=campaign_id,
                name=sample.name,
                number=sample.number,
                status=sample.status,
                type=sample.type,
                folders=sample.folders,
            )
            _fill(otmm, campaign_id, sample, media_dir)
    return campaign_id


def _fill(otmm: OtmmStore, campaign_id: str, sample: _Sample, media_dir: Path) -> None:
    folder_id = otmm.folder(campaign_id, sample.folders[0])
    for position, name in enumerate(sample.assets):
        otmm.add_asset(folder_id, name, sample_file(f"{sample.number} {position} {name}", media_dir))
    if sample.deleted:
        otmm.delete(campaign_id)
