"""Sample campaigns in the DAM stand-in and the folders they go to in the Box stand-in.

Three campaigns wait to be moved, one waits for its masters, and some must be left alone. The agency's uploads folder is
empty: its finals carry tracking IDs, which exist only once the masters have been moved.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.media import sample_file
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS

#: Names of the three folders in Box, by the ids that the site configuration has.
BOX_FOLDERS = {
    "348304357505": "Local masters",
    "349261192115": "Global masters",
    "348526703108": "Agency uploads",
}

_LOCAL = "Local Adaptation"
_GLOBAL = "Global comm"


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleCampaigns:
    """Ids of the sample campaigns by what is to become of them."""

    #: Moved: A1 → A2, A5 → A6, B1 → B2.
    local: str
    rework: str
    global_: str
    #: Looked at again and again: there are no masters yet.
    waiting: str
    #: Never touched.
    decoys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    number: str
    name: str
    status: str
    type: str = _LOCAL
    folders: tuple[str, ...] = ("01 Master Assets", "01 Final Assets")
    #: Names of the assets in the first of the folders.
    assets: tuple[str, ...] = ()
    deleted: bool = False


_TO_BE_MOVED = _Sample(
    number="C000000078",
    name="Local adaptation test 2",
    status="A1",
    assets=(
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
)
_REWORK = _Sample(
    number="C000000091",
    name="Kinder spring review",
    status="A5",
    folders=("01 Final Assets", "01 Master Assets"),
    assets=(
        "RAF_DE_de_SPRING_OLV_001_6S_16x9.mp4",
        "RAF_DE_de_SPRING_OLV_002_15S_9x16.mp4",
        "RAF_DE_de_SPRING_KV_003_00S_4x5.png",
    ),
)
_GLOBAL_LAUNCH = _Sample(
    number="C000000102",
    name="NUTELLA PLANT-BASED LAUNCH",
    status="B1",
    type=_GLOBAL,
    folders=("05 Final Assets", "01 Brief"),
    assets=("Launch film_15S_16x9.mp4", "Launch key visual.psd", "Launch poster.tif", "Launch toolkit.pdf"),
)
_WAITING = _Sample(number="C000000105", name="Rocher golden hours", status="A1")
_DECOYS = (
    _Sample(number="C000000110", name="Status that only looks like A1", status="A10", assets=("Poster.png",)),
    _Sample(number="C000000111", name="Another type", status="A1", type="Local Adaptation archive", assets=("P.png",)),
    _Sample(number="C000000112", name="Deleted campaign", status="A1", assets=("Poster.png",), deleted=True),
    _Sample(number="C000000060", name="Local adaptation test 1", status="A2", assets=("Poster.png",)),
)
_FUN = ("Tic Tac summer breeze", "Raffaello garden party", "Rocher winter lights", "Kinder back to school")


def seed(otmm: OtmmStore, box: BoxStore, media_dir: Path) -> SampleCampaigns:
    """Add what is not there yet; what is there stays as it has become. Media are made and kept in `media_dir`."""
    for folder_id, name in BOX_FOLDERS.items():
        box.add_folder(name=name, folder_id=folder_id)
    return SampleCampaigns(
        decoys=tuple(_add(otmm, decoy, media_dir) for decoy in _DECOYS),
        waiting=_add(otmm, _WAITING, media_dir),
        global_=_add(otmm, _GLOBAL_LAUNCH, media_dir),
        rework=_add(otmm, _REWORK, media_dir),
        local=_add(otmm, _TO_BE_MOVED, media_dir),
    )


def add_campaign_for_fun(otmm: OtmmStore, media_dir: Path, *, asset_count: int = 3) -> str:
    """The id of one more campaign in A1 with small masters."""
    number = len(otmm.children(PUBLIC_FOLDERS))
    endings = ("png", "jpg", "pdf")
    sample = _Sample(
        number=f"C{200 + number:09}",
        name=f"{_FUN[number % len(_FUN)]} {number}",
        status="A1",
        assets=tuple(f"Master {n + 1}.{endings[n % len(endings)]}" for n in range(asset_count)),
    )
    return _add(otmm, sample, media_dir)


def _add(otmm: OtmmStore, sample: _Sample, media_dir: Path) -> str:
    campaign_id = hashlib.sha1(sample.number.encode(), usedforsecurity=False).hexdigest()
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
