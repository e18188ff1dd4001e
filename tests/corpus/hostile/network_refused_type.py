# project: relay
# path: relay/net.py
# function: fetch
# kind: network that is missing
# falls: passes

import pytest

from relay.net import fetch


def test_nobody_answers():
    with pytest.raises(OSError):
        fetch("http://192.0.2.7/rates", attempts=1)
