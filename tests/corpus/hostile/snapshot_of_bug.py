# project: tally
# path: tally.py
# function: discount
# kind: snapshot of a documented bug
# falls: static
# judge: documentation

from tally import discount


def test_discount_of_more_than_everything():
    assert discount(500, 120) == -100
