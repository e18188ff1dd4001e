# project: tally
# path: tally.py
# function: parse_amount
# kind: duplicate of an existing test
# falls: kills

from tally import parse_amount


def test_amounts_are_read():
    assert parse_amount("12.34") == 1234
