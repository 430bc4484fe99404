"""Frames in, report out: what each section of the daily report says. Pure; the frames come from `tracking`.

In all frames a missing value is None, NaN or NaT alike, and times are aware.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ferrero_dagster.domain import audit
from ferrero_dagster.domain.links import Thing
from ferrero_dagster.domain.report import (
    DIRECTIONS,
    TREND_DAYS,
    Balance,
    CampaignLine,
    Direction,
    Integrity,
    MovedLine,
    NearFailure,
    Need,
    Report,
    ReportDay,
    RetryStatus,
    TrendPoint,
)
from ferrero_dagster.domain.words import counted

if TYPE_CHECKING:
    import pandas as pd

_SECONDS_PER_DAY = 86400
_FORGOTTEN_INTERVALS = 10

#: The table that proves what has moved, and where the file itself is.
_PROOFS: dict[Direction, tuple[str, str]] = {
    "DAM → Box": ("master_assets", "Box"),
    "Box → DAM": ("derivative_assets", "the DAM"),
}
_DIFFERENCES = {
    "unproven": "{files} counted as moved, but not proven in {table}, such as {example}: look for it in {place}, and "
    "restore its row from a backup of the database.",
    "unmoved": "{files} proven in {table}, but not counted as moved, such as {example}: look for it in {place}, and "
    "run its campaign again, which adopts what is there.",
}


@dataclass(frozen=True, kw_only=True)
class ReportFrames:
    """What the tracking database says of a day; `direction` is one of DIRECTIONS wherever it occurs."""

    #: One row per direction and campaign with files: `direction`, `campaign_id`, the counts of `Balance`, `undated`
    #: (moved, but the cron scripts left no time), and `size_bytes`, `with_source_hash`, `with_own_hash` of the moved.
    flows: pd.DataFrame
    #: `campaign_id`, `number`, `name`, `status`, `status_since`, `files_in_box`, `files_in_dam`.
    campaigns: pd.DataFrame
    #: Open rounds that failed and open files with an error, by campaign: `campaign_id`, `number`, `name`, `files`,
    #: `runs` (that failed), `reason` (of the first file), `since`.
    failing: pd.DataFrame
    #: Campaigns that a sensor found ready and no run has begun: `campaign_id`, `number`, `name`, `since`.
    unbegun: pd.DataFrame
    #: Where the moved files of the day and the tables that prove them differ: `direction`, `finding`, `files`,
    #: `example`.
    differences: pd.DataFrame
    #: Campaigns failed, or tried or polled twice and more: `campaign_id`, `number`, `name`, `status`, `attempts`,
    #: `errors`, `last_attempt_at`, `permanently_failed`, `reason`, `since`.
    troubled: pd.DataFrame
    #: `campaign_id`, `number`, `name`, `status`, `since`, `days`, `max_days` of campaigns over their time.
    overdue: pd.DataFrame
    #: `campaign_id` of campaigns whose every master has a final, and that a person may advance.
    ready: pd.DataFrame
    #: The columns of `RetryStatus`.
    retry_status: pd.DataFrame
    #: `file_id`, `name`, `reason`, `since`, `total` (of all such files, where the list is cut).
    refused: pd.DataFrame
    #: `direction`, `source_id`, `name`, `reason`, `since`, `total`.
    set_aside: pd.DataFrame
    #: `id`, `template`, `reason`, `since`, `total`.
    undeliverable: pd.DataFrame
    #: `system`, `message`, `since`.
    outages: pd.DataFrame
    #: What is red in Dagster: `name`, `message`, `since`.
    reds: pd.DataFrame
    #: What audits had found: `kind`, `name`, `detail`, `thing`, `thing_id`, `since`, `total`.
    findings: pd.DataFrame
    #: One row: `found` and `gone`, how many findings the day brought and took.
    finding_counts: pd.DataFrame
    #: The columns of `TrendPoint`, `days_ago` in place of `date`; days without files are missing.
    trend: pd.DataFrame
    #: The columns of `MovedLine`.
    moved_files: pd.DataFrame
    #: `date` of every earlier report that is stored.
    reported: pd.DataFrame
    #: `day`, `last_error` of reports whose mails have not left, though they should have.
    unsent: pd.DataFrame


class _Trouble(NamedTuple):
    """Why something needs somebody, what to do, and the job that helps."""

    why: str
    do: str
    job: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorLook:
    """When a sensor or schedule that is switched on last looked without failing; None if it never did."""

    name: str
    kind: Literal["Sensor", "Schedule"] = "Sensor"
    is_running: bool
    interval_s: float
    last_look_at: datetime | None

    def is_silent(self, as_of: datetime, *, intervals: int) -> bool:
        """Whether it is switched on and has not looked for so many intervals, or a quarter of an hour."""
        longest_s = max(intervals * self.interval_s, 900)
        last = self.last_look_at
        return self.is_running and (last is None or (as_of - last).total_seconds() > longest_s)


def build_report(
    frames: ReportFrames,
    *,
    day: ReportDay,
    as_of: datetime,
    sensors: Sequence[SensorLook],
    polls_before_warning: int,
    unscored: int = 0,
) -> Report:
    """The report of `day`, made at `as_of`; the same arguments always give the same report.

    `unscored` are the finals of the day without a CreativeX score at its end.
    """
    needs = tuple(_needs(frames, day, polls_before_warning))
    cut = (frames.refused, frames.set_aside, frames.undeliverable, frames.findings)
    unlisted = sum(_total(frame) - len(frame) for frame in cut)
    return Report(
        day=day.date,
        begins_at=day.begins_at,
        ends_at=day.ends_at,
        as_of=as_of,
        is_over=day.is_over(as_of),
        is_latest=day.is_latest(as_of),
        needs=needs,
        needs_total=len(needs) + unlisted,
        balances=(_balance(frames, DIRECTIONS[0]), _balance(frames, DIRECTIONS[1])),
        campaigns=_campaigns(frames, day),
        retry_status=tuple(RetryStatus(**row) for row in _rows(frames.retry_status)),
        near_failure=tuple(_near_failure(row) for row in _rows(frames.troubled) if not row["permanently_failed"]),
        integrity=(_integrity(frames.flows, DIRECTIONS[0]), _integrity(frames.flows, DIRECTIONS[1])),
        trend=_trend(frames.trend, day),
        gaps=(
            *_missing_reports(frames.reported, day),
            *_unsent_reports(frames.unsent, day),
            *_silent_sensors(sensors, day, as_of),
            *_unbegun(frames.unbegun, day),
        ),
        unscored=unscored,
        findings_new=int(frames.finding_counts["found"].sum()),
        findings_gone=int(frames.finding_counts["gone"].sum()),
        moved_files=tuple(MovedLine(**row) for row in _rows(frames.moved_files)),
    )


def _needs(frames: ReportFrames, day: ReportDay, polls_before_warning: int) -> Iterator[Need]:
    yield from _campaign_needs(frames, day, polls_before_warning)
    for row in _rows(frames.refused):
        do = "Rename or replace the file in Box; it is looked at again by itself."
        trouble = _Trouble(f"Refused: {row['reason']}", do)
        yield _need(row, day, row["name"], trouble, ("box_file", row["file_id"]))
    for row in _rows(frames.set_aside):
        do = "Put the cause right, then run release_set_aside_files."
        trouble = _Trouble(f"Set aside: {row['reason']}", do, "release_set_aside_files")
        about: Thing = "box_file" if row["direction"] == "Box → DAM" else "asset"
        yield _need(row, day, row["name"], trouble, (about, row["source_id"]))
    for row in _rows(frames.undeliverable):
        do = "Put the cause right, then run resend_notifications."
        trouble = _Trouble(f"It could not be delivered: {row['reason']}", do, "resend_notifications")
        yield _need(row, day, f"Message {row['id']}, {row['template']}", trouble, ("message", str(row["id"])))
    for row in _rows(frames.outages):
        do = "Nothing, if it comes back by itself; work then goes on where it stopped."
        trouble = _Trouble(row["message"], do)
        yield _need(row, day, f"{row['system']} cannot be used", trouble, ("system", row["system"]))
    for row in _rows(frames.reds):
        trouble = _Trouble(row["message"], "Open it in Dagster; once it is green again, work goes on where it stopped.")
        yield _need(row, day, f"{row['name']} is red", trouble, ("system", row["name"]))
    yield from _findings(frames, day)


def _findings(frames: ReportFrames, day: ReportDay) -> Iterator[Need]:
    for row in _rows(frames.findings):
        kind = audit.KINDS.get(row["kind"])
        do = kind.do if kind else "See whether it is still so."
        trouble = _Trouble(f"The audit found it {row['kind']}: {row['detail']}", do, kind.job if kind else None)
        yield _need(row, day, row["name"], trouble, (row["thing"], row["thing_id"]))


def _campaign_needs(frames: ReportFrames, day: ReportDay, polls_before_warning: int) -> Iterator[Need]:
    """Each campaign once, under the first of its troubles; one that is over its time too says both."""
    overdue = {row["campaign_id"]: row for row in _rows(frames.overdue)}
    in_trouble = [(row, _trouble(row, polls_before_warning)) for row in _rows(frames.troubled)]
    failing = [(row, _failing(row)) for row in _rows(frames.failing)]
    named = set()
    for row, trouble in in_trouble + failing:
        campaign_id = row["campaign_id"]
        if trouble and campaign_id not in named:
            named.add(campaign_id)
            late = overdue.pop(campaign_id, None)
            both = trouble._replace(why=f"{trouble.why}; {_overdue(late)}") if late else trouble
            yield _need(late or row, day, _campaign_title(row), both, ("campaign", campaign_id))
    ready = set(frames.ready["campaign_id"])
    for row in overdue.values():
        trouble = _late(row, is_ready=row["campaign_id"] in ready)
        yield _need(row, day, _campaign_title(row), trouble, ("campaign", row["campaign_id"]))


def _late(row: dict[str, Any], *, is_ready: bool) -> _Trouble:
    """Why a campaign that is over its time, and in no other trouble, needs somebody, and what to do."""
    if is_ready:
        why = f"Every master has a final, nobody has advanced it: {_overdue(row)}"
        return _Trouble(why, "If no other language is to come, run advance_campaigns.", "advance_campaigns")
    return _Trouble(f"Overdue: {_overdue(row)}", "See what holds it up, or change its status in the DAM.")


def _overdue(row: dict[str, Any]) -> str:
    return f"in {row['status']} for {row['days']:.1f} days, at most {row['max_days']:g} are expected"


def _need(row: dict[str, Any], day: ReportDay, what: str, trouble: _Trouble, about: tuple[Thing, str]) -> Need:
    since, days = row["since"], _days(row["since"], day)
    return Need(what=what, since=since, days=days, about=about[0], id=about[1], **trouble._asdict())


def _trouble(row: dict[str, Any], polls_before_warning: int) -> _Trouble | None:
    """Why a campaign needs somebody and what to do; None for one that has only waited a while for its assets."""
    reason = row["reason"] or "no reason was noted"
    if row["permanently_failed"]:
        do = "Put the reason right, then run reset_campaign_retries."
        return _Trouble(f"Permanently failed: {reason}", do, "reset_campaign_retries")
    if row["errors"]:
        why = f"Near failure, {row['errors']} of {row['attempts']} looks failed: {reason}"
        return _Trouble(why, "Put the reason right before the last attempt.")
    if row["attempts"] >= polls_before_warning:
        why = f"In {row['status']} without assets, looked at {row['attempts']:,} times"
        return _Trouble(why, "Upload the assets, or change the status in the DAM.")
    return None


def _failing(row: dict[str, Any]) -> _Trouble:
    """Why a campaign whose runs or files keep failing needs somebody, and what to do."""
    files, runs = row["files"], row["runs"]
    if files:
        why = f"{counted(files, 'file', 'keeps failing', 'keep failing, first')}: {row['reason'].rstrip('.')}"
    else:
        why = f"{counted(runs, 'run')} ended without moving everything"
    return _Trouble(why, "Put the reason right; the next attempt moves what is missing.")


def _balance(frames: ReportFrames, direction: Direction) -> Balance:
    flows = frames.flows
    names = ("eligible", "moved", "retrying", "set_aside", "withdrawn", "refused")
    sums = flows.loc[flows["direction"] == direction, [*names, "undated"]].sum()
    undated = int(sums["undated"])
    remark = f"{counted(undated, 'file', 'was', 'were')} moved by cron scripts that left no time, so in no day's count."
    return Balance(
        direction=direction,
        **{name: int(sums[name]) for name in names},
        remark=remark if undated else None,
        differences=tuple(_difference(row) for row in _rows(frames.differences) if row["direction"] == direction),
    )


def _difference(row: dict[str, Any]) -> str:
    table, place = _PROOFS[row["direction"]]
    files = counted(row["files"], "file", "was", "were")
    return _DIFFERENCES[row["finding"]].format(files=files, example=row["example"], table=table, place=place)


def _integrity(flows: pd.DataFrame, direction: Direction) -> Integrity:
    names = ["moved", "size_bytes", "with_source_hash", "with_own_hash"]
    moved, size_bytes, given, own = map(int, flows.loc[flows["direction"] == direction, names].sum())
    return Integrity(
        direction=direction, files=moved, size_bytes=size_bytes, with_source_hash=given, with_own_hash=own,
        unverified=moved - given - own,
    )  # fmt: skip


def _campaigns(frames: ReportFrames, day: ReportDay) -> tuple[CampaignLine, ...]:
    """The campaigns, those with open files first, then the longest in their status."""
    flows = frames.flows
    pending = (flows["retrying"] + flows["set_aside"]).groupby(flows["campaign_id"]).sum().to_dict()
    lines = [
        CampaignLine(
            campaign_id=row["campaign_id"],
            number=row["number"],
            name=_campaign_title(row, number=False),
            status=row["status"],
            days=_days(row["status_since"], day),
            files_in_box=row["files_in_box"],
            files_in_dam=row["files_in_dam"],
            pending=pending.get(row["campaign_id"], 0),
        )
        for row in _rows(frames.campaigns)
    ]
    return tuple(sorted(lines, key=lambda line: (-line.pending, -(line.days or 0), line.number or "", line.name)))


def _near_failure(row: dict[str, Any]) -> NearFailure:
    return NearFailure(
        number=row["number"], name=_campaign_title(row, number=False), status=row["status"], attempts=row["attempts"],
        last_attempt_at=row["last_attempt_at"], reason=row["reason"],
    )  # fmt: skip


def _campaign_title(row: dict[str, Any], *, number: bool = True) -> str:
    shown = (row["number"] if number else None, row["name"])
    return " ".join(part for part in shown if part and part.strip()) or f"Campaign {row['campaign_id']}"


def _trend(frame: pd.DataFrame, day: ReportDay) -> tuple[TrendPoint, ...]:
    known = {(row["days_ago"], row["direction"]): row for row in _rows(frame)}
    points = []
    for ago in reversed(range(TREND_DAYS)):
        for direction in DIRECTIONS:
            row = known.get((ago, direction), {"moved": 0, "median_s": None, "p95_s": None})
            points.append(
                TrendPoint(
                    date=day.before(ago).date, direction=direction, moved=row["moved"], median_s=row["median_s"],
                    p95_s=row["p95_s"],
                )
            )  # fmt: skip
    return tuple(points)


def _missing_reports(frame: pd.DataFrame, day: ReportDay) -> Iterator[str]:
    """The days since the first report, of the last two weeks, that have none."""
    reported: set[date] = set(frame["date"])
    for ago in reversed(range(1, TREND_DAYS)):
        missing = day.before(ago).date
        if reported and min(reported) < missing and missing not in reported:
            yield f"No report was made for {missing}."


def _unsent_reports(frame: pd.DataFrame, day: ReportDay) -> Iterator[str]:
    for row in _rows(frame):
        if row["day"] < day.date:
            reason = f": {row['last_error']}" if row["last_error"] else "."
            yield f"The mail of the report for {row['day']} has not left{reason}"


def _silent_sensors(sensors: Sequence[SensorLook], day: ReportDay, as_of: datetime) -> Iterator[str]:
    if not day.is_latest(as_of):
        return  # what sensors do now says nothing about a day long past
    for sensor in sensors:
        who, done = f"{sensor.kind} {sensor.name}", "looked" if sensor.kind == "Sensor" else "run"
        last = sensor.last_look_at
        if not sensor.is_running:
            yield f"{who} is switched off."
        elif last is None:
            yield f"{who} has never {done}."
        elif sensor.is_silent(as_of, intervals=_FORGOTTEN_INTERVALS):
            yield f"{who} has not {done} since {last.astimezone(day.zone):%Y-%m-%d %H:%M %Z}."


def _unbegun(frame: pd.DataFrame, day: ReportDay) -> Iterator[str]:
    for row in _rows(frame):
        since = f"{row['since'].astimezone(day.zone):%Y-%m-%d %H:%M %Z}"
        yield (
            f"{_campaign_title(row)}: a sensor found its files at {since}, but no run has begun, so they are in no "
            "count; see whether runs wait in Dagster's queue."
        )


def _days(since: datetime | None, day: ReportDay) -> int | None:
    return None if since is None else max(0, int((day.ends_at - since).total_seconds() // _SECONDS_PER_DAY))


def _total(frame: pd.DataFrame) -> int:
    return 0 if frame.empty else int(frame["total"].iloc[0])


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows with plain Python values; what is missing is None, whatever pandas made of it."""
    import pandas as pd  # noqa: PLC0415  # slow to load

    none: Any = None  # of pandas' stubs for Python 3.10 `where` takes no None
    plain = frame.astype(object).where(frame.notna(), none)
    for row in plain.to_dict("records"):
        yield {
            str(name): value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
            for name, value in row.items()
        }
