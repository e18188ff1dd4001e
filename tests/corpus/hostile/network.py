# project: tally
# path: tally.py
# function: share
# kind: network
# falls: static

import socket

from tally import share


def test_share_is_exact():
    socket.create_connection(("192.0.2.1", 80), timeout=1)
    assert share(100, 3) == [34, 33, 33]
