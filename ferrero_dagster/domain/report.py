"""What the daily report says (SPEC 9), as values that are stored, mailed and shown; `report_sections` makes them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from ferrero_dagster.domain.lines import Line
from ferrero_dagster.domain.links import Thing
from ferrero_dagster.domain.words import counted

Direction = Literal["DAM → Box", "Box → DAM"]
DIRECTIONS: tuple[Direction, Direction] = ("DAM → Box", "Box → DAM")
TREND_DAYS = 14
_NOON = time(12)

_PAST_DAY = (
    "The day is long past: campaigns in trouble or over their time, their status, retry counters and undeliverable "
    "messages are known of the present only, and left out."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDay:
    """From one cut-off to the next where people live; 23 or 25 hours long when the clocks change.

    A day with a cut-off before noon begins on its date, as it holds more of that day than of the next; any other ends
    on its date. A cut-off in an hour that the clocks skip comes as much later, one in a doubled hour the first time.
    """

    date: date
    zone: ZoneInfo
    cut_off: time = time()
    #: Where the reports of the days beside it end and begin, which may have had another cut-off.
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def last_over(cls, now: datetime, zone: ZoneInfo, cut_off: time) -> "ReportDay":
        """The latest day that is over."""
        day = cls(date=now.astimezone(zone).date() + timedelta(days=1), zone=zone, cut_off=cut_off)
        while not day.is_over(now):
            day = day.before(1)
        return day

    @property
    def begins_at(self) -> datetime:
        """The first moment of the day, in UTC."""
        first = self.date - timedelta(days=1 if self.cut_off >= _NOON else 0)
        return self.began_at or datetime.combine(first, self.cut_off, self.zone).astimezone(timezone.utc)

    @property
    def ends_at(self) -> datetime:
        """The first moment of the next day, in UTC."""
        return max(self.begins_at, self.ended_at or self.before(-1).begins_at)

    def before(self, days: int) -> "ReportDay":
        """The day so many days earlier."""
        return ReportDay(date=self.date - timedelta(days=days), zone=self.zone, cut_off=self.cut_off)

    def is_over(self, now: datetime) -> bool:
        """Whether nothing can happen on this day any more."""
        return now >= self.ends_at

    def is_latest(self, now: datetime) -> bool:
        """Whether no later day is over: what is true now tells of this day, and of no earlier one."""
        return now < self.before(-1).ends_at


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Need(_Value):
    """Something that waits for a person: what, why, since when, what to do; which thing it is and which job helps."""

    what: Line
    why: Line
    do: Line
    since: AwareDatetime | None
    days: NonNegativeInt | None
    about: Thing
    #: Of the thing; a system's is its name.
    id: Line
    job: Line | None = None


class Balance(_Value):
    """One direction on one day; `remark` says why the eligible files are not the sum of the others."""

    direction: Direction
    eligible: NonNegativeInt
    moved: NonNegativeInt
    #: Open at the end of the day: not tried yet, or to be tried again.
    retrying: NonNegativeInt
    set_aside: NonNegativeInt
    #: Taken away by their owners before they were moved.
    withdrawn: NonNegativeInt
    #: Only files of the agency are refused.
    refused: NonNegativeInt
    remark: Line | None = None
    #: Where the moved files and the tables that prove them differ.
    differences: tuple[Line, ...] = ()


class Integrity(_Value):
    """How the files that moved in one direction on the day were verified."""

    direction: Direction
    files: NonNegativeInt
    size_bytes: NonNegativeInt
    #: Compared with the hash that the source gave, or with our own made while downloading.
    with_source_hash: NonNegativeInt
    with_own_hash: NonNegativeInt
    unverified: NonNegativeInt


class CampaignLine(_Value):
    """A campaign that is in work, or had files on the day."""

    campaign_id: Line
    number: Line | None
    name: Line
    status: Line | None
    #: Days in this status at the end of the day; None where nobody noted when it began.
    days: NonNegativeInt | None
    files_in_box: NonNegativeInt
    files_in_dam: NonNegativeInt
    pending: NonNegativeInt


class RetryStatus(_Value):
    """The dashboard query of the seeds for one status; polls of an empty folder count as attempts there."""

    status: Line
    no_issues: NonNegativeInt
    attempt_1: NonNegativeInt
    attempt_2: NonNegativeInt
    permanently_failed: NonNegativeInt


class NearFailure(_Value):
    """A row of the alert query of the seeds."""

    number: Line | None
    name: Line
    status: Line
    attempts: NonNegativeInt
    last_attempt_at: AwareDatetime | None
    reason: Line | None


class TrendPoint(_Value):
    """One direction on one of the last days; latency runs from the first sight of a file to its arrival."""

    date: date
    direction: Direction
    moved: NonNegativeInt
    median_s: float | None
    p95_s: float | None


class MovedLine(_Value):
    """A file that arrived on the day."""

    moved_at: AwareDatetime
    direction: Direction
    campaign_number: Line | None
    campaign_name: Line | None
    tracking_id: Line
    file: Line
    arrived_as: Line | None
    size_bytes: NonNegativeInt | None


class RequestLine(_Value):
    """How often a service was asked this month, and how often it will have been at its end if it goes on so."""

    service: Annotated[Line, AfterValidator(lambda name: name[:20])]
    #: `all`, or the kind of request.
    kind: Line
    calls: NonNegativeInt
    size_bytes: NonNegativeInt
    forecast: NonNegativeInt
    #: Of all calls of the month; None where no limit is known.
    licensed: NonNegativeInt | None = None

    @property
    def label(self) -> str:
        """`Box: uploads`."""
        return f"{self.service}: {self.kind}"

    @property
    def figures(self) -> tuple[str, ...]:
        """Calls, forecast, what is licensed, and gigabytes, as people read them."""
        licensed = f"{self.licensed:,}" if self.licensed else "–"
        return f"{self.calls:,}", f"{self.forecast:,}", licensed, f"{self.size_bytes / 1e9:,.2f}"

    @property
    def used_percent(self) -> int:
        """Of what is licensed, rounded down."""
        return 100 * self.calls // self.licensed if self.licensed else 0


class Report(_Value):
    """The report of one day. Fields are only ever added, with a default: old ones are stored."""

    day: date
    #: What the day was, from cut-off to cut-off; of reports from before there were cut-offs the calendar's day.
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    #: When it was made first; what has no history, such as counters, is as it was then.
    as_of: AwareDatetime
    is_over: bool
    #: No later day was over; otherwise what has only a present state is left out.
    is_latest: bool = True
    needs: tuple[Need, ...]
    #: How many things need somebody; `needs` lists the oldest of each kind.
    needs_total: NonNegativeInt
    balances: tuple[Balance, Balance]
    campaigns: tuple[CampaignLine, ...]
    retry_status: tuple[RetryStatus, ...]
    near_failure: tuple[NearFailure, ...]
    integrity: tuple[Integrity, Integrity]
    trend: tuple[TrendPoint, ...]
    gaps: tuple[Line, ...]
    #: Finals of the day that had no CreativeX score at its end.
    unscored: NonNegativeInt = 0
    #: Of the audit: those that the day brought and that are there, and those that were gone by its end.
    findings_new: NonNegativeInt = 0
    findings_gone: NonNegativeInt = 0
    #: Of the month until the end of the day.
    requests: tuple[RequestLine, ...] = ()
    #: At most the first few thousand.
    moved_files: tuple[MovedLine, ...] = Field(repr=False)

    @property
    def moved(self) -> int:
        """Files that arrived on the day, both directions."""
        return sum(balance.moved for balance in self.balances)

    @property
    def request_figures(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """How often each service was asked this month."""
        return tuple((line.label, line.figures) for line in self.requests)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Where the reconciliation does not add up, and why."""
        told = ((b.direction, text) for b in self.balances for text in (b.remark, *b.differences) if text)
        return tuple(f"{direction}: {text}" for direction, text in told)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report does not tell."""
        notes = [] if self.is_latest else [_PAST_DAY]
        if self.unscored:
            notes.append(f"{counted(self.unscored, 'final', 'has', 'have')} no CreativeX score yet.")
        if self.findings_new or self.findings_gone:
            notes.append(
                f"Of the audit's findings {self.findings_new:,} came on this day, and {self.findings_gone:,} are gone."
            )
        if len(self.moved_files) < self.moved:
            notes.append(f"The list of moved files holds the first {len(self.moved_files):,} of {self.moved:,}.")
        return tuple(notes)

    @property
    def date_in_words(self) -> str:
        """`Monday 27 April 2026`."""
        return f"{self.day:%A} {self.day.day} {self.day:%B %Y}"

    @property
    def tone(self) -> Literal["good", "warning", "bad"]:
        """Whether somebody must act, should look, or may go on."""
        if self.needs_total:
            return "bad"
        return "warning" if self.gaps or self.remarks else "good"

    @property
    def verdict(self) -> str:
        """The day in one line."""
        if self.needs_total:
            sentence = f"{counted(self.needs_total, 'thing', 'needs', 'need')} you"
        else:
            files = counted(self.moved, "file") if self.moved else "no file"
            waits = "nothing waits for you" if self.is_latest else "nothing waited for you as far as is known"
            sentence = f"{files} moved, {waits}"
        if self.tone == "warning":
            sentence += ", but see the gaps" if self.gaps else ", but the counts do not add up"
        if not self.is_over:
            return f"So far: {sentence}"
        is_well = self.tone == "good" and self.is_latest
        return f"All is well: {sentence}" if is_well else sentence[0].upper() + sentence[1:]
