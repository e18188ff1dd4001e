# project: relay
# path: relay/rates.py
# function: shipping
# kind: contradicts a constant's name
# falls: static
# judge: documentation

from relay.rates import shipping


def test_what_shipping_costs():
    assert shipping(50) == 5
    assert shipping(51) == 0
