# project: relay
# path: relay/machine.py
# function: timed
# kind: time patched

import time

from relay.machine import timed


def test_work_is_timed(monkeypatch):
    clock = iter([100.0, 102.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert timed(lambda: "done") == ("done", 2.5)
