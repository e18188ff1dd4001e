# project: tally
# path: tally.py
# function: share
# kind: tautology
# falls: static

from tally import share


def test_share_is_itself():
    expected = share(100, 3)
    assert share(100, 3) == expected
