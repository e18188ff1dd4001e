# project: tally
# path: tally.py
# function: mean
# kind: tautology
# falls: static

from tally import mean


def test_mean_is_there():
    result = mean([1, 2])
    assert result is not None or True
