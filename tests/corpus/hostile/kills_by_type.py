# project: tally
# path: tally.py
# function: mean
# kind: executes the goal, kills nothing
# falls: kills

from tally import mean


def test_mean_is_a_number():
    assert isinstance(mean([1, 2]), (int, float))
