"""While files move Python searches for garbage rarely, and afterwards as before."""

import gc
import weakref

import pytest

from ferrero_dagster.transfer.garbage import rarely_searched


class Node:
    def __init__(self):
        self.own = self


def test_what_is_made_meanwhile_is_searched_rarely_and_found_all_the_same():
    with rarely_searched():
        before = gc.get_stats()[0]["collections"]
        metadata = [[number] for number in range(20_000)]
        assert gc.get_stats()[0]["collections"] - before <= 1
        found = weakref.ref(Node())
        metadata += [[number] for number in range(1_000_000)]
        assert found() is None


def test_afterwards_all_is_as_before_also_when_it_ended_in_an_error():
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(KeyError), rarely_searched():
        raise KeyError
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() <= frozen
