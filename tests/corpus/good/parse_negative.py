# project: tally
# path: tally.py
# function: parse_amount
# kind: plain

from tally import parse_amount


def test_parse_amount_reads_a_sign():
    assert parse_amount("-0.50") == -50
