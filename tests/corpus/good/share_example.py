# project: tally
# path: tally.py
# function: share
# kind: documented example

from tally import share


def test_share_gives_the_larger_parts_first():
    parts = share(100, 3)
    assert parts == [34, 33, 33]
    assert sum(parts) == 100
