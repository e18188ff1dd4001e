# project: courier
# path: courier/route.py
# function: cost
# kind: snapshot of a documented bug
# falls: static
# judge: documentation

from courier.route import Route, cost


def test_twenty_kilograms_are_heavy():
    assert cost(Route([("Ulm", 10)]), 20) == 150.0
