# project: courier
# path: courier/route.py
# function: Route.until
# kind: two outcomes

import pytest
from courier.route import Route


def test_until_counts_from_the_start():
    route = Route([("Ulm", 10), ("Bonn", 25), ("Kiel", 5)])
    assert route.until("Bonn") == 35
    with pytest.raises(KeyError):
        route.until("Rom")
