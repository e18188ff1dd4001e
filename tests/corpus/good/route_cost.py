# project: courier
# path: courier/route.py
# function: cost
# kind: approx and arithmetic

import pytest
from courier.route import Route, cost


def test_heavy_parcels_cost_half_as_much_again():
    way = Route([("Ulm", 2), ("Bonn", 3)])
    assert cost(way, 5) == pytest.approx(50.0)
    assert cost(way, 21) == pytest.approx(75.0)
