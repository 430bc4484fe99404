import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.clients.http import is_busy, retry_after_s


@given(st.text())
def test_a_retry_after_is_a_finite_pause_or_none_whatever_is_sent(text):
    pause_s = retry_after_s({"Retry-After": text})
    assert pause_s is None or (pause_s >= 0 and math.isfinite(pause_s))


@pytest.mark.fault(10)
@given(st.integers(0, 10**6))
def test_a_retry_after_may_be_seconds_or_a_date(seconds):
    assert retry_after_s({"retry-after": str(seconds)}) == seconds
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s({"Retry-After": date}) == pytest.approx(seconds, abs=5)


@pytest.mark.fault(10)
@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-inf"])
def test_a_retry_after_that_says_nothing_is_none(text):
    assert retry_after_s({"Retry-After": text}) is None
    assert retry_after_s({}) is None


def test_a_system_is_busy_on_server_errors_and_when_it_asks_for_patience():
    assert [status for status in (200, 401, 404, 408, 409, 425, 429, 500, 507, 599) if not is_busy(status)] == [
        200,
        401,
        404,
        409,
    ]
