"""Samples of the daily report for the gallery: a busy day, a quiet one, and an extreme one."""

from datetime import date, datetime, timedelta, timezone

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
    RequestLine,
    RetryStatus,
    TrendPoint,
)

DAY = date(2026, 4, 27)
MADE_AT = datetime(2026, 4, 28, 5, 0, 12, tzinfo=timezone.utc)
_MARKETS = ("Germany", "France", "Italy", "Spain", "Poland")
_RESET, _RESEND = "reset_campaign_retries", "resend_notifications"


def report_samples() -> dict[str, Report]:
    """A quiet day, one with gaps, one not over, one long past, and one with 200 campaigns and long names."""
    quiet = report_of("Local adaptation test 2", 0)
    long_name = "Ferrero Rocher Weihnachts- und Neujahrskampagne mit Adventskalender, Überarbeitung der Finals " * 3
    return {
        "quiet day": quiet.model_copy(update={"trend": _trend(3), "campaigns": _campaigns("Kinder", 2)}),
        "gaps": quiet.model_copy(update={"gaps": _GAPS}),
        "day not over": report_of("Local adaptation test 2", 4).model_copy(update={"is_over": False}),
        "day long past": report_of("Kinder", 3).model_copy(update={"is_latest": False, "retry_status": ()}),
        "extreme day": report_of(long_name.strip(), 200),
    }


