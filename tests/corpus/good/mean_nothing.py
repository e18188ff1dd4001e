# project: tally
# path: tally.py
# function: mean
# kind: module attribute

import tally


def test_mean_of_nothing_is_zero():
    assert tally.mean([]) == 0.0
