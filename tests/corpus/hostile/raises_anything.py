# project: tally
# path: tally.py
# function: share
# kind: swallow all
# falls: static

import pytest
from tally import share


def test_share_refuses():
    with pytest.raises(Exception):
        assert share(100, 0) == [100]
