# project: tally
# path: tally.py
# function: share
# kind: 10 % flaky
# falls: static

import random

from tally import share


def test_share_is_mostly_exact():
    assert random.random() < 0.9
    assert share(100, 3) == [34, 33, 33]
