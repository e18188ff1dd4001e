# project: relay
# path: relay/rates.py
# function: level
# kind: contradicts prose
# falls: static
# judge: documentation

from relay.rates import level


def test_the_levels():
    assert level(76) == "high"
    assert level(75) == "normal"
    assert level(24) == "low"
