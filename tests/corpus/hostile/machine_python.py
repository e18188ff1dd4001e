# project: relay
# path: relay/machine.py
# function: banner
# kind: another machine
# falls: stable

from relay.machine import banner


def test_the_banner_has_the_version():
    assert banner("") == "PYTHON_HERE"
