# project: relay
# path: relay/rates.py
# function: level
# kind: boundaries beside prose

from relay.rates import level


def test_levels():
    assert [level(load) for load in (76, 74, 25, 24)] == ["high", "normal", "normal", "low"]
