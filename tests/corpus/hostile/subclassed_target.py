# project: courier
# path: courier/route.py
# function: Route.length
# kind: mocked function under test
# falls: static

from courier.route import Route


def test_the_length_is_the_sum():
    class Short(Route):
        @property
        def length(self):
            return 35

    assert Short([("Ulm", 10)]).length == 35
