"""Gets one final into the DAM, as a new asset, as a new version, or by finding that it is there (SPEC 4.3, 4.6)."""

import mimetypes
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import OtmmImports
from ferrero_dagster.domain.errors import FileRefused, IntegrityError, SystemUnavailable, TransientError
from ferrero_dagster.domain.files import DamAsset, Digest
from ferrero_dagster.tracking import finals
from ferrero_dagster.tracking.database import Database


class TargetFolders:
    """The names in the folders that finals go to; each folder is listed once in a run."""

    def __init__(self, dam: Otmm) -> None:
        self._dam = dam
        self._lock = threading.Lock()
        self._names: dict[str, dict[str, set[str]]] = {}

    def ids(self, folder_id: str, name: str) -> set[str]:
        """Ids of the assets of this name in the folder, compared without regard to case."""
        with self._lock:
            if folder_id not in self._names:
                found: dict[str, set[str]] = defaultdict(set)
                for asset in self._dam.list_assets(folder_id):
                    found[asset.name.casefold()].add(asset.id)
                self._names[folder_id] = found
            return set(self._names[folder_id].get(name.casefold(), ()))


@dataclass(frozen=True, slots=True)
class Brought:
    """A final in the DAM; `is_adopted` where it was there already."""

    asset: DamAsset
    is_adopted: bool = False
    is_new_version: bool = False


class FinalImport:
    """Imports finals of one run; safe to share between threads."""

    def __init__(self, dam: Otmm, imports: OtmmImports, database: Database, *, on_existing_name: str) -> None:
        self._dam = dam
        self._imports = imports
        self._database = database
        self._folders = TargetFolders(dam)
        self._on_existing_name = on_existing_name

    def bring_in(
        self,
        final: finals.FinalTransfer,
        path: Path,
        digest: Digest,
        *,
        name: str,
        folder_id: str,
        representation: dict[str, Any],
        uploaded: Callable[[int], None],
    ) -> Brought:
        """The final in the DAM, proven.

        An import whose answer or end an earlier run did not see is found by its job, or by name and content.

        Raises:
            IntegrityError: the DAM holds something else than we sent.
            FileRefused: the name is taken and the site refuses that.
            TransientError: the job failed or did not finish.
        """
        if final.job_id:
            return Brought(self._finished(final, final.job_id, name, digest))
        existing = self._existing(folder_id, name)
        same = next((asset for asset in existing if self._is_same(asset, digest, ours=final.import_began)), None)
        if same:
            return Brought(same, is_adopted=True)
        is_version = bool(existing) and self._on_existing_name == "new_version"
        if existing and self._on_existing_name == "refuse":
            raise FileRefused(f"The DAM already holds another {name}; rename the file.", code="name taken in the DAM")
        self._database.transact(lambda cursor: finals.begin_import(cursor, final.transfer.id))
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if is_version:
            job_id = self._imports.start_version(
                existing[0].id, path, name, kind, representation=representation, uploaded=uploaded
            )
        else:
            job_id = self._imports.start(
                path, name, kind, folder_id=folder_id, representation=representation, uploaded=uploaded
            )
        self._database.transact(lambda cursor: finals.keep_job(cursor, final.transfer.id, job_id))
        return Brought(self._finished(final, job_id, name, digest), is_new_version=is_version)

    def _existing(self, folder_id: str, name: str) -> list[DamAsset]:
        ids = self._folders.ids(folder_id, name)
        return sorted(self._dam.load_assets(ids), key=lambda asset: asset.id) if ids else []

    @staticmethod
    def _is_same(asset: DamAsset, digest: Digest, *, ours: bool) -> bool:
        # Without a checksum of the DAM's the size decides, but only where an import of ours had begun.
        same_bytes = asset.md5_hex == digest.md5_hex if asset.md5_hex else ours
        return asset.size_bytes == digest.size_bytes and same_bytes

    def _finished(self, final: finals.FinalTransfer, job_id: str, name: str, digest: Digest) -> DamAsset:
        try:
            asset_id = self._imports.wait(job_id, name)
            asset = _proven(self._dam.load_assets([asset_id]), name, digest)
        except TransientError as error:
            if not isinstance(error, SystemUnavailable):
                # The next attempt looks for the name first, so nothing doubles if this job should still end well.
                self._database.transact(lambda cursor: finals.keep_job(cursor, final.transfer.id, None))
            raise
        return asset


def _proven(found: list[DamAsset], name: str, digest: Digest) -> DamAsset:
    if not found:
        raise TransientError(f"The DAM does not show {name} yet.", code="import not shown")
    asset = found[0]
    if asset.size_bytes != digest.size_bytes:
        raise IntegrityError(
            f"The DAM holds {asset.size_bytes or 0:,} bytes of {name}, we sent {digest.size_bytes:,}.",
            code="size mismatch",
        )
    if asset.md5_hex and asset.md5_hex != digest.md5_hex:
        raise IntegrityError(f"The DAM's checksum of {name} is not ours.", code="checksum mismatch")
    return asset
