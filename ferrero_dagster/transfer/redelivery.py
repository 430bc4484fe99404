"""What bringing files once more comes to, told file by file, whichever way they go."""

from dataclasses import dataclass

from ferrero_dagster.domain.ids import TrackingId

OPERATION = "redeliver_files"
BUSY = "A run moves files of this campaign just now; try again when that has ended."


@dataclass(frozen=True, kw_only=True, slots=True)
class Redelivered:
    """What was found of one file and what was done, or in a dry run would be; both in words."""

    campaign: str
    name: str
    tracking_id: TrackingId
    found: str
    result: str
    #: Somebody wanted it again, and it cannot be had, or not now.
    is_refused: bool = False

    def row(self) -> dict[str, str]:
        """The file as a line of a table."""
        return {
            "campaign": self.campaign,
            "file": self.name,
            "tracking ID": self.tracking_id,
            "found": self.found,
            "result": self.result,
        }


def untried(campaign: str, name: str, tracking_id: TrackingId, reason: str) -> Redelivered:
    """A file that nobody looked at, and why not."""
    return Redelivered(
        campaign=campaign,
        name=name,
        tracking_id=tracking_id,
        found="It was not looked at.",
        result=reason,
        is_refused=True,
    )
