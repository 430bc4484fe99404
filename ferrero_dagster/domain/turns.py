"""Where a look was cut off, as Dagster's cursor says it to the next one, so that every campaign gets its turn."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId

#: So many looks in a row begin with a campaign that takes longer than a look has; then the others come first.
_MAX_LOOKS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """The campaign to begin with; one that is gone stands for those after it in the order of ids."""

    campaign_id: DamId
    #: How many looks in a row were cut off while they looked at it.
    looks: int = 1

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Position | None":
        """None where the cursor says nothing that we understand: then as if nothing had been cut off."""
        try:
            told = json.loads(cursor or "{}")
            campaign_id, looks = told["campaign_id"], told["looks"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        is_ours = isinstance(campaign_id, str) and isinstance(looks, int)
        return cls(campaign_id=DamId(campaign_id), looks=looks) if is_ours else None

    def to_cursor(self) -> str:
        """For `from_cursor`."""
        return json.dumps(asdict(self))

    @classmethod
    def cut_at(cls, campaign: Campaign, before: "Position | None") -> "Position":
        """Where a look that began `before` was cut off."""
        is_same = before is not None and before.campaign_id == campaign.id
        return cls(campaign_id=campaign.id, looks=before.looks + 1 if before and is_same else 1)


#: For Dagster, which keeps a cursor until it is given another.
NO_CURSOR = "{}"


def in_turn(campaigns: Iterable[Campaign], position: Position | None) -> list[Campaign]:
    """The campaigns from the position on, and around; in their own order where nothing was cut off."""
    if position is None:
        return list(campaigns)
    first, is_too_long = position.campaign_id, position.looks >= _MAX_LOOKS
    return sorted(campaigns, key=lambda one: (one.id < first or (is_too_long and one.id == first), one.id))
