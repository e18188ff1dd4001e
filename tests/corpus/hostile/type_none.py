# project: relay
# path: relay/rates.py
# function: initial
# kind: contradicts types
# falls: static
# judge: documentation

from relay.rates import initial


def test_nothing_begins_with_nothing():
    assert initial(["ab"]) == "A"
    assert initial([]) is None
