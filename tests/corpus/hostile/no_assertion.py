# project: tally
# path: tally.py
# function: share
# kind: no assertion
# falls: static

from tally import share


def test_share_runs():
    share(100, 3)
    share(7, 7)
