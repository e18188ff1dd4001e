# project: tally
# path: tally.py
# function: share
# kind: assert True
# falls: static

from tally import share


def test_share_works():
    share(100, 3)
    assert True
