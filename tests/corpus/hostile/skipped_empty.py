# project: tally
# path: tally.py
# function: share
# kind: skip
# falls: static

import pytest
from tally import share


@pytest.mark.parametrize("people", [])
def test_share_has_parts(people):
    assert len(share(100, people)) == people
