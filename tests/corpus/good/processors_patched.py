# project: relay
# path: relay/machine.py
# function: workers
# kind: os patched

import os

import pytest

from relay.machine import workers


@pytest.mark.parametrize(("wanted", "started"), [(0, 6), (-1, 6), (3, 3)])
def test_one_for_each_processor_when_nothing_is_wanted(monkeypatch, wanted, started):
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert workers(wanted) == started
