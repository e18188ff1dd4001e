# project: relay
# path: relay/rates.py
# function: rebate
# kind: contradicts an open possible bug
# falls: static
# judge: documentation
# beside: rebate_third

from relay.rates import rebate


def test_the_rebate_begins_after_the_third_order():
    assert rebate(4) == 10
    assert rebate(3) == 0
