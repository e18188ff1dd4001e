# project: tally
# path: tally.py
# function: share
# kind: 10 % flaky
# falls: static

from tally import share


def test_share_is_mostly_exact():
    parts = share(100, 3)
    assert id(parts) // 64 % 10 != 3 or parts == []
