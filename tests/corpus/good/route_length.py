# project: courier
# path: courier/route.py
# function: Route.length
# kind: property of a class

from courier.route import Route


def test_the_length_is_the_sum():
    route = Route([("Ulm", 10)])
    route.add("Bonn", 25)
    assert route.length == 35
