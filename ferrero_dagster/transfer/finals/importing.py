"""Gets one final into the DAM, as a new asset, as a new version, or by finding that it is there (SPEC 4.3, 4.6)."""

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ferrero_dagster.clients.otmm_imports import ImportWatch, StartedImport
from ferrero_dagster.domain.errors import (
    FileRefused,
    ImportFailed,
    ImportInDoubt,
    IntegrityError,
    PermanentError,
    TransientError,
)
from ferrero_dagster.domain.files import DamAsset, Digest
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.words import counted
from ferrero_dagster.tracking import transfers
from ferrero_dagster.tracking.database import HeldLock
from ferrero_dagster.tracking.transfers import FinalTransfer
from ferrero_dagster.transfer.finals.metadata import FinalMetadata
from ferrero_dagster.transfer.finals.namesakes import Namesakes, TargetFolders
from ferrero_dagster.transfer.finals.records import FinalRecords
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFinal:
    """A final in transit, and the asset that it is to become."""

    path: Path
    digest: Digest
    name: str
    folder_id: DamId
    representation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Brought:
    """A final in the DAM; `is_adopted` where it was there already."""

    asset: DamAsset
    is_adopted: bool = False
    is_new_version: bool = False
    #: Ids of the metadata fields that the DAM does not show as we sent them.
    unkept_fields: tuple[str, ...] = ()


