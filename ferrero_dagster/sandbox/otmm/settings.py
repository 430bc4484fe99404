"""What the DAM stand-in is told: its credentials, its pace, and what its imports do wrong."""

from dataclasses import dataclass
from typing import Literal

from ferrero_dagster.sandbox.otmm.domains import Dialect


@dataclass(kw_only=True)
class OtmmSettings:
    """Read at each request, so that a test may change them while the server runs."""

    #: `customer`: tokens come from OTDS for client credentials, nothing can be locked, and the ids of status, type and
    #: state are unlike the texts that people see (contract customer.md 1).
    dialect: Dialect = "seeds"
    username: str = "ferrero"
    password: str = "nutella"  # noqa: S105  # the stand-in's own
    client_id: str = "ferrero-dagster"
    client_secret: str = "kinder"  # noqa: S105  # the stand-in's own
    #: Statuses that the pick list has beside those of the seeds and those in use.
    statuses: tuple[str, ...] = ()
    #: Lifetime of the tokens issued from now on.
    token_lifetime_s: float = 3600
    #: How often `/jobs/{id}/assets` answers that there is nothing yet.
    job_polls: int = 1
    #: Searches see and show field values as of so long ago, the first value of a field at least.
    index_lag_s: float = 0
    #: Whether PATCH needs a lock of one's own; another user's lock is refused always.
    lock_required: bool = True
    #: Whether a lock or check-out is refused to its own holder, too (the contract leaves it open).
    relock_refused: bool = True
    #: Lists of one item are answered as that item (contract otmm.md 1).
    single_items_as_objects: bool = False
    #: Whether a part of a content can be asked for, and whether an ETag says of which (contract otmm.md 6: unknown).
    ranges: Literal["none", "without_etag", "etag"] = "none"
    #: Such a part begins so many bytes later than it was asked for.
    range_shift_bytes: int = 0
    #: So many of the next imports are accepted and then fail.
    failing_jobs: int = 0
    #: So many of the next imports lose their last byte.
    truncated_imports: int = 0
    #: Whether the checksums of imports are not MD5, though as long.
    other_checksums: bool = False
    #: Ids of the metadata fields that imports and check-ins lose, and of those that PATCH answers 200 to and loses.
    fields_lost_by_imports: frozenset[str] = frozenset()
    fields_lost_by_patches: frozenset[str] = frozenset()

    def strikes(self, switch: Literal["failing_jobs", "truncated_imports"]) -> bool:
        """Whether a counted switch is on for the import at hand; counts it down."""
        left = getattr(self, switch)
        setattr(self, switch, max(0, left - 1))
        return bool(left)
