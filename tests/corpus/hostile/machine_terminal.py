# project: relay
# path: relay/machine.py
# function: columns
# kind: another machine
# falls: stable

from relay.machine import columns


def test_half_of_the_terminal():
    assert columns(50) == 40
