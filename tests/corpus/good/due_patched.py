# project: relay
# path: relay/machine.py
# function: is_due
# kind: datetime patched

from datetime import date
from unittest.mock import Mock

import pytest

from relay import machine


@pytest.mark.parametrize(("day", "due"), [(1, True), (2, True), (3, False)])
def test_a_day_is_due_when_it_has_come(monkeypatch, day, due):
    monkeypatch.setattr(machine, "date", Mock(today=lambda: date(2024, 5, 2)))
    assert machine.is_due(date(2024, 5, day)) is due
