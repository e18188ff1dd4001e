# project: tally
# path: tally.py
# function: mean
# kind: never reached
# falls: static

from tally import mean


def test_mean_is_five():
    yield
    assert mean([1, 2]) == 5
