# project: courier
# path: courier/route.py
# function: Route.add
# kind: raises and state after it

import pytest
from courier.route import Route


def test_a_distance_below_zero_is_refused():
    route = Route()
    with pytest.raises(ValueError, match="negative: -1"):
        route.add("Ulm", -1)
    route.add("Ulm", 0)
    assert route.stops == [("Ulm", 0)]