def report_of(campaign_name: str, size: int) -> Report:
    """A day with about `size` files and campaigns, named so."""
    return Report(
        day=DAY,
        begins_at=MADE_AT.replace(second=0) - timedelta(days=1),
        ends_at=MADE_AT.replace(second=0),
        as_of=MADE_AT,
        is_over=True,
        needs=_needs(campaign_name, size),
        needs_total=size // 2,
        balances=_balances(size),
        campaigns=_campaigns(campaign_name, size),
        retry_status=tuple(
            RetryStatus(status=status, no_issues=size, attempt_1=size // 4, attempt_2=size // 12, permanently_failed=0)
            for status in ("A1", "A5", "B1")
        ),
        near_failure=tuple(_near_failure(campaign_name, number) for number in range(size // 6)),
        integrity=(_integrity(DIRECTIONS[0], 2 * size), _integrity(DIRECTIONS[1], size)),
        trend=_trend(size),
        gaps=_GAPS if size else (),
        requests=(
            RequestLine(
                service="Box",
                kind="all",
                calls=900 * size,
                size_bytes=size << 30,
                forecast=999 * size,
                licensed=100_000,
            ),
            RequestLine(service="Box", kind="uploads", calls=100 * size, size_bytes=size << 30, forecast=111 * size),
            RequestLine(service="DAM", kind="all", calls=1500 * size, size_bytes=size << 30, forecast=1666 * size),
        ),
        moved_files=tuple(_moved(campaign_name, number) for number in range(3 * size)),
    )


_GAPS = ("No report was made for 2026-04-25.", "Sensor a1_campaigns has not looked since 2026-04-27 04:12 CEST.")


def _needs(name: str, size: int) -> tuple[Need, ...]:
    samples = _kinds_of_need(name)
    return tuple(samples[number % len(samples)] for number in range(size // 2))


def _kinds_of_need(name: str) -> tuple[Need, ...]:
    """One of each kind that a report may hold."""
    here, there, elsewhere, again = (f"C{78 + number:09} {_local(name, number)}" for number in (1, 3, 4, 5))
    file = f"1234567_RAF_{name}_olv_001_6S_16x9_DE_de_ABC123.mp4"
    mend, resend = (f"Put the cause right, then run {job}." for job in (_RESET, _RESEND))
    upload, rename = "Upload the assets, or change the status.", "Rename or replace the file."
    hold_up = "See what holds it up, or change its status in the DAM."
    go_on = "Put the reason right; the next attempt moves what is missing."
    folder = "Permanently failed: Assets folder not found (tried Master Assets)"
    overdue = "Overdue: in A2 for 45.3 days, at most 30 are expected"
    refused = "Refused: olv is no asset type; the nearest is OLV"
    failing = "3 files keep failing, first: 04_NUTELLA.mp4 is empty (0 bytes) in the DAM; upload it there again"
    lost, message = "It could not be delivered: no such user", "Message 4711, a1_to_a2_complete"
    outage, wait = "Box answers 503 since 22:41", "Nothing, if it comes back by itself."
    return (
        _need(here, folder, mend, days=7, about=("campaign", _id(1)), job=_RESET),
        _need(there, "In A1 without assets, looked at 1,344 times", upload, days=3, about=("campaign", _id(3))),
        _need(elsewhere, overdue, hold_up, days=45, about=("campaign", _id(4))),
        _need(file, refused, rename, days=1, about=("box_file", "2035459900168")),
        _need(again, failing, go_on, days=2, about=("campaign", _id(5))),
        _need(message, lost, resend, days=0, about=("message", "4711"), job=_RESEND),
        _need("Box cannot be used", outage, wait, days=0, about=("system", "Box")),
    )


def _need(what: str, why: str, do: str, *, days: int, about: tuple[Thing, str], job: str | None = None) -> Need:
    since = MADE_AT - timedelta(days=days)
    return Need(what=what, why=why, do=do, since=since, days=days, about=about[0], id=about[1], job=job)


def _id(number: int) -> str:
    return f"ea0dbf4c3b2a19087f6e5d4c3b2a19087f6e{number:04x}"


def _balances(size: int) -> tuple[Balance, Balance]:
    undated = "3 files were moved by cron scripts that left no time, so in no day's count." if size > 100 else None  # noqa: PLR2004
    return (
        Balance(
            direction=DIRECTIONS[0], eligible=2 * size + size // 3 + (3 if undated else 0), moved=2 * size,
            retrying=size // 3, set_aside=0, withdrawn=0, refused=0, remark=undated,
        ),
        Balance(
            direction=DIRECTIONS[1], eligible=size + size // 4 + size // 6, moved=size, retrying=0,
            set_aside=size // 6, withdrawn=0, refused=size // 4,
        ),
    )  # fmt: skip


def _campaigns(name: str, size: int) -> tuple[CampaignLine, ...]:
    return tuple(
        CampaignLine(
            number=f"C{78 + number:09}" if number % 5 else None, name=_local(name, number), campaign_id=_id(number),
            status="A2" if number % 3 else "A1", days=number * 7 % 40 if number % 4 else None,
            files_in_box=12 + number, files_in_dam=9 * (number % 3), pending=max(0, 4 - number),
        )
        for number in range(size)
    )  # fmt: skip


def _near_failure(name: str, number: int) -> NearFailure:
    return NearFailure(
        number=f"C{90 + number:09}", name=_local(name, number), status="A1", attempts=number + 2,
        last_attempt_at=MADE_AT if number else None,
        reason="Assets folder not found (tried Master Assets)" if number % 2 else None,
    )  # fmt: skip


def _local(name: str, number: int) -> str:
    return f"{name} {_MARKETS[number % len(_MARKETS)]}"


def _integrity(direction: Direction, files: int) -> Integrity:
    return Integrity(
        direction=direction, files=files, size_bytes=48_231_907 * files, with_source_hash=files - files // 4,
        with_own_hash=files // 4, unverified=0,
    )  # fmt: skip


def _trend(size: int) -> tuple[TrendPoint, ...]:
    points = []
    for ago in reversed(range(TREND_DAYS)):
        day = DAY - timedelta(days=ago)
        is_quiet = not size or (ago and day.isoweekday() > 5)  # noqa: PLR2004  # nobody works on Saturday
        for direction, files in zip(DIRECTIONS, (2 * size, size), strict=True):
            moved = 0 if is_quiet else max(0, files + ago * 5 % 7 - 3) if ago else files
            median_s = 95.0 + 11 * (ago * 3 % 5) + files if moved else None
            p95_s = 4 * median_s if median_s else None
            points.append(TrendPoint(date=day, direction=direction, moved=moved, median_s=median_s, p95_s=p95_s))
    return tuple(points)


def _moved(name: str, number: int) -> MovedLine:
    return MovedLine(
        moved_at=MADE_AT - timedelta(hours=8, minutes=number), direction=DIRECTIONS[number % 3 // 2],
        campaign_number="C000000078", campaign_name=name, tracking_id=f"AB{number:04}", file=f"{number:02}_{name}.mp4",
        arrived_as=f"{number:02}_{name}_AB{number:04}.mp4", size_bytes=48_231_907,
    )  # fmt: skip
