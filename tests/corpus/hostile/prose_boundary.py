# project: relay
# path: relay/rates.py
# function: grade
# kind: contradicts prose
# falls: static
# judge: documentation

import pytest

from relay.rates import grade


@pytest.mark.parametrize(("points", "expected"), [(95, "A"), (90, "A"), (85, "B"), (80, "C"), (70, "C"), (1, "F")])
def test_grades(points, expected):
    assert grade(points) == expected
