# project: tally
# path: tally.py
# function: share
# kind: skip
# falls: static

import pytest
from tally import share


@pytest.mark.skip(reason="later")
def test_share_is_exact():
    assert share(100, 3) == [34, 33, 33]
