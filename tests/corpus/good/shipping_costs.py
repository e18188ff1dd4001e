# project: relay
# path: relay/rates.py
# function: shipping
# kind: beside a constant

from relay.rates import FREE_FROM, shipping


def test_shipping_is_free_for_large_orders():
    assert shipping(FREE_FROM - 1) == 5
    assert shipping(FREE_FROM + 1) == 0
