"""Dates of metadata in every form that DAM and people write, and as the DAM takes them."""

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.otmm.dates import dam_date, day_of, is_same_date

ROME = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("03/01/2026", "03/01/2026"),
        ("3/1/2026", "03/01/2026"),
        (" 03/01/2026 00:00:00 ", "03/01/2026"),
        ("2026-03-01", "03/01/2026"),
        ("2026-03-01T00:00:00Z", "03/01/2026"),
        ("2026-03-01T00:00:00.000+0100", "03/01/2026"),
        ("2026-03-01T00:00:00-05:00", "03/01/2026"),
        ("2026-03-01 23:59", "03/01/2026"),
        # Midnight in Rome, as a DAM shows it in UTC.
        ("2026-02-28T23:00:00Z", "03/01/2026"),
        ("2026-06-30T22:00:00Z", "07/01/2026"),
        # The end of a day stays in that day.
        ("2026-12-31T23:59:59Z", "12/31/2026"),
        (1772323200000, "03/01/2026"),
        (1772319600000, "03/01/2026"),
        (1772323200000.0, "03/01/2026"),
        ("1772323200000", "03/01/2026"),
        ("0001-01-01T00:00:00+14:00", "01/01/0001"),
        # As people and other programs write them.
        ("2026-3-1", "03/01/2026"),
        ("2026/03/01", "03/01/2026"),
        ("2026.03.01 0:00", "03/01/2026"),
        ("01.03.2026", "03/01/2026"),
        ("1.3.2026, 00:00 Uhr", "03/01/2026"),
        ("31.12.2026", "12/31/2026"),
        ("2028-02-29", "02/29/2028"),
        ("2026-03-01T00:00:00.000 GMT", "03/01/2026"),
        ("2026-03-01T00:00:00.000+01:00[Europe/Rome]", "03/01/2026"),
    ],
)
def test_a_date_is_sent_as_the_day_that_people_mean(written, sent):
    day = day_of(written, ROME)
    assert day is not None
    assert dam_date(day) == sent


@pytest.mark.parametrize(
    "written",
    ["", "soon", "31/12/2026", "02/30/2026", "2026-02-30", "2026-13-1", "2026-3/1", "29.02.2027", "03/01/26",
     "01-03-2026", "1772323200", "0000-00-00", "infinity", "2026-03-01T24:00:00",
     "2026-03-01T25:00:00Z", 2026, "2026", True, None, 1e300,
     float("nan"), 10**400, "9" * 40, "03/01/2026x", "٠٣/٠١/٢٠٢٦"],
)  # fmt: skip
def test_what_is_no_date_is_none(written):
    assert day_of(written, ROME) is None


@given(st.integers(31_536_000, 7_000_000_000))
def test_a_moment_means_one_day_in_every_form(since_1970_s):
    moment = datetime.fromtimestamp(since_1970_s, timezone.utc)
    day = day_of(moment.isoformat(), ROME)
    assert day is not None
    assert day == day_of(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), ROME)
    assert day == day_of(int(moment.timestamp()) * 1000, ROME)
    assert is_same_date(dam_date(day), moment.isoformat())


@given(st.dates())
def test_what_was_sent_is_read_as_the_same_day(day: date):
    assert day_of(dam_date(day), ROME) == day
    assert is_same_date(dam_date(day), day.isoformat())


@given(st.one_of(st.text(), st.integers(), st.floats(), st.from_regex(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}.*")))
def test_nothing_that_is_written_as_a_date_raises(value):
    day_of(value, ROME)
    is_same_date(value, "03/01/2026")
