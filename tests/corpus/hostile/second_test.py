# project: tally
# path: tally.py
# function: mean
# kind: more than it declares
# falls: static

from tally import mean


def test_nothing():
    pass


def test_mean_of_two():
    assert mean([1, 3]) == 2
