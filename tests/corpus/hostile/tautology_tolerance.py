# project: tally
# path: tally.py
# function: mean
# kind: tautology
# falls: static

import pytest
from tally import mean


def test_mean_is_about_five():
    assert mean([1, 2]) == pytest.approx(5, abs=1e12)
