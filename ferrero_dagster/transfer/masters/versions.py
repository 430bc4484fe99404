"""A DAM whose listings show other versions of its assets than it hands over: which of them are moved (SPEC 3.5).

An asset id stands for one version (contract otmm.md 5), so another one comes of an index that lags. What is handed
over is moved, proven by its own size and checksum. It goes for what is listed where it is newer, or has the checksum
that the listing shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What the DAM handed over, in one run, in other versions than it lists."""

    #: What was listed and what was handed over instead, by id and listed version.
    _instead: dict[DamId, dict[str, tuple[DamAsset, DamAsset]]] = field(default_factory=dict)

    def met(self, listed: DamAsset, handed: DamAsset) -> DamAsset:
        """Remember one that differs; gives back what was handed over, under the listed version where it says none."""
        handed = handed if handed.version else replace(handed, version=listed.version)
        if handed.version != listed.version:
            # Metadata are large, and every asset of a DAM may differ.
            self._instead.setdefault(listed.id, {})[listed.version] = listed, replace(handed, raw=None)
        return handed

    def in_place_of(self, listed: Iterable[DamAsset]) -> list[DamAsset]:
        """What was listed, as what goes for it."""
        return [handed if (handed := self._handed(one)) and _goes_for(handed, one) else one for one in listed]

    def has(self, listed: DamAsset) -> bool:
        """Whether another version was handed over than this one."""
        return self._handed(listed) is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on each asset that is moved in another version than is listed."""
        met = (pair for by_version in self._instead.values() for pair in by_version.values())
        return tuple(
            f"{listed.name}: the DAM lists version {listed.version} of it, but hands over version {handed.version}; "
            "that one was taken."
            for listed, handed in met
            if listed.version and _goes_for(handed, listed)
        )

    def reason(self, listed: DamAsset) -> str:
        """Why an asset is not moved in another version than is listed."""
        handed = self._handed(listed)
        other = f"version {handed.version}" if handed else "another"
        return (
            f"{listed.name}: the DAM lists version {listed.version or 'unknown'} of it, but hands over {other}, and "
            "nothing proves that they are the same; upload the file there again, or have the DAM's index renewed."
        )

    def differs_each_time(self, asset_id: DamId) -> bool:
        """Whether the DAM listed several versions of an asset, and handed over none of them."""
        return len(self._instead.get(asset_id, {})) > 1

    def _handed(self, listed: DamAsset) -> DamAsset | None:
        pair = self._instead.get(listed.id, {}).get(listed.version)
        return pair[1] if pair else None


def _goes_for(handed: DamAsset, listed: DamAsset) -> bool:
    if not listed.version or (listed.md5_hex and handed.md5_hex == listed.md5_hex):
        return True
    are_numbers = handed.version.isdecimal() and listed.version.isdecimal()
    return are_numbers and int(handed.version) > int(listed.version)
