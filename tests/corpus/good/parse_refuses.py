# project: tally
# path: tally.py
# function: parse_amount
# kind: raises with match

import pytest
from tally import parse_amount


def test_parse_amount_refuses_words():
    with pytest.raises(ValueError, match="no amount: 'twelve'"):
        parse_amount("twelve")
