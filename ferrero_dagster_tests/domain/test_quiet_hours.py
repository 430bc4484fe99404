"""When sensors look less often."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.config.site import QuietTimeSite
from ferrero_dagster.domain.quiet_hours import QuietHours

ROME = ZoneInfo("Europe/Rome")
#: The customer's habit, as site.yaml shows it.
HABIT = (
    {"days": ["saturday", "sunday"]},
    {
        "days": ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday"],
        "begins": "22:00",
        "ends": "05:00",
    },
)
QUIET = QuietHours(zone=ROME, times=[QuietTimeSite.model_validate(one).rule for one in HABIT])
MINUTES = st.integers(0, 366 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=n))


@pytest.mark.parametrize(
    ("moment", "is_quiet"),
    [
        ("2026-11-27T21:59", False),  # a Friday
        ("2026-11-27T22:00", True),
        ("2026-11-28T12:00", True),
        ("2026-11-29T23:59", True),
        ("2026-11-30T04:59", True),
        ("2026-11-30T05:00", False),
        ("2026-12-01T00:00", True),
        ("2026-12-01T22:00", True),
        ("2026-12-02T12:00", False),
    ],
)
def test_quiet_is_what_the_clock_of_the_site_says(moment, is_quiet):
    assert QUIET.hold(datetime.fromisoformat(moment).replace(tzinfo=ROME)) == is_quiet


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


def test_a_tick_that_does_not_look_knows_when_the_next_look_comes():
    before = local("2026-11-30T22:05")
    assert QUIET.next_look(local("2026-11-30T22:06"), last=before) == local("2026-11-30T22:30")
    assert QUIET.next_look(local("2026-11-30T22:30"), last=local("2026-11-30T22:29")) is None
    assert QUIET.next_look(local("2026-11-30T22:31"), last=None) is None
    assert QUIET.next_look(local("2026-11-30T12:01"), last=local("2026-11-30T12:00")) is None
    end = QuietHours(zone=ROME, times=QUIET.times, every_minutes=240)
    assert end.next_look(local("2026-12-01T04:10"), last=local("2026-12-01T04:09")) == local("2026-12-01T05:00")


@given(moment=MINUTES)
def test_with_ticks_every_minute_the_next_look_comes_when_it_was_said(moment):
    told = QUIET.next_look(moment, last=moment - timedelta(minutes=1))
    if told is not None:
        assert timedelta() < told - moment <= timedelta(minutes=30)
        assert QUIET.next_look(told, last=told - timedelta(minutes=1)) is None


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)])
def test_a_sunday_has_two_looks_an_hour_also_where_clocks_change(day, hours):
    begins = local(f"{day}T00:00").astimezone(timezone.utc)
    ticks = [begins + timedelta(minutes=number) for number in range(60 * hours)]
    looks = [tick for tick in ticks if QUIET.next_look(tick, last=tick - timedelta(minutes=1)) is None]
    assert len(looks) == 2 * hours
    assert {tick.astimezone(ROME).minute for tick in looks} == {0, 30}
