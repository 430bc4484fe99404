"""Gets one final into the DAM, as a new asset, as a new version, or by finding that it is there (SPEC 4.3, 4.6)."""

import mimetypes
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.clients.otmm_imports import ImportEndedError, OtmmImports
from ferrero_dagster.domain.errors import FileRefused, IntegrityError, TransientError
from ferrero_dagster.domain.files import DamAsset, Digest
from ferrero_dagster.site import Site
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

    def __init__(self, dam: Otmm, imports: OtmmImports, database: Database, site: Site) -> None:
        self._dam = dam
        self._imports = imports
        self._database = database
        self._folders = TargetFolders(dam)
        self._on_existing_name = site.agency.on_existing_name
        self._doubt_s = site.dam_import.job_timeout_s

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
            TransientError: the job failed or did not finish, or one whose answer we lost may still be at work.
        """
        if final.job_id:
            return Brought(self._finished(final, final.job_id, name, digest))
        existing, since_s = self._existing(folder_id, name), final.since_import_s
        same = next((asset for asset in existing if _is_same(asset, digest, ours=since_s is not None)), None)
        if same:
            return Brought(same, is_adopted=True)
        if since_s is not None and since_s < self._doubt_s:
            raise TransientError(
                f"The DAM may still be at work on an import of {name} whose answer was lost.", code="import in doubt"
            )
        replaced = self._replaced(final, existing, name)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        content: dict[str, Any] = {"representation": representation, "uploaded": uploaded}
        self._database.transact(lambda cursor: finals.begin_import(cursor, final.transfer.id))
        if replaced:
            job_id = self._imports.start_version(replaced.id, path, name, kind, **content)
        else:
            job_id = self._imports.start(path, name, kind, folder_id=folder_id, **content)
        self._database.transact(lambda cursor: finals.keep_job(cursor, final.transfer.id, job_id))
        return Brought(self._finished(final, job_id, name, digest), is_new_version=replaced is not None)

    def _existing(self, folder_id: str, name: str) -> list[DamAsset]:
        ids = self._folders.ids(folder_id, name)
        return sorted(self._dam.load_assets(ids), key=lambda asset: asset.id) if ids else []

    def _replaced(self, final: finals.FinalTransfer, existing: list[DamAsset], name: str) -> DamAsset | None:
        """The asset that gets a new version: what an import of ours spoiled, or what the site wants replaced."""
        spoiled = next((asset for asset in existing if asset.id == final.transfer.target_id), None)
        if spoiled or not existing or self._on_existing_name == "duplicate":
            return spoiled
        if self._on_existing_name == "refuse":
            raise FileRefused(f"The DAM already holds another {name}; rename the file.", code="name taken in the DAM")
        return existing[0]

    def _finished(self, final: finals.FinalTransfer, job_id: str, name: str, digest: Digest) -> DamAsset:
        transfer_id = final.transfer.id
        try:
            asset_id = self._imports.wait(job_id, name)
        except ImportEndedError as error:
            is_over = error.over
            self._database.transact(lambda cursor: finals.forget_job(cursor, transfer_id, is_over=is_over))
            raise
        found = self._dam.load_assets([asset_id])
        if not found:
            raise TransientError(f"The DAM does not show {name} yet.", code="import not shown")
        try:
            _prove(found[0], name, digest)
        except IntegrityError:
            self._database.transact(lambda cursor: finals.forget_job(cursor, transfer_id, wrong_asset_id=asset_id))
            raise
        return found[0]


def _is_same(asset: DamAsset, digest: Digest, *, ours: bool) -> bool:
    # Without a checksum of the DAM's the size decides, but only where an import of ours had begun.
    same_bytes = asset.md5_hex == digest.md5_hex if asset.md5_hex else ours
    return asset.size_bytes == digest.size_bytes and same_bytes


def _prove(asset: DamAsset, name: str, digest: Digest) -> None:
    if asset.size_bytes != digest.size_bytes:
        raise IntegrityError(
            f"The DAM holds {asset.size_bytes or 0:,} bytes of {name}, we sent {digest.size_bytes:,}.",
            code="size mismatch",
        )
    if asset.md5_hex and asset.md5_hex != digest.md5_hex:
        raise IntegrityError(f"The DAM's checksum of {name} is not ours.", code="checksum mismatch")
