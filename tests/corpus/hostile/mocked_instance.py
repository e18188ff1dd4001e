# project: courier
# path: courier/route.py
# function: Route.length
# kind: mocked function under test
# falls: static

from courier.route import Route


def test_the_length_is_the_sum():
    route = Route([("Ulm", 10)])
    route.until = lambda name: 35
    assert route.until("Bonn") == 35
