"""What the DAM folder that a final goes to holds under its name, and whose it is (SPEC 4.6, FAULTS 14)."""

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId, TrackingId
from ferrero_dagster.tracking import finals
from ferrero_dagster.tracking.database import Database
from ferrero_dagster.tracking.finals import KnownFinal


@dataclass(frozen=True, kw_only=True, slots=True)
class Namesakes:
    """The assets of a final's name in its folder; those inside further folders are somebody's archive."""

    #: Delivered under our tracking ID, or our master itself; the latest first.
    ours: tuple[DamAsset, ...] = ()
    #: Of which we know nothing: put there by hand, or by an import of ours whose end we did not see.
    unknown: tuple[DamAsset, ...] = ()
    #: The tracking ID that another asset was delivered under.
    taken_by: TrackingId | None = None
    #: SHA-1 of what we delivered ourselves, by asset id.
    sha1_by_id: dict[DamId, str]

    @property
    def usable(self) -> tuple[DamAsset, ...]:
        """All but other masters' finals."""
        return self.ours + self.unknown


class TargetFolders:
    """The folders that the finals of one run go to; each is listed once. Safe to share between threads."""

    def __init__(self, dam: Otmm, database: Database) -> None:
        self._dam = dam
        self._database = database
        self._lock = threading.Lock()
        self._names: dict[DamId, dict[str, set[DamId]]] = {}

    def namesakes(self, folder_id: DamId, name: str, tracking_id: TrackingId) -> Namesakes:
        """The assets of this name, compared without regard to case, for a final with this tracking ID."""
        ids = self._ids(folder_id, name)
        if not ids:
            return Namesakes(sha1_by_id={})
        assets = sorted(self._dam.load_assets(ids), key=lambda asset: asset.id)
        keys = {key for asset in assets for key in (asset.id, asset.original_id)}
        known = self._database.transact(
            finals.known_finals, tracking_id, name=name, folder_id=folder_id, asset_ids=keys
        )
        return _sorted(assets, known)

    def _ids(self, folder_id: DamId, name: str) -> set[DamId]:
        with self._lock:
            if folder_id not in self._names:
                found: dict[str, set[DamId]] = defaultdict(set)
                for asset_id, asset_name in self._dam.names_directly_in(folder_id):
                    found[asset_name.casefold()].add(asset_id)
                self._names[folder_id] = found
            return set(self._names[folder_id].get(name.casefold(), ()))


def _sorted(assets: Collection[DamAsset], known: Sequence[KnownFinal]) -> Namesakes:
    owners = [(_owner(asset, known, is_alone=len(assets) == 1), asset) for asset in assets]
    ours = [(known.index(owner), asset) for owner, asset in owners if owner and owner.is_ours]
    return Namesakes(
        ours=tuple(asset for _, asset in sorted(ours, key=lambda place_and_asset: place_and_asset[0])),
        unknown=tuple(asset for owner, asset in owners if owner is None),
        taken_by=next((owner.tracking_id for owner, _ in owners if owner and not owner.is_ours), None),
        sha1_by_id={final.asset_id: final.sha1_hex for final in known if final.asset_id and final.sha1_hex},
    )


def _owner(asset: DamAsset, known: Sequence[KnownFinal], *, is_alone: bool) -> KnownFinal | None:
    """The latest final that this asset is; that of a version which a person made tells the name, if no other has it."""
    by_id = [final for final in known if final.asset_id in {asset.id, asset.original_id}]
    return next(iter(by_id or (known if is_alone else [])), None)
