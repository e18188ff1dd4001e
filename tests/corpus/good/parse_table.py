# project: tally
# path: tally.py
# function: parse_amount
# kind: parametrize

import pytest
from tally import parse_amount


@pytest.mark.parametrize(
    ("text", "expected"), [("12", 1200), ("+3.05", 305), (" 7.10 ", 710), ("-1", -100)]
)
def test_parse_amount_takes_signs_and_blanks(text, expected):
    assert parse_amount(text) == expected
