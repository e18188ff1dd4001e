# project: relay
# path: relay/machine.py
# function: banner
# kind: platform patched

from unittest.mock import patch

from relay.machine import banner


def test_the_banner_has_the_version():
    with patch("relay.machine.platform.python_version", return_value="3.99.1"):
        assert banner("relay") == "relay 3.99.1"
        assert banner("") == "3.99.1"
