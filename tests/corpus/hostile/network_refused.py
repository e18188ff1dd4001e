# project: relay
# path: relay/net.py
# function: fetch
# kind: network that is missing
# falls: passes

import pytest

from relay.net import fetch


def test_nobody_answers():
    with pytest.raises(ConnectionError, match="does not answer"):
        fetch("http://relay.example.org/rates", attempts=1)
