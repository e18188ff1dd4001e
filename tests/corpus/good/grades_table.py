# project: relay
# path: relay/rates.py
# function: grade
# kind: parametrised boundaries

import pytest

from relay.rates import grade


@pytest.mark.parametrize(
    ("points", "expected"), [(90, "A"), (89, "B"), (81, "B"), (79, "C"), (70, "C"), (69, "F"), (0, "F")]
)
def test_grades(points, expected):
    assert grade(points) == expected
