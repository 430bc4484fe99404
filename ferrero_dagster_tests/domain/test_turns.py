"""Where looks go on: every campaign has its turn, whatever the cursor says."""

from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.turns import Position, in_turn

ids = st.text(max_size=3).map(DamId)


def campaign(campaign_id):
    return Campaign(id=DamId(campaign_id), number="", name="", status="", type="")


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), lambda t: st.lists(t) | t).map(str))
def test_a_cursor_of_any_kind_is_understood_or_left_alone(cursor):
    position = Position.from_cursor(cursor)
    assert position is None or Position.from_cursor(position.to_cursor()) == position


@given(ids, st.integers(1, 9))
def test_a_position_comes_back_as_it_was_written(campaign_id, looks):
    position = Position(campaign_id=campaign_id, looks=looks)
    assert Position.from_cursor(position.to_cursor()) == position


@given(st.sets(ids, min_size=1), ids, st.integers(1, 3))
def test_looks_that_are_cut_reach_every_campaign_though_the_first_of_them_is_gone(known, gone, each):
    campaigns = [campaign(one) for one in known]
    position, reached = Position(campaign_id=gone), set()
    for _ in range(len(campaigns)):
        order = in_turn(campaigns, position)
        reached |= {one.id for one in order[:each]}
        position = Position.cut_at(order[each % len(order)], position)
    assert reached == known


def test_a_campaign_that_no_look_gets_through_lets_the_others_come_first_in_the_end():
    campaigns, position, firsts = [campaign(one) for one in "abc"], None, []
    for _ in range(8):
        first = in_turn(campaigns, position)[0]
        position = Position.cut_at(first, position)
        firsts.append(first.id)
    assert firsts == [*"aaaaabbb"]
