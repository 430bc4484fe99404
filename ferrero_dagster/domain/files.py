"""What moves and where it belongs, as values: campaigns, DAM assets, Box files, transfers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId

TransferState = Literal["pending", "moved", "set_aside", "withdrawn"]
SourceId = TypeVar("SourceId", DamId, BoxId)
TargetId = TypeVar("TargetId", DamId, BoxId)


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """A campaign folder of the DAM, as read from the folder itself."""

    id: DamId
    number: str
    name: str
    status: str
    type: str

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class DamAsset:
    """One content version of an asset in the DAM; a new version has a new `id` and the same `original_id`."""

    id: DamId
    original_id: DamId
    version: str
    name: str
    #: None for an asset that has metadata only.
    size_bytes: int | None
    #: 32 hex digits where the DAM gives a checksum (contract otmm.md 5.3), else None.
    md5_hex: str | None = None
    #: Past its date in the DAM: not to be used any more.
    expired: bool = False
    #: The asset as the DAM sent it; empty in listings.
    raw: Mapping[str, Any] | None = None
    #: Sentences on values that are kept in another form than the DAM gives them.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class MasterDetails:
    """What is remembered of a master beside its ids."""

    #: Id of the DAM folder that its finals go to.
    finals_folder_id: DamId
    description: str | None
    #: Values of the fields that a final needs (SPEC 6), by field id.
    extracted_fields: dict[str, Any]
    #: JSON as PostgreSQL takes it.
    full_metadata: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxFile:
    """One version of a file in Box; `name` is the name that Box gave it, which may differ from the one sent."""

    id: BoxId
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What a file's bytes are, counted and hashed while they passed."""

    size_bytes: int
    sha1_hex: str
    md5_hex: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownUpload:
    """An upload session at Box, whose parts are of a size that Box has chosen."""

    session_id: str
    part_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer(Generic[SourceId, TargetId]):
    """One content version on its way along one route; the row that makes a second try find its own traces."""

    id: int
    route: str
    campaign_id: DamId
    source_id: SourceId
    source_version: str
    source_name: str
    tracking_id: TrackingId
    state: TransferState
    attempts: int
    target_id: TargetId | None
    target_name: str | None
    size_bytes: int | None
    #: Of what arrived; None where the cron scripts moved it.
    sha1_hex: str | None
    #: How many files of it hold other content in Box by now, and keep their names.
    copies: int


#: A master on its way, and a final.
ToBox = Transfer[DamId, BoxId]
ToDam = Transfer[BoxId, DamId]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival(Generic[TargetId]):
    """A file that is where it was to go, and proven."""

    target_id: TargetId
    target_name: str
    digest: Digest
    #: `given` where the source told a hash to compare with, else `computed` while the bytes passed.
    source_hash: Literal["given", "computed"]
    run_id: str
    #: It was there already.
    adopted: bool
