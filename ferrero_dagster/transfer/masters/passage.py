"""The bytes of one master from the DAM to Box: small ones through memory, large ones in parts as they arrive.

Only what may be packed on the way although we asked for it as it is, or is larger than all memory and yet too small for
parts, rests on disk in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from io import BufferedIOBase
from pathlib import Path

from ferrero_dagster.clients.box_chunks import Content, FileOnDisk, LargeFile
from ferrero_dagster.clients.downloads import Download
from ferrero_dagster.domain.errors import PackedAnswer
from ferrero_dagster.domain.files import BoxFile, DamAsset, Digest, KnownUpload, ToBox
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.tracking import upload_sessions
from ferrero_dagster.tracking.database import Database, HeldLock
from ferrero_dagster.tracking.upload_sessions import UploadKey
from ferrero_dagster.transfer.batch import Transit
from ferrero_dagster.transfer.systems import Systems


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One master on its way, of a size that the DAM has told."""

    systems: Systems
    #: Proven to be ours before anything becomes visible in Box.
    lock: HeldLock
    asset: DamAsset
    size_bytes: int
    transfer: ToBox
    folder_id: BoxId
    box_name: str
    transit: Transit

    def bring(self) -> tuple[BoxFile, Digest, bool]:
        """The file in Box, what its bytes are, and whether it was there already.

        Raises:
            FerreroError: it did not arrive.
        """
        if self.size_bytes >= self.systems.site.box.chunked_from_bytes:
            try:
                return self._in_parts(self._download.pieces)
            except PackedAnswer:
                return self._over_disk()
        if self.size_bytes > self.systems.site.transfer.memory_bytes:
            return self._over_disk()
        with self.transit.memory.room(self.size_bytes):
            return self._at_once(*self._download.into_memory())

    @cached_property
    def _download(self) -> Download:
        return self.systems.dam.content(self.asset, self.transit.progress.downloaded)

    def _over_disk(self) -> tuple[BoxFile, Digest, bool]:
        with self.transit.area.room(self.size_bytes) as path:
            digest = self._download.into_file(path)
            if self.size_bytes >= self.systems.site.box.chunked_from_bytes:
                return self._in_parts(lambda: FileOnDisk(path, digest))
            return self._from_disk(path, digest)

    def _from_disk(self, path: Path, digest: Digest) -> tuple[BoxFile, Digest, bool]:
        with path.open("rb") as content:
            return self._at_once(content, digest)

    def _at_once(self, content: BufferedIOBase, digest: Digest) -> tuple[BoxFile, Digest, bool]:
        self.lock.confirm()
        file, adopted = self.systems.box.upload(
            self.folder_id, self.box_name, content, digest, self.transit.progress.uploaded
        )
        return file, digest, adopted

    def _in_parts(self, content: Callable[[], Content]) -> tuple[BoxFile, Digest, bool]:
        key = UploadKey(
            transfer_id=self.transfer.id,
            source_version=self.transfer.source_version,
            size_bytes=self.size_bytes,
            md5_hex=self.asset.md5_hex or "",
            folder_id=self.folder_id,
            name=self.box_name,
        )
        return self.systems.box.upload_large(
            LargeFile(
                folder_id=self.folder_id,
                name=self.box_name,
                size_bytes=self.size_bytes,
                content=content,
                sessions=RememberedSessions(self.systems.database, key),
                held=self.transit.memory,
                before_commit=self.lock.confirm,
                on_bytes=self.transit.progress.uploaded,
            )
        )


@dataclass(frozen=True)
class RememberedSessions:
    """The sessions of one upload in the tracking database."""

    database: Database
    key: UploadKey

    def known(self) -> KnownUpload | None:
        """The one that may be continued."""
        return self.database.transact(upload_sessions.known, self.key)

    def opened(self, upload: KnownUpload) -> None:
        """Remember it."""
        self.database.transact(upload_sessions.remember, self.key, upload)

    def ended(self, upload: KnownUpload) -> None:
        """Forget it."""
        self.database.transact(upload_sessions.forget, upload.session_id)
