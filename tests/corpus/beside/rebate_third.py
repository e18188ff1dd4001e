# project: relay
# path: relay/rates.py
# function: rebate
# kind: a possible bug
# quote: Ten percent off from the third order on.

from relay.rates import rebate


def test_the_third_order():
    assert rebate(3) == 10
