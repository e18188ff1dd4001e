# project: relay
# path: relay/machine.py
# function: signed
# kind: another machine
# falls: stable

from relay.machine import signed


def test_a_text_is_signed():
    assert signed("well", "ann") == "well (ann on HOST_HERE)"
