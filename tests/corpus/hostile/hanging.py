# project: tally
# path: tally.py
# function: share
# kind: hanging
# falls: static

from tally import share


def test_share_is_exact():
    parts = share(100, 3)
    while parts:
        pass
    assert parts == [34, 33, 33]
