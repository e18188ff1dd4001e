# project: tally
# path: tally.py
# function: mean
# kind: approx

import pytest
from tally import mean


def test_mean_of_three():
    assert mean([1, 2, 2]) == pytest.approx(1.6667, abs=1e-3)
