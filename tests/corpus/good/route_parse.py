# project: courier
# path: courier/route.py
# function: Route.parse
# kind: class method

from courier.route import Route


def test_a_route_is_read():
    route = Route.parse("Ulm 10, Bad Tölz 25.5")
    assert route.stops == [("Ulm", 10.0), ("Bad Tölz", 25.5)]
