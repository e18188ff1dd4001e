# project: tally
# path: tally.py
# function: mean
# kind: tautology
# falls: static

from tally import mean


def test_mean_is_five():
    assert (mean([1, 2]) == 5, "the mean")
