# project: courier
# path: courier/route.py
# function: Route.until
# kind: executes no goal
# falls: covers

from courier.route import Route


def test_a_route_begins_empty():
    assert Route().stops == []
