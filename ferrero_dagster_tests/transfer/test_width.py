"""More files at once while that helps, fewer where a system asks us to slow down."""

from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.transfer.width import Width


class Machine:
    """Moves up to `best` files at once side by side; more at once make each slower."""

    def __init__(self, most=32, best=1000):
        self.now_s = 0.0
        self.width = Width(most, lambda: self.now_s)
        self.best = best
        self.pushbacks = 0

    def move(self, files=1, size_bytes=0):
        for _ in range(files):
            self.now_s += 1 / min(self.width.now, self.best)
            self.width.note(size_bytes, self.pushbacks)


def test_it_begins_with_four_and_reaches_the_most_where_that_helps():
    machine = Machine()
    assert machine.width.now == 4
    machine.move(100)
    assert machine.width.now == 32


def test_it_comes_down_to_as_many_as_help():
    machine = Machine(best=8)
    machine.move(1000)
    widths = [machine.width.now for _ in range(500) if not machine.move()]
    assert sorted({*widths}) == [4, 8, 16]
    assert widths.count(8) > len(widths) / 2


def test_a_short_round_that_moved_a_little_less_does_not_end_the_first_climb():
    machine = Machine()
    for pause_s in (0, 1.2, 0.8, 0):
        machine.now_s += pause_s
        machine.move(machine.width.now)
    assert machine.width.now == 32


def test_the_first_climb_ends_where_more_at_once_move_much_less():
    machine = Machine()
    machine.move(4)
    machine.now_s += 10
    machine.move(8)
    assert machine.width.now == 4


def test_each_time_that_a_system_asks_us_to_slow_down_it_is_halved_and_grows_again_later():
    machine = Machine()
    machine.move(100)
    machine.pushbacks += 3
    machine.move()
    assert machine.width.now == 16
    machine.pushbacks += 1
    machine.move()
    assert machine.width.now == 8
    machine.move(500)
    assert machine.width.now == 32


def test_a_site_that_allows_few_at_once_never_has_more():
    machine = Machine(most=2)
    machine.move(100)
    assert machine.width.now == 2


@given(
    most=st.integers(1, 32),
    steps=st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1 << 30), st.integers(0, 2)), max_size=200),
)
def test_whatever_happens_there_is_always_one_and_never_more_than_the_most(most, steps):
    now, pushbacks = [0.0], 0
    width = Width(most, lambda: now[0])
    for seconds, size_bytes, more in steps:
        now[0] += seconds
        pushbacks += more
        width.note(size_bytes, pushbacks)
        assert 1 <= width.now <= most
