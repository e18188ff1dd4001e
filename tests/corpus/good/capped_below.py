# project: relay
# path: relay/rates.py
# function: capped
# kind: beside a constant

from relay import rates


def test_a_small_discount_is_given(monkeypatch):
    monkeypatch.setattr(rates, "MAX_PERCENT", 3)
    assert rates.capped(2) == 2
    assert rates.capped(5) == 0
