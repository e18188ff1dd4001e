# project: tally
# path: tally.py
# function: share
# kind: skip
# falls: static

import pytest
from tally import share


@pytest.mark.parametrize("people", [pytest.param(3, marks=pytest.mark.xfail)])
def test_share_has_parts(people):
    assert share(100, people) == [1]
