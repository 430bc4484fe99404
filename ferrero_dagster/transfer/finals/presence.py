"""Whether the finals that a campaign counts are in the DAM: asked there, whatever the tables say of them (SPEC 4.7)."""

from collections.abc import Collection
from itertools import islice

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.domain.errors import FerreroError, Incident, NotInDam
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking.finals import CountedFinal


def lost_finals(dam: Otmm, finals: Collection[CountedFinal], *, batch: int, verify_checksum: bool) -> list[str]:
    """A sentence on each of these finals that the DAM does not hold as it was imported, ordered by name.

    They are asked for by their ids, `batch` in one request, wherever in the DAM they lie by now. Of finals that the
    cron scripts imported only the name is known, and the folder, which is listed.

    Raises:
        Incident: the DAM cannot be asked.
    """
    seen: dict[DamId, DamAsset | FerreroError] = {}
    ids = iter([final.asset_id for final in finals if final.asset_id])
    while asked := list(islice(ids, batch)):
        seen |= {asset.id: asset for asset in dam.contents_of(asked, on_unread=seen.__setitem__)}
    folders = {final.folder_id for final in finals if final.folder_id and not final.asset_id}
    names = {name.casefold() for folder_id in folders for name in _names_in(dam, folder_id)}
    problems = [
        (
            final.name,
            _of_cron_scripts(final, names)
            if not final.asset_id
            else _problem(final, seen.get(final.asset_id), verify_checksum=verify_checksum),
        )
        for final in finals
    ]
    return sorted(f"{name}: {problem}" for name, problem in problems if problem)


def _names_in(dam: Otmm, folder_id: DamId) -> list[str]:
    try:
        return [asset.name for asset in dam.list_assets(folder_id)]
    except NotInDam:
        return []


def _of_cron_scripts(final: CountedFinal, names: Collection[str]) -> str | None:
    is_there = final.name.casefold() in names or not final.folder_id
    return None if is_there else "a cron script imported it, and its folder in the DAM does not hold it."


def _problem(final: CountedFinal, asset: DamAsset | FerreroError | None, *, verify_checksum: bool) -> str | None:
    """What is wrong with it, as the rest of a sentence."""
    if isinstance(asset, Incident):
        raise asset
    if isinstance(asset, FerreroError):
        return f"it could not be looked at: {asset}"
    if asset is None:
        return f"the DAM does not hold it any more (asset {final.asset_id})."
    if None not in (final.size_bytes, asset.size_bytes) and asset.size_bytes != final.size_bytes:
        return f"the DAM holds {counted(asset.size_bytes or 0, 'byte')} of it, {final.size_bytes:,} were imported."
    if verify_checksum and final.md5_hex and asset.md5_hex and asset.md5_hex != final.md5_hex:
        return "the DAM holds other content than was imported."
    return None
