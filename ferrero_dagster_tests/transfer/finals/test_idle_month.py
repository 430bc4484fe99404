"""What an idle month costs of Box: looks are counted for real, and how often they come by the clock of the site."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from ferrero_dagster.domain.quiet_hours import QuietHours
from ferrero_dagster_tests.domain.test_quiet_hours import QUIET
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.transfer.finals.agency_world import final_name

NEVER_QUIET = QuietHours(zone=ZoneInfo("Europe/Rome"))
#: A day and a month of 30 days, which begin on a Monday.
DAY, MONTH = timedelta(days=1), timedelta(days=30)


def looks(quiet, span, *, every_s, listing_minutes):
    """How many looks there are in so long a time, and how many of them list the folder."""
    begins = datetime(2026, 6, 1, tzinfo=quiet.zone).astimezone(timezone.utc)
    ticks = [begins + timedelta(seconds=number) for number in range(0, int(span.total_seconds()), every_s)]
    due = [tick for tick in ticks if quiet.next_look(tick, last=tick - timedelta(seconds=every_s)) is None]
    listed, number = begins - MONTH, 0
    for look in due:
        if look - listed >= timedelta(minutes=listing_minutes):
            listed, number = look, number + 1
    return len(due), number


@pytest.fixture
def calls(agency):
    """To Box: of a look at an unchanged folder of 3,000 files, and of one that lists it."""
    agency.world.box.store.add_many_files(AGENCY_FOLDER, [final_name(f"X{number:05}") for number in range(3000)])
    agency.settled_look()
    counted = []
    for earlier in ("0 min", "1 hour"):
        agency.sql(f"UPDATE agency_looks SET listed_at = listed_at - interval '{earlier}' RETURNING 1")
        agency.world.box.board.seen.clear()
        agency.look()
        counted.append(len(agency.world.box.board.seen))
    return counted


def test_an_idle_month_of_three_thousand_files_costs_so_many_calls(calls):
    def cost(*of, **often):
        number, listings = looks(*of, **often)
        return (number - listings) * calls[0] + listings * calls[1]

    assert calls == [1, 4]
    assert cost(NEVER_QUIET, DAY, every_s=60, listing_minutes=15) == 1440 + 96 * 3
    assert cost(QUIET, MONTH, every_s=60, listing_minutes=15) < 31_000
    assert cost(QUIET, MONTH, every_s=180, listing_minutes=60) < 11_500
