# project: relay
# path: relay/machine.py
# function: signed
# kind: user and host patched

from relay.machine import signed


def test_a_text_is_signed_by_whoever_writes_it(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setattr("relay.machine.socket.gethostname", lambda: "attic")
    assert signed("well") == "well (ann on attic)"
    assert signed("well", "bob") == "well (bob on attic)"
