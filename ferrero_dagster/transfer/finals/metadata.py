"""Makes the DAM show a final's metadata as sent, or says what it does not keep (SPEC 6, contract otmm.md 7.2)."""

from collections.abc import Sequence
from typing import Any

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.errors import PermanentError
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.otmm.metadata import FieldNode, differing_fields


class FinalMetadata:
    """Compares, corrects, reads back; safe to share between threads."""

    def __init__(self, dam: Otmm, site: Site) -> None:
        self._dam = dam
        self._refuses = site.dam_import.metadata_mismatch == "refuse"

    def settled(self, asset: DamAsset, representation: dict[str, Any]) -> tuple[str, ...]:
        """Ids of the fields that the DAM does not keep, even when they are set once more.

        Raises:
            PermanentError: there are such fields and the site refuses them.
            LockedInDam: a person is editing the asset.
        """
        differing = differing_fields(representation, asset.raw)
        if not differing:
            self._dam.unlock_ours(asset)
            return ()
        asset = self._set(asset, differing)
        # Of all fields: a column that was as sent may stand beside other rows of those that were set.
        unkept = tuple(field["id"] for field in differing_fields(representation, asset.raw))
        if unkept and self._refuses:
            raise PermanentError(
                f"The DAM does not keep {', '.join(unkept)} of {asset.name} as sent; make the fields what its metadata "
                "model allows, or set dam_import.metadata_mismatch to warn, then release the file.",
                code="metadata not kept",
            )
        return unkept

    def _set(self, asset: DamAsset, fields: Sequence[FieldNode]) -> DamAsset:
        try:
            return self._dam.set_fields(asset, fields)
        except PermanentError:
            # One field that the DAM refuses shall not keep the others out.
            for field in fields if len(fields) > 1 else ():
                asset = self._set(asset, [field])
            return asset
