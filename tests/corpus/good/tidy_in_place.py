# project: tally
# path: tally.py
# function: tidy
# kind: change in place

from tally import tidy


def test_tidy_sorts_and_drops_zeros_in_place():
    amounts = [3, 0, -2, 1]
    tidy(amounts)
    assert amounts == [-2, 1, 3]