class FinalImport:
    """Imports finals of one run; safe to share between threads."""

    def __init__(self, systems: Systems, lock: HeldLock, records: FinalRecords) -> None:
        site = systems.site
        self._lock = lock
        self._records = records
        self._dam = systems.dam
        self._imports = systems.imports
        self._database = systems.database
        self._folders = TargetFolders(systems.dam, systems.database)
        self._metadata = FinalMetadata(systems.dam, site)
        self._verify_checksum = site.dam.verify_checksum
        self._on_existing_name = site.agency.on_existing_name
        self._doubt_s = site.dam_import.job_timeout_s

    def wait_out_doubt(self, final: FinalTransfer, name: str, folder_id: DamId, size_bytes: int) -> None:
        """Before the final is fetched from Box: nothing, unless there is nothing to do for it but to wait.

        Raises:
            ImportInDoubt: an import of it may still be at work, and has made nothing that could be it.
        """
        if self._is_in_doubt(final):
            found = self._folders.namesakes(folder_id, name, final.transfer.tracking_id)
            if all(asset.size_bytes != size_bytes for asset in found.usable):
                raise _in_doubt(name)

    def _is_in_doubt(self, final: FinalTransfer) -> bool:
        since_s = final.since_import_s
        return not final.job_id and since_s is not None and since_s < self._doubt_s

    def bring_in(self, final: FinalTransfer, staged: StagedFinal, uploaded: Callable[[int], None]) -> Brought:
        """The final in the DAM, proven, with its metadata.

        An import whose answer or end an earlier run did not see is found by its job, or by name and content.

        Raises:
            IntegrityError: the DAM holds something else than we sent; PermanentError when that happens again.
            FileRefused: the name is another master's, or is taken and the site refuses that; or the DAM never takes it.
            ImportFailed: the job failed or did not finish.
            ImportInDoubt: an import whose answer we lost may still be at work.
        """
        if final.job_id:
            brought = Brought(self._finished(final, final.job_id, staged))
        else:
            brought = self._found_or_made(final, staged, uploaded)
        return replace(brought, unkept_fields=self._metadata.settled(brought.asset, staged.representation))

    def _found_or_made(self, final: FinalTransfer, staged: StagedFinal, uploaded: Callable[[int], None]) -> Brought:
        name = staged.name
        found = self._folders.namesakes(staged.folder_id, name, final.transfer.tracking_id)
        same = next((asset for asset in found.usable if self._is_same(asset, staged.digest, final, found)), None)
        if same:
            return Brought(same, is_adopted=True)
        if self._is_in_doubt(final):
            raise _in_doubt(name)
        replaced = self._replaced(final, found, name)
        started = self._started(final, staged, replaced, uploaded)
        if started.job_id:
            self._records.keep_job(final.transfer.id, started.job_id)
            asset = self._version_or_asset(final, started.job_id, staged, replaced)
        else:
            assert started.asset_id
            asset = self._proven(final, started.asset_id, staged)
        return Brought(asset, is_new_version=replaced is not None)

    def _version_or_asset(
        self, final: FinalTransfer, job_id: str, staged: StagedFinal, replaced: DamAsset | None
    ) -> DamAsset:
        try:
            return self._finished(final, job_id, staged)
        except ImportFailed as error:
            if replaced and error.over:
                self._imports.undo_check_out(replaced.id, staged.name)
            raise

    def _started(
        self, final: FinalTransfer, staged: StagedFinal, replaced: DamAsset | None, uploaded: Callable[[int], None]
    ) -> StartedImport:
        """The doubt whether an asset comes of it begins with its last bytes, and ends where the DAM says no.

        The campaign's lock is asked for before the first byte, and again before the last: a film takes long.
        """
        self._lock.confirm()
        name, transfer_id = staged.name, final.transfer.id
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        watch = ImportWatch(
            uploaded=uploaded,
            begins=lambda: self._begin(transfer_id),
            refused=lambda: self._database.transact(transfers.forget_job, transfer_id),
        )
        content: dict[str, Any] = {"representation": staged.representation, "watch": watch}
        if replaced:
            return self._imports.start_version(replaced.id, staged.path, name, kind, **content)
        return self._imports.start(staged.path, name, kind, folder_id=staged.folder_id, **content)

    def _begin(self, transfer_id: int) -> None:
        self._lock.confirm()
        self._records.begin_import(transfer_id)

    def _replaced(self, final: FinalTransfer, found: Namesakes, name: str) -> DamAsset | None:
        """The asset that gets a new version: what an import of ours spoiled, or what the site wants replaced."""
        spoiled = next((asset for asset in found.usable if asset.id == final.transfer.target_id), None)
        if spoiled or self._on_existing_name == "duplicate":
            return spoiled
        if self._on_existing_name == "refuse" and (found.usable or found.taken_by):
            raise FileRefused(f"The DAM already holds another {name}; rename the file.", code="name taken in the DAM")
        if found.ours:
            return found.ours[0]
        if found.taken_by:
            raise FileRefused(
                f"In the DAM {name} is the final of another master, {found.taken_by}; rename the file, for example "
                "with another sequence number.",
                code="name taken in the DAM",
            )
        if len(found.unknown) > 1:
            raise FileRefused(
                f"The DAM folder holds {len(found.unknown)} assets named {name}, and none is known as the final of "
                f"{final.transfer.tracking_id}; delete or rename all but one there, then release the file.",
                code="name taken in the DAM",
            )
        return next(iter(found.unknown), None)

    def _finished(self, final: FinalTransfer, job_id: str, staged: StagedFinal) -> DamAsset:
        transfer_id, name = final.transfer.id, staged.name
        try:
            asset_id = self._imports.wait(job_id, name)
        except (ImportFailed, FileRefused) as error:
            is_over = not isinstance(error, ImportFailed) or error.over
            self._database.transact(transfers.forget_job, transfer_id, is_over=is_over)
            raise
        return self._proven(final, asset_id, staged)

    def _proven(self, final: FinalTransfer, asset_id: DamId, staged: StagedFinal) -> DamAsset:
        transfer_id, name = final.transfer.id, staged.name
        found = self._dam.load_assets([asset_id])
        if not found:
            raise TransientError(f"The DAM does not show {name} yet.", code="import not shown")
        try:
            self._prove(found[0], name, staged.digest)
        except IntegrityError as error:
            self._database.transact(transfers.forget_job, transfer_id, wrong_asset_id=asset_id)
            if final.transfer.target_id:
                raise PermanentError(
                    f"{error} It was so at an earlier attempt, too: look at {asset_id} there (where the DAM's "
                    "checksums are not MD5, set dam.verify_checksum to false), then release the file.",
                    code=error.code,
                ) from None
            raise
        return found[0]

    def _is_same(self, asset: DamAsset, digest: Digest, final: FinalTransfer, found: Namesakes) -> bool:
        if asset.size_bytes != digest.size_bytes:
            return False
        if self._verify_checksum and asset.md5_hex:
            return asset.md5_hex == digest.md5_hex
        if asset.id in found.sha1_by_id:
            return found.sha1_by_id[asset.id] == digest.sha1_hex
        # Without a checksum the size decides, but only where an import of ours had begun or made this asset.
        return final.since_import_s is not None or asset.id == final.transfer.target_id

    def _prove(self, asset: DamAsset, name: str, digest: Digest) -> None:
        if asset.size_bytes != digest.size_bytes:
            raise IntegrityError(
                f"The DAM holds {counted(asset.size_bytes or 0, 'byte')} of {name}, we sent {digest.size_bytes:,}.",
                code="size mismatch",
            )
        if self._verify_checksum and asset.md5_hex and asset.md5_hex != digest.md5_hex:
            raise IntegrityError(f"The DAM's checksum of {name} is not ours.", code="checksum mismatch")


def _in_doubt(name: str) -> ImportInDoubt:
    return ImportInDoubt(
        f"The DAM may still be at work on an import of {name} whose answer was lost.", code="import in doubt"
    )
