"""How long SQL of ours waits, by who is waiting, and as whom PostgreSQL shows it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

#: Who waits. A tick has to end within Dagster's 60 s; a migration may have large tables to go through.
Waiting = Literal["tick", "run", "command", "upgrade"]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: PostgreSQL shows no more of an application's name.
_MAX_NAME_BYTES = 63


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long one user of the database waits, in seconds."""

    #: What `pg_stat_activity.application_name` says.
    shown_as: str = "ferrero_dagster"
    connect_s: int = 5
    #: For one lock that somebody else holds.
    lock_s: float = 30
    #: For one transaction from begin to commit; for a silent server a little longer.
    transaction_s: float = 300
    #: Between two proofs that a lock of a run is still ours.
    lock_check_s: float = 20


class DatabaseSite(BaseModel):
    """Patience with the tracking database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_timeout_s: Annotated[int, Field(ge=2, le=30)]  # libpq knows whole seconds, and none below 2
    lock_timeout_s: dict[Waiting, Seconds]
    transaction_timeout_s: dict[Waiting, Seconds]
    lock_check_s: Seconds

    def patience(self, waiting: Waiting, name: str = "") -> Patience:
        """That of a tick, run or command of this name."""
        return Patience(
            shown_as=f"ferrero_dagster {waiting} {name}".strip()[:_MAX_NAME_BYTES],
            connect_s=self.connect_timeout_s,
            lock_s=self.lock_timeout_s[waiting],
            transaction_s=self.transaction_timeout_s[waiting],
            lock_check_s=self.lock_check_s,
        )
