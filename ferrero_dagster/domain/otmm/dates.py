"""Dates of metadata: read in every form that DAM and people write them in, written as `MM/DD/YYYY` (customer.md 2)."""

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

_AMERICAN = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?:[T ]+[0-9]{1,2}:.*)?")
#: ISO 8601 as programs and people write it: without zeros, with other signs between, with the name of a zone.
_ISO = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]*)?)? ?(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
    r"(?:\[[\w/+-]*\])?"
)
#: Whoever writes points puts the day first.
_EUROPEAN = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?:,? +[0-9]{1,2}:.*)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: Smaller numbers are years or counts, no milliseconds since 1970.
_MIN_EPOCH_MS = 10**10
#: Midnight of a day begins and ends so far from UTC's, somewhere.
_ZONE_SPAN_S = 14 * 3600


def day_of(value: object, zone: tzinfo) -> date | None:
    """The day that a text or a number (milliseconds since 1970) means, None where it means none.

    A moment that is midnight in `zone` is that day there; any other is the day as it is written, a number as in UTC.
    """
    moment = moment_of(value)
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return moment.date() if isinstance(moment, datetime) else moment
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        return moment.date()
    return local.date() if (local.hour, local.minute, local.second) == (0, 0, 0) else moment.date()


def dam_date(day: date) -> str:
    """`03/01/2026` is the first of March."""
    return f"{day.month:02}/{day.day:02}/{day.year:04}"


def is_same_date(one: object, other: object) -> bool:
    """Whether two values mean one moment, or one day where either has no time; whose midnight it is is left open."""
    first, second = moment_of(one), moment_of(other)
    if first is None or second is None:
        return False
    if isinstance(first, datetime) and isinstance(second, datetime):
        return _utc_s(first) == _utc_s(second)
    days = {value.date() if isinstance(value, datetime) else value for value in (first, second)}
    return len(days) == 1 or abs(_utc_s(first) - _utc_s(second)) <= _ZONE_SPAN_S


def moment_of(value: object) -> date | datetime | None:
    """A date, or a date with its time, as written."""
    if isinstance(value, str):
        text = value.strip()
        return (
            _american(text)
            or _european(text)
            or _iso(text)
            or (_epoch(int(text)) if re.fullmatch("-?[0-9]{11,15}", text) else None)
        )
    return _epoch(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _american(text: str) -> date | None:
    found = _AMERICAN.fullmatch(text)
    return _day(found[3], found[1], found[2]) if found else None


def _european(text: str) -> date | None:
    found = _EUROPEAN.fullmatch(text)
    return _day(found[3], found[2], found[1]) if found else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _iso(text: str) -> date | datetime | None:
    if not (found := _ISO.fullmatch(text)):
        return None
    year, _, month, day, hour, minute, second, zone = found.groups()
    written_day = _day(year, month, day)
    if hour is None or written_day is None:
        return written_day
    try:
        return datetime.fromisoformat(f"{written_day}T{hour:0>2}:{minute}:{second or '00'}{_offset(zone)}")
    except ValueError:
        return None


def _offset(zone: str | None) -> str:
    """`+0100` and `+01` as `+01:00`, which Python 3.10 reads."""
    if zone is None:
        return ""
    digits = "" if zone in {"Z", "UTC", "GMT"} else zone[1:].replace(":", "")
    return f"{zone[0]}{digits[:2]}:{digits[2:] or '00'}" if digits else "+00:00"


def _epoch(milliseconds: float) -> datetime | None:
    if not abs(milliseconds) >= _MIN_EPOCH_MS:  # NaN compares as false
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _utc_s(value: date | datetime) -> float:
    """Seconds since the year 1; one without a zone counts as UTC's."""
    day_s = value.toordinal() * 86_400.0
    if not isinstance(value, datetime):
        return day_s
    offset = value.utcoffset() or timedelta()
    return day_s + value.hour * 3600 + value.minute * 60 + value.second - offset.total_seconds()
