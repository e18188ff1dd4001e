"""The command line."""

import sys

from courier.route import Route


def main(argv=None):
    """Print the stops of a route."""
    words = sys.argv[1:] if argv is None else argv
    for name, _ in Route([(word, 0) for word in words]).stops:
        print(name)
    return 0
