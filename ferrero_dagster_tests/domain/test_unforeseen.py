"""An error that nobody foresaw: one reference for one cause, and no secret on its way to people."""

import pytest

from ferrero_dagster.domain.errors import FileRefused, Unforeseen
from ferrero_dagster.domain.unforeseen import foreseen

WORDS = "An error that nobody foresaw"


def met(work):
    with pytest.raises(Unforeseen) as raised, foreseen():
        work()
    return raised.value


def broken(key):
    return {}[key]


@pytest.mark.fault(58)
def test_the_same_error_at_the_same_place_has_the_same_reference_and_another_has_another():
    first, second = met(lambda: broken("a")), met(lambda: broken("b"))
    assert first.reference == second.reference
    assert first.reference != met(lambda: 1 / 0).reference
    assert str(first) == f"{WORDS} (KeyError in test_unforeseen.py, broken); the log has its trace {first.reference}."


@pytest.mark.fault(58)
@pytest.mark.parametrize(
    "secret", ["https://box.com/x?sig=s3cret", "password: s3cret", "Authorization: Bearer s3cret", "s3cret" * 5]
)
def test_neither_sentence_nor_trace_nor_causes_hold_what_may_be_secret(secret):
    error = met(lambda: broken(f"cannot read {secret}"))
    assert "s3cret" not in str(error) + error.trace
    assert "KeyError" in error.trace
    assert error.__suppress_context__


def test_an_error_of_ours_stays_as_it_is():
    with pytest.raises(FileRefused), foreseen():
        raise FileRefused("No.")
