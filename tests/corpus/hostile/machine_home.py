# project: relay
# path: relay/machine.py
# function: settings
# kind: another machine
# falls: stable

from relay.machine import settings


def test_settings_lie_at_home():
    assert settings("relay").endswith("home/.relay.toml")
    assert settings("") == ""
