"""Whether the finals that a campaign counts are in the DAM: asked there, whatever the tables say of them (SPEC 4.7)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.domain.errors import FerreroError, Incident, NotInDam
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking.finals import CountedFinal


@dataclass(frozen=True, kw_only=True, slots=True)
class LostFinal:
    """A final that the DAM does not hold as it was imported, or does not let us see; `problem` ends a sentence."""

    final: CountedFinal
    what: Literal["missing", "changed", "unseen"]
    problem: str


def lost_finals(dam: Otmm, finals: Collection[CountedFinal], *, batch: int, verify_checksum: bool) -> list[str]:
    """A sentence on each of these finals that the DAM does not hold as it was imported, ordered by name.

    Raises:
        Incident: the DAM cannot be asked.
    """
    lost = lost_of(dam, finals, batch=batch, verify_checksum=verify_checksum)
    return sorted(f"{one.final.name}: {one.problem}" for one in lost)


def lost_of(dam: Otmm, finals: Collection[CountedFinal], *, batch: int, verify_checksum: bool) -> list[LostFinal]:
    """Those of these finals that the DAM does not hold as they were imported.

    They are asked for by their ids, `batch` in one request, wherever in the DAM they lie by now. Of finals that the
    cron scripts imported only the name is known, and the folder, which is listed.

    Raises:
        Incident: the DAM cannot be asked.
    """
    by_id = [final for final in finals if final.asset_id]
    folders = {final.folder_id for final in finals if final.folder_id and not final.asset_id}
    names = {name.casefold() for folder_id in folders for name in _names_in(dam, folder_id)}
    return [
        *lost_by_id(dam, by_id, batch=batch, verify_checksum=verify_checksum),
        *lost_by_name([final for final in finals if not final.asset_id], names),
    ]


def lost_by_id(
    dam: Otmm, finals: Collection[CountedFinal], *, batch: int, verify_checksum: bool
) -> Iterator[LostFinal]:
    """Those of finals with an asset that the DAM does not hold as imported, `batch` asked for in one request.

    Raises:
        Incident: the DAM cannot be asked.
    """
    seen: dict[DamId, DamAsset | FerreroError] = {}
    ids = iter([final.asset_id for final in finals if final.asset_id])
    while asked := list(islice(ids, batch)):
        seen |= {asset.id: asset for asset in dam.contents_of(asked, on_unread=seen.__setitem__)}
    for final in finals:
        if final.asset_id and (lost := compared(final, seen.get(final.asset_id), verify_checksum=verify_checksum)):
            yield lost


def lost_by_name(finals: Collection[CountedFinal], names: Collection[str]) -> Iterator[LostFinal]:
    """Those of finals that cron scripts imported whose names, in small letters, are not in their folders."""
    problem = "a cron script imported it, and its folder in the DAM does not hold it."
    for final in finals:
        if final.folder_id and final.name.casefold() not in names:
            yield LostFinal(final=final, what="missing", problem=problem)


def _names_in(dam: Otmm, folder_id: DamId) -> list[str]:
    try:
        return [asset.name for asset in dam.list_assets(folder_id)]
    except NotInDam:
        return []


def compared(final: CountedFinal, asset: DamAsset | FerreroError | None, *, verify_checksum: bool) -> LostFinal | None:
    """What is wrong with it, given what the DAM says of its asset.

    Raises:
        Incident: the DAM could not be asked.
    """
    if isinstance(asset, Incident):
        raise asset
    if isinstance(asset, FerreroError):
        return LostFinal(final=final, what="unseen", problem=f"it could not be looked at: {asset}")
    if asset is None:
        problem = f"the DAM does not hold it any more (asset {final.asset_id})."
        return LostFinal(final=final, what="missing", problem=problem)
    if problem := _difference(final, asset, verify_checksum=verify_checksum):
        return LostFinal(final=final, what="changed", problem=problem)
    return None


def _difference(final: CountedFinal, asset: DamAsset, *, verify_checksum: bool) -> str:
    if None not in (final.size_bytes, asset.size_bytes) and asset.size_bytes != final.size_bytes:
        return f"the DAM holds {counted(asset.size_bytes or 0, 'byte')} of it, {final.size_bytes:,} were imported."
    if verify_checksum and final.md5_hex and asset.md5_hex and asset.md5_hex != final.md5_hex:
        return "the DAM holds other content than was imported."
    return ""
