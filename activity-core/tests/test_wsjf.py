"""The arithmetic, against figures worked out by hand and against its own definition."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from activity_core.core.wsjf import COLUMNS, SCALE, Estimates, close_calls, columns_without_a_one, order

ESTIMATES = st.builds(Estimates, *[st.sampled_from(SCALE)] * 4)


def test_cost_of_delay_and_wsjf():
    each = Estimates(8, 13, 3, 5)
    assert (each.cost_of_delay, each.wsjf) == (24, Fraction(24, 5))


def test_the_higher_wsjf_goes_first_and_a_small_job_beats_a_valuable_one():
    assert order([Estimates(20, 20, 20, 20), Estimates(5, 3, 2, 1)]) == [1, 0]


def test_ranks_come_from_unrounded_values():
    third, more = Estimates(1, 1, 1, 13), Estimates(1, 1, 3, 20)  # 0.2307… and 0.25
    assert order([third, more]) == [1, 0]
    assert order([Estimates(20, 20, 20, 13), Estimates(20, 20, 20, 13)]) == [0, 1]


def test_ties_by_time_criticality_then_smaller_size_then_the_digest():
    assert order([Estimates(8, 1, 1, 1), Estimates(1, 8, 1, 1)]) == [1, 0]
    big, small = Estimates(5, 2, 3, 5), Estimates(1, 2, 1, 2)
    assert big.wsjf == small.wsjf
    assert order([big, small]) == [1, 0]
    assert order([small, small, small]) == [0, 1, 2]
    assert order([Estimates(1, 1, 1, 1), Estimates(1, 3, 2, 2)]) == [1, 0]


def test_a_close_call_names_what_it_swaps_rank_with():
    first, second, far = Estimates(8, 5, 3, 2), Estimates(8, 5, 2, 2), Estimates(1, 1, 1, 20)
    assert close_calls([first, second, far]) == [{1}, {0}, set()]


def test_a_column_without_a_one_is_named():
    assert columns_without_a_one([Estimates(1, 2, 1, 3), Estimates(3, 5, 1, 1)]) == ["time_criticality"]
    assert columns_without_a_one([]) == []


@given(st.lists(ESTIMATES, max_size=7))
def test_an_order_is_a_permutation_that_never_rises(estimates):
    ranked = order(estimates)
    assert sorted(ranked) == list(range(len(estimates)))
    values = [estimates[each].wsjf for each in ranked]
    assert values == sorted(values, reverse=True)


@given(st.lists(ESTIMATES, min_size=1, max_size=5), st.data())
def test_what_is_not_close_keeps_its_rank_whatever_single_step_it_makes(estimates, data):
    position = data.draw(st.integers(0, len(estimates) - 1))
    name = data.draw(st.sampled_from(COLUMNS))
    at = SCALE.index(getattr(estimates[position], name)) + data.draw(st.sampled_from([-1, 1]))
    if not 0 <= at < len(SCALE):
        return
    values = {column: getattr(estimates[position], column) for column in COLUMNS} | {name: SCALE[at]}
    moved = [*estimates[:position], Estimates(**values), *estimates[position + 1 :]]
    if order(moved) != order(estimates):
        assert close_calls(estimates)[position]
